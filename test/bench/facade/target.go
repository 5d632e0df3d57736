package facade

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/load"
)

// target is a facade, and who sends it requests.
type target struct {
	facade    *cluster.Process
	authority []byte // PEM; nil: no TLS
	tokens    []string
}

// newTarget signs users up and in, and has the facade answer one dry run.
func newTarget(ctx context.Context, f *cluster.Process, client *http.Client, authority []byte) (*target, error) {
	t := &target{facade: f, authority: authority}
	for i := range users {
		token, err := cluster.SignIn(ctx, client, f.URL, fmt.Sprintf("user-%d-%d@example.com", i, f.PID))
		if err != nil {
			return nil, err
		}
		t.tokens = append(t.tokens, token)
	}
	return t, nil
}

// Which orders are sent: good ones alone, or two of three.
func good(i int) int  { return 3 * i }
func mixed(i int) int { return i }

// requests are POSTs of orders to a path, each user's in turn.
func (t *target) requests(path string, size int, choose func(i int) int) [][]byte {
	var list [][]byte
	for i := range cluster.Variants {
		body := `{"input":` + cluster.Payload(choose(i), size) + `,"rule_sets":["` + cluster.Set + `"]}`
		list = append(list, load.Request(http.MethodPost, path, []byte(body), "Authorization: Bearer "+t.tokens[i%len(t.tokens)], "Prefer: wait=60"))
	}
	return list
}

// plan sends requests: at a rate, or as fast as connections go.
func (t *target) plan(requests [][]byte, connections int, rate float64, length time.Duration) load.Plan {
	address, err := url.Parse(t.facade.URL)
	if err != nil {
		return load.Plan{} // no such plan can be carried out
	}
	return load.Plan{
		Address: address.Host, Authority: t.authority, Connections: connections, Requests: requests, Rate: rate, Duration: length, Want: http.StatusOK,
	}
}

// pair is a facade's certificate and key, in files.
type pair struct {
	dir, certFile, keyFile string
	pem                    []byte
}

// newPair makes a certificate for the loopback address, which signs itself.
func newPair(work string) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "facade"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(work, "facade-")
	if err != nil {
		return nil, err
	}
	p := &pair{
		dir: dir, certFile: filepath.Join(dir, "tls.crt"), keyFile: filepath.Join(dir, "tls.key"),
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
	}
	return p, errors.Join(
		os.WriteFile(p.certFile, p.pem, 0o600),
		os.WriteFile(p.keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
}

func (p *pair) remove() { _ = os.RemoveAll(p.dir) } // the whole work folder goes at the end

// client trusts the certificate.
func (p *pair) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
}
