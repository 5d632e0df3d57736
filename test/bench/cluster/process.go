package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// patience is how long a program may take to be ready, and stopPatience to end.
const (
	patience     = 3 * time.Minute
	stopPatience = 20 * time.Second
)

// Process is one of Checky's programs.
type Process struct {
	Name string
	PID  int
	// Proxy is what it reaches the API server through.
	Proxy *Proxy
	// URL is where the facade serves; the others have none.
	URL string
	// Started is when it was started.
	Started time.Time

	metrics, profiles string // addresses; no profiles: the program has no such flag
	command           *exec.Cmd
	log               string
	done              chan struct{} // closed when it has ended
	err               error         // how, once done is closed
}

// program says what to run.
type program struct {
	name, binary, account string
	args                  []string
}

// Controller starts the operator, which deletes nothing that is finished. It returns at once: the first verdict tells when it works.
func (c *Cluster) Controller(ctx context.Context, flags ...string) (*Process, error) {
	return c.start(ctx, program{name: "controller", binary: "checky", account: "checky-controller", args: append([]string{
		"controller", "--metrics-secure=false", "--health-probe-bind-address=0", "--default-ttl=0", "--max-finished-per-namespace=0",
	}, flags...)})
}

// Facade starts the REST facade on a loopback address, with limits that no benchmark meets, and returns when it is ready. A client for
// its certificate is needed where the flags give it one.
func (c *Cluster) Facade(ctx context.Context, ready *http.Client, flags ...string) (*Process, error) {
	address := freeAddress(ctx)
	p, err := c.start(ctx, program{name: "facade", binary: "checky", account: "checky-apiserver", args: append([]string{
		"apiserver", "--metrics-secure=false", "--bind-address=" + address, "--namespace=" + System, "--check-namespace=" + Namespace,
		"--rate-per-minute=1000000", "--address-rate-per-minute=1000000", "--drain-delay=0s", "--max-pending=1000000", "--max-pending-per-owner=1000000",
		"--max-bytes=17179869184", "--max-bytes-per-second=134217728",
	}, flags...)})
	if err != nil {
		return nil, err
	}
	p.URL = "http://" + address
	if ready != http.DefaultClient {
		p.URL = "https://" + address
	}
	return p, p.await(ctx, ready, p.URL+"/readyz")
}

// Alertd starts the alert daemon, which writes recordings in place of sound, and returns when it is ready.
func (c *Cluster) Alertd(ctx context.Context, flags ...string) (*Process, error) {
	dir, err := os.MkdirTemp(c.dir, "alertd-")
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"state", "recordings"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	health := freeAddress(ctx)
	p, err := c.start(ctx, program{name: "alertd", binary: "checky-alertd", account: "checky-alertd", args: append([]string{
		"run", "--node-name=bench", "--state-dir=" + filepath.Join(dir, "state"), "--device=record:" + filepath.Join(dir, "recordings"),
		"--health-probe-bind-address=" + health,
	}, flags...)})
	if err != nil {
		return nil, err
	}
	return p, p.await(ctx, http.DefaultClient, "http://"+health+"/readyz")
}

// start runs a program as one of Checky's service accounts, through a proxy.
func (c *Cluster) start(ctx context.Context, what program) (*Process, error) {
	cfg, err := c.account(what.account)
	if err != nil {
		return nil, err
	}
	p := &Process{Name: what.name, metrics: freeAddress(ctx), done: make(chan struct{})}
	if p.Proxy, err = c.throughProxy(ctx, cfg); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.dir, what.name+"-")
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, cfg, what.account); err != nil {
		return nil, err
	}
	args := slices.Concat(what.args, []string{"--metrics-bind-address=" + p.metrics})
	if c.knows(ctx, "--pprof", what.binary, what.args[0]) {
		p.profiles = freeAddress(ctx)
		args = append(args, "--pprof="+p.profiles)
	}
	p.log = filepath.Join(dir, "log")
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()                                                                                         //nolint:errcheck // the program has it open
	p.command = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(c.o.Bin, what.binary), args...) //nolint:gosec // a program of Checky's; Close ends it
	p.command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	p.command.Stdout, p.command.Stderr = log, log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.PID = p.command.Process.Pid
	c.closeAtEnd(p)
	return p, nil
}

// run starts the program and waits for its end, on one thread: the kernel kills the program when the thread that started it ends.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.Started = time.Now()
	err := p.command.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.command.Wait()
	close(p.done)
}

// Close ends the program in order, or kills it if that takes too long, and returns when it is gone. It may have ended.
func (p *Process) Close() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended since
	select {
	case <-p.done:
		return nil
	case <-time.After(stopPatience):
		_ = p.command.Process.Kill() // the same
		<-p.done
		return fmt.Errorf("%s did not end within %s of SIGTERM and was killed", p.Name, stopPatience)
	}
}

// Stop ends the program and closes its proxy, before the cluster does.
func (p *Process) Stop() error { return errors.Join(p.Close(), p.Proxy.Close()) }

// Ended is an error once the program has ended by itself.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		text, _ := os.ReadFile(p.log) // there is nothing to tell without it
		return fmt.Errorf("%s ended: %w; its log ends with:\n%s", p.Name, p.err, text[max(0, len(text)-2000):])
	default:
		return nil
	}
}

// pollInterval is how often a starting program is asked whether it is ready: what is measured of a start is that exact.
const pollInterval = 5 * time.Millisecond

// await returns when an address answers 200.
func (p *Process) await(ctx context.Context, c *http.Client, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready within %s", patience))
	defer cancel()
	for {
		status, _, err := get(ctx, c, url)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err := p.Ended(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", p.Name, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// freeAddress is a loopback address at which nobody listens, and whose port is none that the system gives to outgoing connections
// (32768 and above): it stays free until it is used.
func freeAddress(ctx context.Context) string {
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000))) //nolint:gosec // nobody guards anything by it
		var config net.ListenConfig
		if l, err := config.Listen(ctx, "tcp", address); err == nil {
			_ = l.Close() // nobody has connected to it
			return address
		}
		if ctx.Err() != nil {
			return address
		}
	}
}
