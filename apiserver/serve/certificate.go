package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	certutil "k8s.io/client-go/util/cert"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// secure says whether it is TLS that is served.
func (o *Options) secure() bool { return o.CertFile != "" || o.selfSigned }

// tryCertificate says at once whether the pair can be served.
func (o *Options) tryCertificate() error {
	if o.CertFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile); err != nil {
		return fmt.Errorf("--tls-cert-file, --tls-key-file: %w", err)
	}
	return nil
}

// tlsConfig is Go's own choice of suites and curves from TLS 1.2 on. The function that comes with it keeps the
// certificate up to date until its context ends.
func (o *Options) tlsConfig() (*tls.Config, func(context.Context), error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.selfSigned {
		certificate, err := selfSigned()
		if err != nil {
			return nil, nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
		return config, func(context.Context) {}, nil
	}
	watcher, err := certwatcher.New(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--tls-cert-file, --tls-key-file: %w", err)
	}
	config.GetCertificate = watcher.GetCertificate
	return config, func(ctx context.Context) {
		// It gives up where the files are away for 10 seconds as it starts; the pair that was read stays in use meanwhile.
		for {
			err := watcher.Start(ctx)
			if ctx.Err() != nil {
				return
			}
			o.Log.Error(err, "The certificate's files cannot be watched; trying again", "file", o.CertFile)
		}
	}, nil
}

// selfSigned makes a certificate as kube-controller-manager does for its metrics: it encrypts, and proves nothing.
func selfSigned() (tls.Certificate, error) {
	certificate, key, err := certutil.GenerateSelfSignedCertKeyWithFixtures("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil, "")
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return tls.X509KeyPair(certificate, key)
}
