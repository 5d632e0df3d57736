package program

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof" // what it adds to the default mux nobody serves
	"net/netip"
	"runtime"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
)

// profileOptions choose where a server's profiles are served.
type profileOptions struct {
	Address string // of the loopback interface; empty: nowhere
}

// BindFlags makes a flag of each option.
func (o *profileOptions) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Address, "pprof", "", "loopback address to serve profiles on, such as 127.0.0.1:6060, for go tool pprof (default: none)")
}

// Validate says which options cannot be, naming the flag.
func (o *profileOptions) Validate() error {
	if o.Address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return fmt.Errorf("--pprof: expected HOST:PORT, such as 127.0.0.1:6060: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("--pprof: %q is not a loopback address, and profiles are served to nobody else: give 127.0.0.1:PORT or [::1]:PORT; kubectl port-forward reaches that of a Pod", host)
	}
	return nil
}

// How locks are sampled while profiles are served. The cost is below what a benchmark can tell.
const (
	// mutexFraction is of how many contended locks one is recorded.
	mutexFraction = 10
	// blockRate is how long goroutines have waited, all together, when one wait is recorded.
	blockRate = 10 * time.Microsecond
)

// Bounds of the requests for profiles.
const (
	profileHeaderTimeout = 5 * time.Second
	profileIdleTimeout   = time.Minute
	profileHeaderBytes   = 16 << 10
	// maxProfileTime is the longest that a profile may be recorded, and that reading one may take.
	maxProfileTime = 10 * time.Minute
)

// profiler serves the profiles of this process.
type profiler struct {
	server *http.Server
	url    string
	done   chan struct{}
}

// start begins to serve profiles, if an address is given. Stop ends it; it is never nil.
func (o *profileOptions) start(ctx context.Context, logger logr.Logger) (stop func(), err error) {
	if o.Address == "" {
		return func() {}, nil
	}
	p, err := newProfiler(ctx, o.Address, logger)
	if err != nil {
		return nil, err
	}
	logger.Info("Profiles are served", "url", p.url)
	return p.stop, nil
}

func newProfiler(ctx context.Context, address string, logger logr.Logger) (*profiler, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--pprof: %w", err)
	}
	// A name is what the machine says that it is.
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("--pprof: %q is not a loopback address of this machine: give 127.0.0.1:PORT", address), listener.Close())
	}
	p := &profiler{url: "http://" + listener.Addr().String() + "/debug/pprof/", done: make(chan struct{})}
	p.server = &http.Server{
		Handler:           profiles(),
		ReadHeaderTimeout: profileHeaderTimeout,
		WriteTimeout:      maxProfileTime,
		IdleTimeout:       profileIdleTimeout,
		MaxHeaderBytes:    profileHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(logger), slog.LevelDebug),
	}
	runtime.SetMutexProfileFraction(mutexFraction)
	runtime.SetBlockProfileRate(int(blockRate))
	go func() {
		defer close(p.done)
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error(err, "Profiles are no longer served")
		}
	}()
	return p, nil
}

// stop ends the serving, whatever is under way: nobody waits for a profile of a program that ends.
func (p *profiler) stop() {
	_ = p.server.Close()
	<-p.done
	runtime.SetMutexProfileFraction(0)
	runtime.SetBlockProfileRate(0)
}

// profiles are the handlers of net/http/pprof on a mux of their own.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
