package account

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/apiserver/password"
)

// Defaults of Options.
const (
	DefaultQuantum     = 300 * time.Millisecond
	DefaultMaxAccounts = 10_000
	DefaultSessionTTL  = 12 * time.Hour
)

// Bounds. What is counted is counted in this replica's cache: two replicas may pass a bound by what both let in at once.
const (
	MaxSessions     = 20 // of one account; the oldest make room
	MaxTokens       = 50 // API tokens of one account
	DefaultTokenTTL = 90 * 24 * time.Hour
	MaxTokenTTL     = 366 * 24 * time.Hour
	MaxGrace        = 7 * 24 * time.Hour
	MaxTokenName    = 64 // characters
	ResetTTL        = 15 * time.Minute
	MaxRate         = 1_000_000 // calls a minute, of the annotation RateAnnotation
)

// RateAnnotation is set on a token's Secret, with kubectl, to give the token a rate limit of its own in calls a minute:
// 1 to MaxRate.
const RateAnnotation = "checky.dev/rate-per-minute"

// Cache is what the Service follows its Secrets by. controller-runtime's cache.Cache is one. It has to hold the Secrets
// of Options.Namespace with the label FacadeLabel.
type Cache interface {
	GetInformer(ctx context.Context, obj client.Object, opts ...cache.InformerGetOption) (cache.Informer, error)
}

// Backoff counts failures by key. Check says whether the next attempt may be made, or after how long.
type Backoff interface {
	Check(key string) (retryAfter time.Duration, ok bool)
	Fail(key string)
	Clear(key string)
}

// Mailer puts a mail into a queue, without waiting for it to be sent.
type Mailer func(to, subject, text string) error

// Options are what a Service is made of.
type Options struct {
	Client    client.Client // direct: writes and live reads
	Cache     Cache
	Namespace string // of the Secrets
	Hasher    *password.Hasher
	Backoff   Backoff
	// DeleteChecks deletes what an account owns. It may be called again for the same account.
	DeleteChecks func(ctx context.Context, owner string) error

	// Mailer is nil where no SMTP server is configured; ExternalURL is then not needed.
	Mailer Mailer
	// ExternalURL is where users reach the facade: links in mails begin with it, never with what a request says.
	ExternalURL *url.URL
	// ServiceName is what the service is called, and is no password. Empty: Checky.
	ServiceName string

	// SessionTTL is how long a login lasts. 0: DefaultSessionTTL.
	SessionTTL time.Duration
	// MaxAccounts is how many may sign up. 0: DefaultMaxAccounts.
	MaxAccounts int
	// SignUpClosed refuses to make accounts.
	SignUpClosed bool
	// Quantum is what answers of sign-up, failed logins and resets are rounded up to, so that their time says nothing.
	// DefaultQuantum is right for a service; 0 does not round.
	Quantum time.Duration

	Clock      clock.WithTicker      // nil: the real one
	Log        logr.Logger           // the zero value discards
	Registerer prometheus.Registerer // nil: metrics are not shown
}

// complete fills the defaults in and says what is missing.
func (o *Options) complete() error {
	if o.Client == nil || o.Cache == nil || o.Namespace == "" || o.Hasher == nil || o.Backoff == nil || o.DeleteChecks == nil {
		return errors.New("accounts need a Client, a Cache, a Namespace, a Hasher, a Backoff and DeleteChecks")
	}
	if o.Mailer != nil && (o.ExternalURL == nil || o.ExternalURL.Host == "") {
		return errors.New("mails need an external URL, such as https://checky.example.com, for the links in them")
	}
	if o.SessionTTL < 0 || o.MaxAccounts < 0 || o.Quantum < 0 {
		return errors.New("the session's lifetime, the number of accounts and the quantum cannot be negative")
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = DefaultSessionTTL
	}
	if o.MaxAccounts == 0 {
		o.MaxAccounts = DefaultMaxAccounts
	}
	if o.ServiceName == "" {
		o.ServiceName = "Checky"
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	return nil
}
