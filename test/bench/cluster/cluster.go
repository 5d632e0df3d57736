package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/test/bench/section"
)

// System is the namespace that Checky is installed in.
const System = "checky-system"

// Namespace is where the facade makes its Checks.
const Namespace = "shop"

// benchUser is whom the API server takes the benchmark's own clients for: an administrator's requests would be neither authorized nor
// queued.
const benchUser = "bench"

// installTimeout bounds how long the kinds take to be served.
const installTimeout = time.Minute

// Cluster is a control plane with Checky's kinds installed, and what runs against it.
type Cluster struct {
	// Admin is a client that may do everything, and whose requests are not of what is measured.
	Admin client.WithWatch
	// Etcd and APIServer are the control plane's own processes.
	Etcd, APIServer *Server

	o   section.Options
	dir string
	cp  *controlplane.ControlPlane

	mu      sync.Mutex
	running []io.Closer // in the order of their start; mu guards it
}

// Start starts a control plane below o.Work and installs Checky's kinds and roles. Stop has to be called. The program has to call
// controlplane.ExitIfSupervisor first thing.
func Start(ctx context.Context, o section.Options) (_ *Cluster, err error) {
	ctrllog.SetLogger(logr.Discard()) // the client's libraries have nothing to tell
	dir, err := os.MkdirTemp(o.Work, "cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{o: o, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	c.cp, err = controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(dir, "controlplane"), Assets: o.Assets})
	if err != nil {
		return nil, err
	}
	if c.Etcd, err = findServer("etcd", o.Assets, c.cp.Dir()); err != nil {
		return nil, err
	}
	if c.APIServer, err = findServer("kube-apiserver", o.Assets, c.cp.Dir()); err != nil {
		return nil, err
	}
	return c, c.install(ctx)
}

// Stop ends everything that was started, the latest first, and deletes it.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	running := c.running
	c.running = nil
	c.mu.Unlock()
	var problems []error
	for i := len(running) - 1; i >= 0; i-- {
		problems = append(problems, running[i].Close())
	}
	if c.cp != nil {
		problems = append(problems, c.cp.Stop())
	}
	return errors.Join(append(problems, os.RemoveAll(c.dir))...)
}

// closeAtEnd has Stop close something.
func (c *Cluster) closeAtEnd(closer io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, closer)
}

func (c *Cluster) install(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	objects, err := controlplane.Manifests(config.Files, append([]string{"crd/bases"}, config.Rights...)...)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if c.Admin, err = client.NewWithWatch(c.cp.RESTConfig(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	var system unstructured.Unstructured
	system.SetAPIVersion("v1")
	system.SetKind("Namespace")
	system.SetName(System)
	if err := controlplane.Install(ctx, c.cp.RESTConfig(), append([]*unstructured.Unstructured{&system}, objects...)); err != nil {
		return err
	}
	return c.create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "checky-apiserver-checks"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "checky-apiserver-checks"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "checky-apiserver", Namespace: System}},
		},
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: benchUser},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"*"}, Verbs: []string{"*"}}},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: benchUser},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: benchUser},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: benchUser}},
		},
	)
}

func (c *Cluster) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := c.Admin.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

// account is the configuration of a client that is one of Checky's service accounts.
func (c *Cluster) account(name string) (*rest.Config, error) {
	return c.cp.UserConfig("system:serviceaccount:"+System+":"+name, "system:serviceaccounts", "system:serviceaccounts:"+System)
}

// throughProxy leads a configuration through a proxy of its own to the API server.
func (c *Cluster) throughProxy(ctx context.Context, cfg *rest.Config) (*Proxy, error) {
	target, err := url.Parse(cfg.Host)
	if err != nil {
		return nil, err
	}
	p, err := newProxy(ctx, target.Host)
	if err != nil {
		return nil, err
	}
	c.closeAtEnd(p)
	cfg.Host = "https://" + p.Address()
	return p, nil
}

// knows says whether one of Checky's commands knows a flag.
func (c *Cluster) knows(ctx context.Context, flag, program, command string) bool {
	help, err := runOutput(ctx, filepath.Join(c.o.Bin, program), command, "--help")
	return err == nil && strings.Contains(help, flag)
}
