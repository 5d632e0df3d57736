package apiserver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/mail"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/serve"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// Options are what an operator chooses when the facade is installed.
type Options struct {
	// Serve is where and how requests are taken.
	Serve serve.Options
	// MetricsAddress is where metrics are served; "0" serves none.
	MetricsAddress string
	// SecureMetrics serves them by TLS, to callers whom the API server authenticates and authorizes.
	SecureMetrics bool
	// Namespace is where the facade runs, and where the Secrets of accounts and tokens are.
	Namespace string
	// CheckNamespace is where Checks are made and RuleSets found. Empty: Namespace.
	CheckNamespace string
	// Service is the facade's own Service, whose ready endpoints are its replicas. Empty: it counts as the only one.
	Service string
	// Knowledge is the path of the knowledge file; empty: the one that ships with Checky.
	Knowledge string
	// ExternalURL is where users reach the facade: links in mails begin with it. Empty with a Mailbox: where it listens.
	ExternalURL string
	// Wait is how long a request waits for its verdict if it does not say, MaxWait how long at most.
	Wait, MaxWait time.Duration
	// MaxInFlight is how many checks may be being stored in this replica, MaxWaits how many stored ones waited for, MaxDryRuns how many
	// dry runs under way, MaxStreams how many streams of events open.
	MaxInFlight, MaxWaits, MaxDryRuns, MaxStreams int
	// MaxPending is how many Checks may wait for their verdict before no more are taken, MaxPendingPerOwner how many of one owner.
	MaxPending, MaxPendingPerOwner int
	// MaxBytes is how many bytes the kept Checks of all callers may take together, a quarter of it those of one.
	MaxBytes int64
	// MaxBytesPerSecond is how many bytes of payloads and rules this replica stores a second in the long run, a quarter of it one caller's.
	MaxBytesPerSecond int64
	// PerMinute is how many requests a token may make a minute, AddressPerMinute an address without a token.
	PerMinute, AddressPerMinute int
	// RedisURL makes the limits exact across replicas. Empty: each replica has its share.
	RedisURL string
	// Addresses say which proxies are believed about the client's address.
	Addresses throttle.AddressesOptions
	// SignUp lets people make accounts, at most MaxAccounts.
	SignUp      bool
	MaxAccounts int
	// SessionTTL is how long a login holds.
	SessionTTL time.Duration
	// TokenAudience is what a ServiceAccount's token must be bound to. Empty: such tokens are not taken.
	TokenAudience string
	// SMTP is the mail server. No Address: no mail is sent.
	SMTP mail.SMTPOptions
	// Mailbox takes mails in place of a mail server, for development.
	Mailbox io.Writer
	// Observe says where errors and traces go.
	Observe observe.Options
	// Quantum is what the time of an answer about an account is rounded up to, so that it says nothing.
	Quantum time.Duration
}

// DefaultOptions are those of an installed facade. Secrets come from the environment, where a Secret can put them.
func DefaultOptions() Options {
	namespace := os.Getenv("POD_NAMESPACE")
	if namespace == "" {
		namespace = "checky-system"
	}
	return Options{
		Serve: serve.Options{
			Address:    ":8443",
			DrainDelay: serve.DefaultDrainDelay, DrainTimeout: serve.DefaultDrainTimeout,
			MaxConnections: serve.DefaultMaxConnections,
		},
		MetricsAddress:     ":9443",
		SecureMetrics:      true,
		Namespace:          namespace,
		Wait:               time.Second,
		MaxWait:            maxWait,
		MaxInFlight:        512,
		MaxWaits:           4096,
		MaxDryRuns:         4 * runtime.GOMAXPROCS(0),
		MaxStreams:         1000,
		MaxPending:         check.DefaultMaxPending,
		MaxBytes:           check.DefaultMaxBytes,
		MaxBytesPerSecond:  check.DefaultMaxBytesPerSecond,
		MaxPendingPerOwner: check.DefaultMaxPendingPerOwner,
		PerMinute:          throttle.DefaultPerMinute,
		AddressPerMinute:   60,
		RedisURL:           os.Getenv("REDIS_URL"),
		Addresses:          throttle.AddressesOptions{Header: throttle.XForwardedFor},
		SignUp:             true,
		MaxAccounts:        account.DefaultMaxAccounts,
		SessionTTL:         account.DefaultSessionTTL,
		TokenAudience:      authn.DefaultAudience,
		SMTP:               mail.SMTPOptions{TLS: mail.TLSStartTLS, Username: os.Getenv("SMTP_USERNAME"), Password: os.Getenv("SMTP_PASSWORD")},
		Observe:            observe.Options{SentryDSN: os.Getenv("SENTRY_DSN"), TraceRatio: 1},
		Quantum:            account.DefaultQuantum,
	}
}

// maxWait bounds every wait for a verdict. The server's read and write timeouts are above it.
const maxWait = 60 * time.Second

// BindFlags makes a flag of each option. Secrets have none: the list of processes shows flags.
func (o *Options) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Serve.Address, "bind-address", o.Serve.Address, "address to serve on, HOST:PORT")
	flags.StringVar(&o.Serve.CertFile, "tls-cert-file", o.Serve.CertFile, "certificate chain, PEM; it is followed when it changes")
	flags.StringVar(&o.Serve.KeyFile, "tls-key-file", o.Serve.KeyFile, "the certificate's key, PEM")
	flags.BoolVar(&o.Serve.AllowPlainHTTP, "allow-plain-http", o.Serve.AllowPlainHTTP, "serve without TLS on an address that other machines can reach, behind something that ends TLS")
	flags.StringSliceVar(&o.Serve.CORSOrigins, "cors-origin", o.Serve.CORSOrigins, `web origins whose scripts may call, such as https://console.example; "*" is all (default: none)`)
	flags.IntVar(&o.Serve.MaxConnections, "max-connections", o.Serve.MaxConnections, "how many connections may be open; more wait")
	flags.DurationVar(&o.Serve.DrainDelay, "drain-delay", o.Serve.DrainDelay, "how long to go on serving after SIGTERM, while endpoints are taken out")
	flags.DurationVar(&o.Serve.DrainTimeout, "drain-timeout", o.Serve.DrainTimeout, "how long requests under way have to be answered after that")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", o.MetricsAddress, `address to serve metrics on; "0" serves none`)
	flags.BoolVar(&o.SecureMetrics, "metrics-secure", o.SecureMetrics, "serve metrics by TLS, to callers whom the API server authenticates and authorizes")
	flags.StringVar(&o.Namespace, "namespace", o.Namespace, "namespace of the facade, and of the Secrets of accounts and tokens; POD_NAMESPACE sets its default")
	flags.StringVar(&o.CheckNamespace, "check-namespace", o.CheckNamespace, "namespace in which Checks are made and RuleSets found (default: --namespace)")
	flags.StringVar(&o.Service, "service", o.Service, "name of the facade's own Service, whose ready endpoints share the rate limits (default: it is the only replica)")
	flags.StringVar(&o.Knowledge, "knowledge", o.Knowledge, "knowledge file to explain dry runs with; it is followed when it changes (default: the one that ships with Checky)")
	flags.StringVar(&o.ExternalURL, "external-url", o.ExternalURL, "URL that users reach the facade at; links in mails begin with it, so --smtp-address needs it")
	flags.DurationVar(&o.Wait, "wait", o.Wait, "how long a request waits for its verdict if it does not say")
	flags.DurationVar(&o.MaxWait, "max-wait", o.MaxWait, "how long a request may wait for its verdict, at most 1m")
	flags.IntVar(&o.MaxInFlight, "max-in-flight", o.MaxInFlight, "how many checks may be being stored in this replica; more are told to come back")
	flags.IntVar(&o.MaxWaits, "max-waits", o.MaxWaits, "how many stored checks may be waited for in this replica; more are answered as pending")
	flags.IntVar(&o.MaxDryRuns, "max-dry-runs", o.MaxDryRuns, "how many dry runs may be under way in this replica; by default 4 for each processor")
	flags.IntVar(&o.MaxStreams, "max-streams", o.MaxStreams, "how many streams of events may be open in this replica")
	flags.IntVar(&o.MaxPending, "max-pending", o.MaxPending, "how many Checks may wait for their verdict before no more are taken")
	flags.IntVar(&o.MaxPendingPerOwner, "max-pending-per-owner", o.MaxPendingPerOwner, "how many of one owner's Checks may wait for their verdict")
	flags.Int64Var(&o.MaxBytes, "max-bytes", o.MaxBytes, "how many bytes the Checks of all callers may take together, a quarter of it those of one caller; past it 503, and 429")
	flags.Int64Var(&o.MaxBytesPerSecond, "max-bytes-per-second", o.MaxBytesPerSecond, "how many bytes of payloads and rules may be stored in this replica a second in the long run, and of 128 seconds at once, a quarter of it those of one caller; past it 503, and 429")
	flags.IntVar(&o.PerMinute, "rate-per-minute", o.PerMinute, "how many requests a token may make a minute, over all replicas")
	flags.IntVar(&o.AddressPerMinute, "address-rate-per-minute", o.AddressPerMinute, "how many requests an address may make a minute on routes that need no token, over all replicas")
	flags.StringSliceVar(&o.Addresses.TrustedProxies, "trusted-proxies", o.Addresses.TrustedProxies, "networks of proxies that are believed about the client's address, in CIDR notation")
	flags.StringVar(&o.Addresses.Header, "client-address-header", o.Addresses.Header, "header in which trusted proxies say the client's address: x-forwarded-for or forwarded")
	flags.BoolVar(&o.SignUp, "sign-up", o.SignUp, "let anybody who reaches the facade make an account")
	flags.IntVar(&o.MaxAccounts, "max-accounts", o.MaxAccounts, "how many accounts there may be")
	flags.DurationVar(&o.SessionTTL, "session-ttl", o.SessionTTL, "how long a login holds, 1m to 720h")
	flags.StringVar(&o.TokenAudience, "token-audience", o.TokenAudience, "audience that a ServiceAccount's token must be bound to; empty takes no such tokens")
	flags.StringVar(&o.SMTP.Address, "smtp-address", o.SMTP.Address, "mail server, HOST or HOST:PORT (default: no mail is sent)")
	flags.StringVar(&o.SMTP.From, "smtp-from", o.SMTP.From, "who mails are from")
	flags.StringVar(&o.SMTP.Username, "smtp-username", o.SMTP.Username, "user at the mail server (default: SMTP_USERNAME); its password is in SMTP_PASSWORD or --smtp-password-file")
	flags.StringVar(&o.SMTP.PasswordFile, "smtp-password-file", o.SMTP.PasswordFile, "file with the password at the mail server, read for each mail")
	flags.StringVar(&o.SMTP.TLS, "smtp-tls", o.SMTP.TLS, "starttls, implicit or none")
	flags.BoolVar(&o.SMTP.AllowPlain, "smtp-allow-plain", o.SMTP.AllowPlain, "let --smtp-tls=none talk to a mail server on another machine, in plain text")
	flags.StringVar(&o.SMTP.CAFile, "smtp-ca-file", o.SMTP.CAFile, "certificates to trust the mail server by, PEM (default: the system's)")
	flags.StringVar(&o.Observe.SentryEnvironment, "sentry-environment", o.Observe.SentryEnvironment, "name of this installation at Sentry, whose DSN is in SENTRY_DSN")
	flags.StringVar(&o.Observe.OTLPEndpoint, "otlp-endpoint", o.Observe.OTLPEndpoint, "URL that takes traces by OTLP over HTTP (default: OTEL_EXPORTER_OTLP_ENDPOINT; without it nothing is traced)")
	flags.Float64Var(&o.Observe.TraceRatio, "trace-ratio", o.Observe.TraceRatio, "share of requests to trace among those whose caller does not say")
}

// Validate says which options cannot be, naming the flag.
func (o *Options) Validate() error {
	problems := []error{o.Serve.Validate(), o.Observe.Validate()}
	for _, bound := range []struct {
		flag  string
		value int
	}{
		{"max-in-flight", o.MaxInFlight}, {"max-waits", o.MaxWaits}, {"max-dry-runs", o.MaxDryRuns}, {"max-streams", o.MaxStreams}, {"max-pending", o.MaxPending},
		{"max-pending-per-owner", o.MaxPendingPerOwner},
		{"rate-per-minute", o.PerMinute}, {"address-rate-per-minute", o.AddressPerMinute}, {"max-accounts", o.MaxAccounts},
	} {
		if bound.value < 1 || bound.value > 1_000_000 {
			problems = append(problems, fmt.Errorf("--%s: %d is not from 1 to 1,000,000", bound.flag, bound.value))
		}
	}
	if o.MaxBytes < 1<<20 {
		problems = append(problems, fmt.Errorf("--max-bytes: %d is below 1048576, 1 MiB", o.MaxBytes))
	}
	if least, most := int64(check.MinBytesPerSecond), int64(check.MaxBytesPerSecond); o.MaxBytesPerSecond < least || o.MaxBytesPerSecond > most {
		problems = append(problems, fmt.Errorf("--max-bytes-per-second: %d is not from %d, by which one caller may store the largest batch, to %d", o.MaxBytesPerSecond, least, most))
	}
	if o.MaxWait < 0 || o.MaxWait > maxWait {
		problems = append(problems, fmt.Errorf("--max-wait: %s is not from 0 to %s", o.MaxWait, maxWait))
	}
	if o.Wait < 0 || o.Wait > o.MaxWait {
		problems = append(problems, fmt.Errorf("--wait: %s is not from 0 to --max-wait, %s", o.Wait, o.MaxWait))
	}
	if o.SessionTTL < time.Minute || o.SessionTTL > 30*24*time.Hour {
		problems = append(problems, fmt.Errorf("--session-ttl: %s is not from 1m to 720h", o.SessionTTL))
	}
	return errors.Join(append(problems, o.validateNames(), o.validateMail())...)
}

// validateNames looks at names of objects, and at addresses.
func (o *Options) validateNames() error {
	var problems []error
	if len(validation.IsDNS1123Label(o.Namespace)) > 0 {
		problems = append(problems, errors.New("--namespace: expected the namespace that the facade runs in, such as checky-system"))
	}
	if o.CheckNamespace != "" && len(validation.IsDNS1123Label(o.CheckNamespace)) > 0 {
		problems = append(problems, errors.New("--check-namespace: expected the namespace that Checks are made in, such as checky"))
	}
	if o.Service != "" && len(validation.IsDNS1123Label(o.Service)) > 0 {
		problems = append(problems, errors.New("--service: expected the name of the facade's Service, such as checky-apiserver"))
	}
	if _, _, err := net.SplitHostPort(o.MetricsAddress); err != nil && o.MetricsAddress != "0" {
		problems = append(problems, fmt.Errorf("--metrics-bind-address: expected HOST:PORT, or 0 for none: %w", err))
	}
	_, err := throttle.NewAddresses(o.Addresses)
	return errors.Join(append(problems, err)...)
}

// validateMail looks at what mails need.
func (o *Options) validateMail() error {
	var problems []error
	external, err := url.Parse(o.ExternalURL)
	if absent := o.ExternalURL == "" && o.SMTP.Address == ""; !absent && (err != nil || external.Host == "" || external.Scheme != "https" && external.Scheme != "http") {
		problems = append(problems, errors.New("--external-url: expected the URL that users reach the facade at, such as https://checky.example.com; links in mails begin with it"))
	}
	if o.SMTP.Address != "" {
		problems = append(problems, o.SMTP.Validate())
	}
	return errors.Join(problems...)
}
