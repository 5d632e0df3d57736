package serve

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/go-logr/logr"
)

// What a listener does unless Options say otherwise.
const (
	// DefaultReadHeaderTimeout bounds the TLS handshake, and a request's header: a connection that sends it slower is closed.
	DefaultReadHeaderTimeout = 5 * time.Second
	// DefaultReadTimeout bounds a request with its body. On HTTP/1.1 it also ends the context of a request whose answer
	// takes longer, because the server goes on reading to see its client leave: it is above the longest wait for a result
	// (60 s). What takes longer calls LiftDeadlines.
	DefaultReadTimeout = 90 * time.Second
	// DefaultWriteTimeout bounds a request from the end of its header to the end of its answer.
	DefaultWriteTimeout = 120 * time.Second
	// DefaultIdleTimeout is how long a connection may wait for its next request.
	DefaultIdleTimeout = 120 * time.Second
	// DefaultDrainDelay is how long to go on serving after the end has been announced. Endpoints of a cluster are taken out
	// in that time. It is the flag's default; Options take 0 as none.
	DefaultDrainDelay = 5 * time.Second
	// DefaultDrainTimeout is how long requests under way have to be answered, once no more are taken.
	DefaultDrainTimeout = 30 * time.Second
	// DefaultMaxConnections bounds open connections. More wait in the system's queue until one closes.
	DefaultMaxConnections = 10_000
	// MaxHeaderBytes bounds a request's header. A larger one is answered 431 and its connection closed.
	MaxHeaderBytes = 32 << 10
	// MaxStreams bounds the requests under way on one HTTP/2 connection. More of them are refused, and clients wait.
	MaxStreams = 250
	// maxOrigins bounds the origins that CORS knows.
	maxOrigins = 100
)

// Options of a listener. Durations of 0 stand for the defaults, but for DrainDelay.
type Options struct {
	// Address is where to listen, HOST:PORT. Port 0 takes a free one; without a host it is every address.
	Address string
	// CertFile and KeyFile are the certificate chain and its key, PEM (--tls-cert-file, --tls-key-file). They are read again
	// when they change; a pair that cannot be read is logged, and the one before stays in use. Without them it is plain HTTP.
	CertFile, KeyFile string
	// AllowPlainHTTP allows plain HTTP on an address that other machines can reach (--allow-plain-http).
	AllowPlainHTTP bool
	// CORSOrigins are the web origins whose scripts may call (--cors-origin), such as https://console.example. "*" is all of
	// them. None: no CORS headers at all. Credentials (cookies, client certificates) are never allowed: callers send tokens.
	CORSOrigins []string
	// MaxConnections bounds open connections. 0 stands for the default.
	MaxConnections int

	ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration

	// DrainDelay is how long Run goes on serving after its context ended. 0: not at all.
	DrainDelay time.Duration
	// DrainTimeout is how long requests under way have to be answered after that, before they are cut.
	DrainTimeout time.Duration

	// Log takes what net/http says of connections, and the drain's course. What is said of reloaded certificates goes to
	// controller-runtime's logger.
	Log logr.Logger

	// selfSigned serves TLS with a certificate made at start: for a port whose callers do not look at it.
	selfSigned bool
}

// Validate says which option is wrong, by its flag if it has one.
func (o *Options) Validate() error {
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return fmt.Errorf("--bind-address: expected HOST:PORT: %w", err)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("--tls-cert-file and --tls-key-file go together: set both or none")
	}
	if o.MaxConnections < 0 {
		return errors.New("--max-connections: must not be negative")
	}
	for _, bound := range []struct {
		name  string
		value time.Duration
	}{
		{"--drain-delay", o.DrainDelay}, {"--drain-timeout", o.DrainTimeout},
		{"ReadHeaderTimeout", o.ReadHeaderTimeout}, {"ReadTimeout", o.ReadTimeout}, {"WriteTimeout", o.WriteTimeout}, {"IdleTimeout", o.IdleTimeout},
	} {
		if bound.value < 0 {
			return fmt.Errorf("%s: must not be negative", bound.name)
		}
	}
	if len(o.CORSOrigins) > maxOrigins {
		return fmt.Errorf("--cors-origin: at most %d", maxOrigins)
	}
	for _, origin := range o.CORSOrigins {
		if err := validateOrigin(origin); err != nil {
			return err
		}
	}
	return nil
}

// validateOrigin takes what a browser sends as Origin (RFC 6454, section 6.2), or "*". Patterns are refused: they match
// more than their writer thinks of.
func validateOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.String() != u.Scheme+"://"+u.Host {
		return fmt.Errorf("--cors-origin: %q is not an origin: expected https://HOST or https://HOST:PORT, or * for all", origin)
	}
	for _, r := range u.Host {
		if r == '*' {
			return fmt.Errorf("--cors-origin: %q is a pattern: name each origin, or * for all", origin)
		}
	}
	return nil
}

// withDefaults fills in what is 0.
func (o Options) withDefaults() Options {
	orDefault(&o.ReadHeaderTimeout, DefaultReadHeaderTimeout)
	orDefault(&o.ReadTimeout, DefaultReadTimeout)
	orDefault(&o.WriteTimeout, DefaultWriteTimeout)
	orDefault(&o.IdleTimeout, DefaultIdleTimeout)
	orDefault(&o.DrainTimeout, DefaultDrainTimeout)
	orDefault(&o.MaxConnections, DefaultMaxConnections)
	return o
}

func orDefault[T time.Duration | int](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}
