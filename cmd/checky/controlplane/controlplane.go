package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// defaultStartTimeout is ten times what a start takes on a small machine.
const defaultStartTimeout = 2 * time.Minute

// startAttempts is how often a start is tried, if a port was taken between choosing and using it.
const startAttempts = 3

// adminName is the user of Kubeconfig and RESTConfig.
const adminName = "checky-admin"

// Options say where and how to run a control plane. The zero value works in a program that calls ExitIfSupervisor.
type Options struct {
	// Dir keeps the data, and its objects are there again at the next start. Empty: a temporary folder,
	// which Stop deletes.
	Dir string
	// Kubeconfig is where the administrator's kubeconfig is written. Empty: kubeconfig in the data folder. A file
	// that knows other clusters is never overwritten.
	Kubeconfig string
	// Assets is a folder that has etcd and kube-apiserver. Empty: FindAssets finds, fetches or builds them.
	Assets string
	// Log takes progress lines for people. Nil: nobody wants them.
	Log io.Writer
	// Supervisor is a program that calls ExitIfSupervisor. Empty: this one.
	Supervisor string
	// StartTimeout bounds the start, not counting FindAssets. Zero: two minutes.
	StartTimeout time.Duration
	// NodeAddress makes it the control plane of a cluster with nodes: the API server listens at this address of the machine's, which
	// kubelets and Pods can reach, and wants what they need. The zero value: the API server is on loopback alone, for a
	// cluster without nodes.
	NodeAddress netip.Addr
}

// ControlPlane is a kube-apiserver with its etcd. Its methods can be called concurrently.
type ControlPlane struct {
	dir        string
	temporary  bool
	lock       *os.File
	assets     string
	kubeconfig string
	users      *authority
	node       netip.Addr // where nodes reach the API server; the zero value: there are none
	address    string     // of the API server, https://ADDRESS:PORT
	admin      *rest.Config

	etcd       *process
	etcdURL    string
	supervisor string

	mu        sync.Mutex
	apiserver *process      // nil while it is stopped alone; mu guards it
	changed   chan struct{} // closed, and replaced, when apiserver is another; mu guards it

	stop     sync.Once
	stopErr  error
	stopping chan struct{}
}

// Start runs a control plane and returns when it is ready for requests. The context bounds the start
// only; Stop ends what was started, and so does the end of this process, whatever its cause.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	assets := opts.Assets
	if assets == "" {
		var err error
		if assets, err = FindAssets(ctx, opts); err != nil {
			return nil, err
		}
	} else if err := checkAssets(assets); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAssets, err)
	}
	cp, err := prepare(assets, opts)
	if err != nil {
		return nil, err
	}
	timeout := opts.StartTimeout
	if timeout == 0 {
		timeout = defaultStartTimeout
	}
	began := time.Now()
	fmt.Fprintf(opts.log(), "starting etcd and kube-apiserver (%s)\n", assets)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready within %s", timeout))
	defer cancel()
	if err := cp.run(ctx); err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	fmt.Fprintf(opts.log(), "ready after %.1f s at %s\n", time.Since(began).Seconds(), cp.address)
	return cp, nil
}

// prepare makes the data folder with what outlives a start: authorities and the service accounts' key.
func prepare(assets string, opts Options) (*ControlPlane, error) {
	cp := &ControlPlane{
		assets: assets, dir: opts.Dir, temporary: opts.Dir == "", supervisor: opts.Supervisor,
		node: opts.NodeAddress, changed: make(chan struct{}), stopping: make(chan struct{}),
	}
	var err error
	if cp.temporary {
		cp.dir, err = os.MkdirTemp("", "checky-controlplane-")
	} else if cp.dir, err = filepath.Abs(opts.Dir); err == nil {
		err = os.MkdirAll(cp.dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if cp.lock, err = lockFolder(cp.dir); err != nil {
		return nil, err
	}
	cp.kubeconfig = filepath.Join(cp.dir, "kubeconfig")
	if opts.Kubeconfig != "" {
		if cp.kubeconfig, err = filepath.Abs(opts.Kubeconfig); err != nil {
			return nil, errors.Join(err, cp.Stop())
		}
	}
	if cp.users, err = loadAuthority(cp.dir, "users-ca"); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder: %w", err), cp.Stop())
	}
	return cp, nil
}

// run starts the servers, on other ports where one was taken meanwhile, and writes the kubeconfig.
func (cp *ControlPlane) run(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := cp.startServers(ctx)
		if err == nil {
			break
		}
		if attempt == startAttempts || !portTaken(err) {
			return err
		}
		if stopErr := cp.stopServers(); stopErr != nil {
			return errors.Join(err, stopErr)
		}
	}
	if err := WriteKubeconfig(cp.kubeconfig, cp.admin, adminName); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	return nil
}

// portTaken tells whether a server ended because somebody else has its port.
func portTaken(err error) bool { return strings.Contains(err.Error(), "address already in use") }

// Dir is the data folder.
func (cp *ControlPlane) Dir() string { return cp.dir }

// Kubeconfig is the path of a kubeconfig file for the administrator, who may do everything.
func (cp *ControlPlane) Kubeconfig() string { return cp.kubeconfig }

// KubectlPath is the kubectl that came with the servers, or empty if none did.
func (cp *ControlPlane) KubectlPath() string {
	path := filepath.Join(cp.assets, "kubectl")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// AuthorityFile is the path of the certificate that signs those of the API server and of its users.
func (cp *ControlPlane) AuthorityFile() string { return filepath.Join(cp.dir, "users-ca.crt") }

// ServiceAccountKeyFile is the path of the key that signs service accounts' tokens.
func (cp *ControlPlane) ServiceAccountKeyFile() string {
	return filepath.Join(cp.dir, "service-accounts.key")
}

// RESTConfig is a client configuration for the administrator, a copy for each caller. It sets no rate limit
// of the client's own.
func (cp *ControlPlane) RESTConfig() *rest.Config { return rest.CopyConfig(cp.admin) }

// UserConfig is a client configuration for any user, who may do what RBAC allows to that name and those groups. A
// service account's name is system:serviceaccount:NAMESPACE:NAME, and its roles apply.
func (cp *ControlPlane) UserConfig(name string, groups ...string) (*rest.Config, error) {
	certificate, err := cp.users.client(name, groups...)
	if err != nil {
		return nil, fmt.Errorf("certificate for %s: %w", name, err)
	}
	return &rest.Config{
		Host: cp.address,
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   cp.users.pem,
			CertData: certificate.certificate,
			KeyData:  certificate.key,
		},
		QPS: -1, // the server's own priority and fairness limits clients
	}, nil
}

// Wait blocks until the context ends, or Stop is called, and returns nil; or until a server stops by itself, and returns an error
// with the end of its log.
func (cp *ControlPlane) Wait(ctx context.Context) error {
	for {
		apiserver, changed := cp.current()
		ended := cp.etcd
		select {
		case <-ctx.Done():
			return nil
		case <-cp.stopping:
			return nil
		case <-changed:
			continue
		case <-cp.etcd.done:
		case <-apiserver.ending():
			ended = apiserver
		}
		select {
		case <-cp.stopping: // that is why it ended
			return nil
		case <-changed: // so it is, perhaps
		default:
			return ended.ended()
		}
	}
}

// Stop ends the servers, the API server first, and deletes a temporary data folder. Calling it again
// returns the same result.
func (cp *ControlPlane) Stop() error {
	cp.stop.Do(func() {
		close(cp.stopping)
		cp.stopErr = errors.Join(cp.stopServers(), cp.lock.Close())
		if cp.temporary {
			cp.stopErr = errors.Join(cp.stopErr, os.RemoveAll(cp.dir))
		}
	})
	return cp.stopErr
}
