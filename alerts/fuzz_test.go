package alerts_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// FuzzCompile holds that no policy and no silence, also none that an API server would never have stored, makes Compile panic or
// lets something through that panics when it is asked.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`{}`,
		`{"spec":{"priority":10,"selector":{"matchLabels":{"team":"orders"}},"namespaceSelector":{"matchExpressions":[{"key":"stage","operator":"In","values":["live"]}]},"nodeSelector":{"room":"1"},"minSeverity":"info"}}`,
		`{"spec":{"tones":{"critical":{"pattern":"high"},"error":{"file":"a.wav"}},"recoveryTone":{"configMapKeyRef":{"name":"x","key":"y"}},"volume":50,"groupWait":"5s","groupInterval":"1m","repeatInterval":"0s"}}`,
		`{"spec":{"quietHours":[{"start":"22:00","end":"06:00","days":["Friday"],"timeZone":"Europe/Berlin","severities":["critical"]},{"start":"00:00","end":"24:00","timeZone":"Pacific/Apia"}]}}`,
		`{"spec":{"quietHours":[{"start":"7:00","end":"25:00","days":["Mon","Mon"],"timeZone":"../../etc/passwd","severities":["loud",""]}]}}`,
		`{"spec":{"tones":{"info":{},"warning":{"pattern":"low","file":"/x"}},"volume":-5,"groupWait":"-1s","selector":{"matchExpressions":[{"key":"","operator":"x"}]}}}`,
		`{"spec":{"checks":["order-1"],"severities":["critical"],"startsAt":"2026-05-31T10:00:00Z","endsAt":"2026-05-31T12:00:00Z"}}`,
		`{"spec":{"checks":[],"selector":{},"endsAt":null}}`,
	} {
		for _, seconds := range []int64{1_774_746_000, 0, -62_135_596_800, math.MinInt64, math.MaxInt64} {
			f.Add([]byte(seed), seconds, "error")
		}
	}
	f.Fuzz(func(t *testing.T, object []byte, seconds int64, severity string) {
		at := time.Unix(seconds, 0)
		subject := alerts.Subject{Namespace: "n", Name: "c", Labels: labels.Set{"team": "orders"}, Severity: v1alpha1.Severity(severity)}
		var policy v1alpha1.AlertPolicy
		if json.Unmarshal(object, &policy) == nil {
			p, problems := alerts.Compile(&policy)
			if (p == nil) != (len(problems) > 0) {
				t.Fatalf("policy %v and problems %v", p, problems)
			}
			_ = problems.ToAggregate()
			if p != nil {
				ask(t, p, subject, at)
			}
		}
		var silence v1alpha1.Silence
		if json.Unmarshal(object, &silence) == nil {
			s, problems := alerts.CompileSilence(&silence)
			if (s == nil) != (len(problems) > 0) {
				t.Fatalf("silence %v and problems %v", s, problems)
			}
			if s != nil && s.Mutes(subject, at) && s.State(at) != v1alpha1.SilenceActive {
				t.Fatalf("it mutes, and is %s", s.State(at))
			}
		}
	})
}

func ask(t *testing.T, p *alerts.Policy, s alerts.Subject, at time.Time) {
	if chosen := alerts.Choose([]*alerts.Policy{p}, s); (chosen == p) != p.Selects(s) {
		t.Fatalf("chosen %v, though selected: %t", chosen, p.Selects(s))
	}
	p.OnNode(s.Labels)
	if p.Tone(s.Severity) == (v1alpha1.Tone{}) {
		t.Fatalf("nothing is heard for severity %q", s.Severity)
	}
	for _, named := range p.Tones() {
		if named.Path.String() == "" {
			t.Fatal("a tone has no path")
		}
	}
	// Beyond the years that people write, it is enough that there is an answer.
	until, quiet := p.Quiet(at, s.Severity)
	if written := at.Year() > 0 && at.Year() < 9999; written && quiet && !(until.After(at) && !until.After(at.Add(alerts.LookAhead))) {
		t.Fatalf("at %s it is quiet until %s", at, until)
	}
}
