package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// ServiceNetwork is what Services' addresses are of, in CIDR notation.
const ServiceNetwork = "10.96.0.0/16"

// serviceAddress is the first of ServiceNetwork, and so the API server's own within a cluster.
var serviceAddress = net.IPv4(10, 96, 0, 1)

// pollInterval is how often a starting server is asked whether it is ready.
const pollInterval = 50 * time.Millisecond

// startServers starts etcd and then the API server, each on new ports, and waits for both.
func (cp *ControlPlane) startServers(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	clientURL, peerURL := loopbackURL(ports[0]), loopbackURL(ports[1])
	cp.etcdURL, cp.address = clientURL, loopbackURL(ports[2])
	if cp.node.IsValid() {
		cp.address = serverURL(cp.node, ports[2])
	}

	// etcd has an authority of its own: what the API server's users hold is no key to the store.
	store, err := loadAuthority(cp.dir, "etcd-ca")
	if err != nil {
		return err
	}
	etcdPair, err := store.server("etcd")
	if err != nil {
		return err
	}
	if cp.etcd, err = cp.startEtcd(etcdPair, clientURL, peerURL); err != nil {
		return err
	}
	etcdClient, err := tlsClient(store.pem, etcdPair)
	if err != nil {
		return err
	}
	defer etcdClient.CloseIdleConnections()
	if err := waitReady(ctx, etcdClient, clientURL+"/health", cp.etcd); err != nil {
		return err
	}

	if cp.admin, err = cp.UserConfig(adminName, "system:masters"); err != nil {
		return err
	}
	return cp.startAPIServer(ctx)
}

func (cp *ControlPlane) startEtcd(serving pair, clientURL, peerURL string) (*process, error) {
	certFile, keyFile, err := serving.write(cp.dir, "etcd")
	if err != nil {
		return nil, err
	}
	authorityFile := filepath.Join(cp.dir, "etcd-ca.crt")
	args := []string{
		"--name=checky",
		"--data-dir=" + filepath.Join(cp.dir, "etcd"),
		"--listen-client-urls=" + clientURL,
		"--advertise-client-urls=" + clientURL,
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=checky=" + peerURL,
		"--client-cert-auth",
		"--trusted-ca-file=" + authorityFile,
		"--cert-file=" + certFile,
		"--key-file=" + keyFile,
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + authorityFile,
		"--peer-cert-file=" + certFile,
		"--peer-key-file=" + keyFile,
		"--log-level=warn",
	}
	if cp.temporary {
		// Data that nobody reads again needs no disk writes to be waited for.
		args = append(args, "--unsafe-no-fsync")
	}
	return cp.launchServer("etcd", args)
}

// startAPIServer starts the API server at its address, and waits until it serves.
func (cp *ControlPlane) startAPIServer(ctx context.Context) error {
	started, err := cp.launchAPIServer()
	if err != nil {
		return err
	}
	cp.replace(started)
	client, err := rest.HTTPClientFor(cp.admin)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	// Readiness does not wait for the default namespace, and users expect it.
	for _, path := range []string{"/readyz", "/api/v1/namespaces/default"} {
		if err := waitReady(ctx, client, cp.address+path, started, cp.etcd); err != nil {
			return err
		}
	}
	return nil
}

func (cp *ControlPlane) launchAPIServer() (*process, error) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(cp.address, "https://"))
	if err != nil {
		return nil, err
	}
	serving, err := cp.users.server("kube-apiserver", cp.node.AsSlice(), serviceAddress)
	if err != nil {
		return nil, err
	}
	certFile, keyFile, err := serving.write(cp.dir, "apiserver")
	if err != nil {
		return nil, err
	}
	accountsKey, err := loadKey(cp.dir, "service-accounts")
	if err != nil {
		return nil, err
	}
	args := []string{
		"--etcd-servers=" + cp.etcdURL,
		"--etcd-cafile=" + filepath.Join(cp.dir, "etcd-ca.crt"),
		"--etcd-certfile=" + filepath.Join(cp.dir, "etcd.crt"),
		"--etcd-keyfile=" + filepath.Join(cp.dir, "etcd.key"),
		"--secure-port=" + port,
		"--tls-cert-file=" + certFile,
		"--tls-private-key-file=" + keyFile,
		"--client-ca-file=" + cp.AuthorityFile(),
		"--anonymous-auth=false",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + accountsKey,
		"--service-account-signing-key-file=" + accountsKey,
		"--service-cluster-ip-range=" + ServiceNetwork,
		"--allow-privileged=true",
		"--profiling=false",
	}
	if !cp.node.IsValid() {
		return cp.launchServer("kube-apiserver", append(args,
			"--bind-address=127.0.0.1",
			"--advertise-address=127.0.0.1",
			"--authorization-mode=RBAC",
			// There is no address at which Pods could reach this server, and there are no Pods.
			"--endpoint-reconciler-type=none",
			// Nothing here makes the service account that this plugin wants for each Pod.
			"--disable-admission-plugins=ServiceAccount",
		))
	}
	kubelets, err := cp.users.client("checky-kubelet-client", "system:masters")
	if err != nil {
		return nil, err
	}
	kubeletsCert, kubeletsKey, err := kubelets.write(cp.dir, "kubelet-client")
	if err != nil {
		return nil, err
	}
	return cp.launchServer("kube-apiserver", append(args,
		"--bind-address="+cp.node.String(),
		"--advertise-address="+cp.node.String(),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--kubelet-client-certificate="+kubeletsCert,
		"--kubelet-client-key="+kubeletsKey,
		// A node's name need not resolve.
		"--kubelet-preferred-address-types=InternalIP",
	))
}

// launchServer runs one of the binaries with a log of its own.
func (cp *ControlPlane) launchServer(name string, args []string) (*process, error) {
	logFile := filepath.Join(cp.dir, name+".log")
	// A log tells of one start: an old error must not be taken for a new one.
	if err := os.Remove(logFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	opts := launchOptions{
		name:       name,
		supervisor: cp.supervisor,
		command:    append([]string{filepath.Join(cp.assets, name)}, args...),
		logFile:    logFile,
	}
	if cp.temporary {
		opts.temporary = cp.dir
	}
	return launch(opts)
}

func (cp *ControlPlane) stopServers() error {
	var errs []error
	apiserver, _ := cp.current()
	for _, p := range []*process{apiserver, cp.etcd} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// waitReady asks a URL until it answers 200. It gives up when the context ends or one of the servers does;
// the first is the one that is waited for.
func waitReady(ctx context.Context, client *http.Client, url string, servers ...*process) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		last := probe(ctx, client, url)
		if last == nil {
			return nil
		}
		for _, server := range servers {
			select {
			case <-server.done:
				return server.ended()
			default:
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (last answer: %w); the end of its log:\n%s",
				servers[0].name, context.Cause(ctx), last, tail(servers[0].logFile))
		}
	}
}

func probe(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func tlsClient(authorityPEM []byte, client pair) (*http.Client, error) {
	certificate, err := tls.X509KeyPair(client.certificate, client.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorityPEM)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      roots,
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
	}}}, nil
}

// freePorts returns n different loopback ports that were free a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		// Held open until all are chosen, so that they differ.
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not block
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() //nolint:errcheck // nothing was sent
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func loopbackURL(port int) string { return serverURL(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port) }

func serverURL(address netip.Addr, port int) string {
	return "https://" + net.JoinHostPort(address.String(), strconv.Itoa(port))
}
