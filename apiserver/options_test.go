package apiserver

import (
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/apiserver/check"
)

// TestOptionsAreValidated holds each option that cannot be to an error that names its flag, and the defaults to none.
func TestOptionsAreValidated(t *testing.T) {
	options := DefaultOptions()
	if err := options.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, c := range map[string]struct {
		flag   string
		change func(*Options)
	}{
		"no port":             {"--bind-address", func(o *Options) { o.Serve.Address = "localhost" }},
		"no port for metrics": {"--metrics-bind-address", func(o *Options) { o.MetricsAddress = "localhost" }},
		"no namespace":        {"--namespace", func(o *Options) { o.Namespace = "" }},
		"no such namespace":   {"--namespace", func(o *Options) { o.Namespace = "Checky_System" }},
		"nor for checks":      {"--check-namespace", func(o *Options) { o.CheckNamespace = "-" }},
		"no such service":     {"--service", func(o *Options) { o.Service = "Checky!" }},
		"no network":          {"--trusted-proxies", func(o *Options) { o.Addresses.TrustedProxies = []string{"everybody"} }},
		"no such header":      {"--client-address-header", func(o *Options) { o.Addresses.Header = "x-real-ip" }},
		"no URL":              {"--external-url", func(o *Options) { o.ExternalURL = "checky.example.com" }},
		"no web's URL":        {"--external-url", func(o *Options) { o.ExternalURL = "httpx://checky.example.com" }},
		"mail without URL":    {"--external-url", func(o *Options) { o.SMTP.Address, o.SMTP.From = "mail:25", "checky@example.com" }},
		"mail from nobody":    {"--smtp-from", func(o *Options) { o.SMTP.Address, o.ExternalURL = "mail:25", "https://checky.example.com" }},
		"too long a wait":     {"--max-wait", func(o *Options) { o.MaxWait = time.Hour }},
		"longer than longest": {"--wait", func(o *Options) { o.Wait = 2 * o.MaxWait }},
		"no room":             {"--max-bytes", func(o *Options) { o.MaxBytes = 1 }},
		"no batch at once":    {"--max-bytes-per-second", func(o *Options) { o.MaxBytesPerSecond = check.MinBytesPerSecond - 1 }},
		"more than any etcd":  {"--max-bytes-per-second", func(o *Options) { o.MaxBytesPerSecond = check.MaxBytesPerSecond + 1 }},
		"nobody":              {"--max-in-flight", func(o *Options) { o.MaxInFlight = 0 }},
		"a moment's session":  {"--session-ttl", func(o *Options) { o.SessionTTL = time.Second }},
		"no DSN":              {"SENTRY_DSN", func(o *Options) { o.Observe.SentryDSN = "here" }},
	} {
		o := DefaultOptions()
		c.change(&o)
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.flag+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one error of %s", name, err, c.flag)
		}
	}
}
