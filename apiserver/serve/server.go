package serve

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/net/netutil"
	"k8s.io/utils/clock"
)

// Server is one listener, and what it serves.
type Server struct {
	options  Options
	listener net.Listener
	clock    clock.Clock
	draining chan struct{} // closed when the end is announced
	closing  chan struct{} // closed when no more requests are taken
}

// Listen binds the address at once, so that its port is known and connections wait rather than fail until Run is called.
// Plain HTTP is refused on an address that other machines can reach, unless the options ask for it.
func Listen(ctx context.Context, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.tryCertificate(); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", o.Address, err)
	}
	// What is bound decides, not what was written: a name may resolve to anything.
	address, isTCP := listener.Addr().(*net.TCPAddr)
	if !o.secure() && !o.AllowPlainHTTP && (!isTCP || !address.IP.IsLoopback()) {
		_ = listener.Close() // nobody was served on it
		return nil, fmt.Errorf("%s can be reached by other machines, and tokens would cross the network in clear: "+
			"set --tls-cert-file and --tls-key-file, or --allow-plain-http where something in front ends TLS", o.Address)
	}
	return &Server{
		options:  o.withDefaults(),
		listener: listener,
		clock:    clock.RealClock{},
		draining: make(chan struct{}),
		closing:  make(chan struct{}),
	}, nil
}

// Addr is the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is where a client on this machine reaches it: https://127.0.0.1:8443, without a slash at its end.
func (s *Server) URL() string {
	scheme := "http://"
	if s.options.secure() {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return scheme + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// Draining is closed when the end is announced: from then on readiness says no.
func (s *Server) Draining() <-chan struct{} { return s.draining }

// Close gives the address back where Run was never called.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends and then drains, as the package's comment draws it. It is called once. The error is that of
// the listener or the certificate, or says that requests were cut because they took longer than DrainTimeout.
func (s *Server) Run(ctx context.Context, h http.Handler) error {
	defer s.listener.Close() //nolint:errcheck // the server has closed it already, in all but the errors before it ran
	// Requests outlive ctx by the drain; they end with this one.
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), serverKey{}, s))
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cut()
	server := s.newHTTPServer(base, h)
	serve := server.Serve
	if s.options.secure() {
		config, watch, err := s.options.tlsConfig()
		if err != nil {
			return err
		}
		server.TLSConfig = config
		watching.Go(func() { watch(base) })
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- serve(netutil.LimitListener(s.listener, s.options.MaxConnections)) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
		return s.drain(base, server, served)
	}
}

// drain ends the server: announced, then closed to new requests, then, at the latest, cut.
func (s *Server) drain(base context.Context, server *http.Server, served <-chan error) error {
	close(s.draining)
	s.options.Log.Info("Draining", "delay", s.options.DrainDelay.String(), "timeout", s.options.DrainTimeout.String())
	if s.options.DrainDelay > 0 {
		delay := s.clock.NewTimer(s.options.DrainDelay)
		defer delay.Stop()
		select {
		case <-delay.C():
		case err := <-served:
			close(s.closing)
			return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
		}
	}
	close(s.closing)
	bounded, cancel := context.WithTimeout(base, s.options.DrainTimeout)
	defer cancel()
	err := shutdown(bounded, server)
	if err != nil {
		err = fmt.Errorf("requests were cut after --drain-timeout (%s): %w", s.options.DrainTimeout, err)
		err = errors.Join(err, server.Close())
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// announceAgain is how often HTTP/2 connections are told of the end.
const announceAgain = time.Second

// shutdown is the server's Shutdown, begun anew until it is done. net/http tells the HTTP/2 connections of the end once, as it
// begins: one whose TLS handshake ends later is never told, and where its client sends nothing Shutdown would wait in vain.
func shutdown(ctx context.Context, server *http.Server) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, announceAgain)
		err := server.Shutdown(attempt)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

// newHTTPServer sets net/http's limits.
func (s *Server) newHTTPServer(base context.Context, h http.Handler) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           s.lastAnswers(h),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: s.options.ReadHeaderTimeout,
		ReadTimeout:       s.options.ReadTimeout,
		WriteTimeout:      s.options.WriteTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: MaxStreams},
		Protocols:         protocols,
		ErrorLog:          log.New(complaints{s.options.Log}, "", 0),
	}
}

// lastAnswers tells clients to connect anew once the end is announced; net/http makes a GOAWAY of it on HTTP/2.
func (s *Server) lastAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.draining:
			w.Header().Set("Connection", "close")
		default:
		}
		next.ServeHTTP(w, r)
	})
}

// complaints takes net/http's log lines. Those about a client's handshake are many on an open port, and nobody's fault.
type complaints struct{ log logr.Logger }

func (c complaints) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.Contains(text, "TLS handshake error") {
		c.log.V(1).Info("A TLS handshake failed", "message", text)
	} else {
		c.log.Info("The HTTP server complains", "message", text)
	}
	return len(line), nil
}

type serverKey struct{}

// Closing is closed when the server that took the request stops taking more, and waits for those under way: an event
// stream or a long wait ends then, so that its answer is whole. It is never closed (nil) where no Server serves.
func Closing(ctx context.Context) <-chan struct{} {
	s, ok := ctx.Value(serverKey{}).(*Server)
	if !ok {
		return nil
	}
	return s.closing
}

// LiftDeadlines takes the server's read and write timeouts off a request, for an answer that takes longer than they allow.
// Its body has to be read by then. A stream may set a write deadline of its own before each event, so that a client which
// reads no more lets go of the connection.
func LiftDeadlines(w http.ResponseWriter) error {
	controller := http.NewResponseController(w)
	return errors.Join(controller.SetReadDeadline(time.Time{}), controller.SetWriteDeadline(time.Time{}))
}
