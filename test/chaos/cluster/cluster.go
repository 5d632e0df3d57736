package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
	"github.com/checky-dev/checky/test/chaos/proxy"
)

// Namespace is where all Checks and rule sets of a run are.
const Namespace = "shop"

// system is Checky's own namespace: its roles are for it.
const system = "checky-system"

// node is where the alert daemon says that it runs.
const node = "node-1"

// startPatience is how long all may take to be ready at the beginning.
const startPatience = 5 * time.Minute

// Products are the processes that are Checky's.
var Products = []string{plan.Controller0, plan.Controller1, plan.Facade0, plan.Facade1, plan.Alertd}

// Twist is what a deliberate bug does to a cluster. Its zero value does nothing.
type Twist struct {
	// API gives a process another way to the API server: an address and the certificate that it is trusted by.
	API func(process string, api *rest.Config) (address string, authority []byte, err error)
	// Facade gives the clients of a replica another way to it.
	Facade func(replica, address string) (string, error)
	// Start prepares a start of a process.
	Start func(process string, start int, dir string, cmd *exec.Cmd) error
}

// Options say what runs, and where.
type Options struct {
	Dir     string // for everything; it is there, and empty
	Bin     string // folder of checky and checky-alertd
	Assets  string // folder of etcd and kube-apiserver; empty: they are found
	Log     io.Writer
	History *history.Log
	Twist   Twist
}

// Cluster is what runs. Its methods can be called concurrently.
type Cluster struct {
	o         Options
	cp        *found
	admin     *rest.Config
	client    client.WithWatch
	processes map[string]*process
	links     map[string]*proxy.Proxy
	health    map[string]string // URL of readiness, by process
	metrics   map[string]string // URL, by process
	webhooks  []string          // addresses of the controllers' webhooks
	authority []byte            // of the webhooks
	disk      disk
	web       *http.Client

	cancel context.CancelFunc
	group  sync.WaitGroup
	failed chan error
}

// Start starts everything, and returns when it is ready. Stop ends it, also where Start has failed.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	ctx, done := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("not ready within %s", startPatience))
	defer done()
	c := &Cluster{
		o: o, processes: map[string]*process{}, links: map[string]*proxy.Proxy{}, health: map[string]string{}, metrics: map[string]string{},
		web: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, failed: make(chan error, 16),
	}
	for _, folder := range []string{"controlplane", "logs", "webhook", "state", "recordings"} {
		if err := os.MkdirAll(c.path(folder), 0o700); err != nil {
			return c, err
		}
	}
	var err error
	if c.cp, err = foundControlPlane(ctx, c.path("controlplane"), o.Assets, o.Log); err != nil {
		return c, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	c.admin = c.cp.RESTConfig()
	if err := c.startControlPlane(ctx, running); err != nil {
		return c, err
	}
	if err := errors.Join(c.prepare(ctx), c.startProduct(running)); err != nil {
		return c, err
	}
	return c, c.AwaitReady(ctx)
}

// Stop ends everything, in order.
func (c *Cluster) Stop() {
	if c.cancel != nil {
		c.cancel()
	}
	c.group.Wait()
	for _, link := range c.links {
		link.Close()
	}
	c.disk.close()
}

func (c *Cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.o.Dir}, parts...)...)
}

// Failed tells of a process that cannot even be started.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Admin is a configuration for who may do everything; no fault is in its way but the control plane's own.
func (c *Cluster) Admin() *rest.Config { return rest.CopyConfig(c.admin) }

// User is a configuration for people with kubectl, by their link.
func (c *Cluster) User() *rest.Config {
	config := c.Admin()
	config.Host = "https://" + c.links[plan.ClientsAPI].Address()
	return config
}

// Facades are the URLs of the replicas, by the clients' links.
func (c *Cluster) Facades() map[string]string {
	return map[string]string{
		plan.Facade0: "http://" + c.links[plan.ClientsFacade0].Address(),
		plan.Facade1: "http://" + c.links[plan.ClientsFacade1].Address(),
	}
}

// Journal is the alert daemon's.
func (c *Cluster) Journal() string { return c.path("state", "journal.db") }

// Recordings is the folder of what would be heard.
func (c *Cluster) Recordings() string { return c.path("recordings") }

// launch keeps a process running.
func (c *Cluster) launch(ctx context.Context, p *process) {
	p.logPath, p.history, p.turned = c.path("logs", p.name+".log"), c.o.History, make(chan struct{})
	c.processes[p.name] = p
	c.group.Go(func() {
		if err := p.run(ctx); err != nil {
			select {
			case c.failed <- err:
			default:
			}
		}
	})
}

func (c *Cluster) startControlPlane(ctx, running context.Context) error {
	// It ends after the product does, which says good-bye to it.
	outlives, cancel := context.WithCancel(context.WithoutCancel(running))
	context.AfterFunc(running, func() {
		for _, name := range Products {
			if p := c.processes[name]; p != nil {
				for pid, _ := p.running(); pid != 0; pid, _ = p.running() {
					time.Sleep(20 * time.Millisecond)
				}
			}
		}
		cancel()
	})
	start := newStarter()
	for _, name := range []string{plan.Etcd, plan.APIServer} {
		line := c.cp.commands[name]
		c.launch(outlives, &process{name: name, path: line[0], args: line[1:], abrupt: true, starter: start})
	}
	web, err := rest.HTTPClientFor(c.admin)
	if err != nil {
		return err
	}
	for _, path := range []string{"/readyz", "/api/v1/namespaces/" + Namespace} {
		if err := awaitURL(ctx, web, c.admin.Host+path); err != nil {
			return err
		}
	}
	scheme, err := controllers.Scheme()
	if err != nil {
		return err
	}
	c.client, err = client.NewWithWatch(c.admin, client.Options{Scheme: scheme})
	return err
}

// startProduct starts the processes that are Checky's, each on its link.
func (c *Cluster) startProduct(ctx context.Context) error {
	start := newStarter()
	if err := os.WriteFile(c.path(knowledgeFile), checky.Knowledge, 0o600); err != nil {
		return err
	}
	if err := c.disk.mount(c.path("state")); err != nil {
		fmt.Fprintf(c.o.Log, "the journal has no filesystem of its own (%v): the faults full-disk are left out\n", err)
	}
	for i, name := range []string{plan.Controller0, plan.Controller1} {
		if err := c.startController(ctx, start, i, name); err != nil {
			return err
		}
	}
	for _, name := range []string{plan.Facade0, plan.Facade1} {
		if err := c.startFacade(ctx, start, name); err != nil {
			return err
		}
	}
	if err := c.startAlertd(ctx, start); err != nil {
		return err
	}
	if err := c.link(plan.ClientsAPI, strings.TrimPrefix(c.admin.Host, "https://")); err != nil {
		return err
	}
	return c.startWebhook(ctx)
}

// program starts one of Checky's programs under its role, with a link to the API server.
func (c *Cluster) program(ctx context.Context, start starter, name, account, binary string, args ...string) error {
	config, err := c.cp.serviceAccount(account)
	if err != nil {
		return err
	}
	if c.o.Twist.API != nil {
		address, authority, err := c.o.Twist.API(name, rest.CopyConfig(config))
		if err != nil {
			return err
		}
		if address != "" {
			config.Host, config.CAData = "https://"+address, authority
		}
	}
	if err := c.link(name, strings.TrimPrefix(config.Host, "https://")); err != nil {
		return err
	}
	config.Host = "https://" + c.links[name].Address()
	kubeconfig := c.path(name + ".kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, config, account); err != nil {
		return err
	}
	p := &process{
		name: name, path: filepath.Join(c.o.Bin, binary), args: args, env: []string{"KUBECONFIG=" + kubeconfig}, starter: start,
	}
	if c.o.Twist.Start != nil {
		p.before = func(n int, cmd *exec.Cmd) error { return c.o.Twist.Start(name, n, c.o.Dir, cmd) }
	}
	c.launch(ctx, p)
	return nil
}

func (c *Cluster) startController(ctx context.Context, start starter, number int, name string) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	metrics, health := address(ports[0]), address(ports[1])
	c.metrics[name], c.health[name] = "http://"+metrics+"/metrics", "http://"+health+"/readyz"
	c.webhooks = append(c.webhooks, address(ports[2]))
	return c.program(ctx, start, name, "checky-controller", "checky", "controller",
		"--leader-elect", "--leader-election-namespace="+system, "--namespace="+system,
		"--metrics-bind-address="+metrics, "--metrics-secure=false", "--health-probe-bind-address="+health,
		"--webhooks", "--webhook-port="+strconv.Itoa(ports[2]), "--webhook-cert-dir="+c.path("webhook"),
		"--knowledge="+c.path(knowledgeFile), "--max-finished-per-namespace=0", "--pod-name=controller-"+strconv.Itoa(number), "--pod-namespace="+system)
}

func (c *Cluster) startFacade(ctx context.Context, start starter, name string) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	bind, metrics := address(ports[0]), address(ports[1])
	c.metrics[name], c.health[name] = "http://"+metrics+"/metrics", "http://"+bind+"/readyz"
	reached := bind
	if c.o.Twist.Facade != nil {
		if reached, err = c.o.Twist.Facade(name, bind); err != nil {
			return err
		}
	}
	if err := c.link("clients-"+name, reached); err != nil {
		return err
	}
	return c.program(ctx, start, name, "checky-apiserver", "checky", "apiserver",
		"--bind-address="+bind, "--metrics-bind-address="+metrics, "--metrics-secure=false", "--namespace="+system, "--check-namespace="+Namespace,
		"--rate-per-minute=1000000", "--address-rate-per-minute=1000000", "--drain-delay=0s", "--knowledge="+c.path(knowledgeFile))
}

func (c *Cluster) startAlertd(ctx context.Context, start starter) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	metrics, health := address(ports[0]), address(ports[1])
	c.metrics[plan.Alertd], c.health[plan.Alertd] = "http://"+metrics+"/metrics", "http://"+health+"/readyz"
	return c.program(ctx, start, plan.Alertd, "checky-alertd", "checky-alertd", "run",
		"--node-name="+node, "--namespace="+system, "--state-dir="+c.path("state"), "--device=record:"+c.Recordings(),
		"--metrics-bind-address="+metrics, "--health-probe-bind-address="+health, "--flood-threshold=1000")
}

// link makes a way to an address that can fail.
func (c *Cluster) link(name, to string) error {
	return c.linkTo(name, func() string { return to })
}

func (c *Cluster) linkTo(name string, to func() string) error {
	link, err := proxy.Listen(name, to)
	if err != nil {
		return err
	}
	c.links[name] = link
	return nil
}

// AwaitReady waits until every process of the product says that it is ready.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	for _, name := range Products {
		if err := awaitURL(ctx, c.web, c.health[name]); err != nil {
			return fmt.Errorf("%s is not ready: %w", name, err)
		}
	}
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
