package throttle

import (
	"net/http"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSetHeaders(t *testing.T) {
	cases := map[string]struct {
		reason string
		d      Decision
		policy string
		want   http.Header
	}{
		"Allowed": {
			reason: "an allowed request has no Retry-After, and a part of a second counts as one",
			d:      Decision{Allowed: true, Limit: 600, Remaining: 42, Reset: 55*time.Second + 800*time.Millisecond}, policy: "token",
			want: http.Header{
				"Ratelimit-Policy": {`"token";q=600;w=60`},
				"Ratelimit":        {`"token";r=42;t=56`},
			},
		},
		"Refused": {
			reason: "a refused one is told the whole seconds to wait, at least 1",
			d:      Decision{Limit: 600, Reset: time.Minute, RetryAfter: 100 * time.Millisecond}, policy: "address",
			want: http.Header{
				"Ratelimit-Policy": {`"address";q=600;w=60`},
				"Ratelimit":        {`"address";r=0;t=60`},
				"Retry-After":      {"1"},
			},
		},
		"RefusedForLong": {
			reason: "seconds are rounded up: who waits for 29 would be refused again",
			d:      Decision{Limit: 2, Reset: time.Minute, RetryAfter: 29*time.Second + 1}, policy: "token",
			want: http.Header{
				"Ratelimit-Policy": {`"token";q=2;w=60`},
				"Ratelimit":        {`"token";r=0;t=60`},
				"Retry-After":      {"30"},
			},
		},
		"QuotedName": {
			reason: "a name is serialised as RFC 9651 wants strings",
			d:      Decision{Allowed: true, Limit: 1}, policy: `a"b`,
			want: http.Header{
				"Ratelimit-Policy": {`"a\"b";q=1;w=60`},
				"Ratelimit":        {`"a\"b";r=0;t=0`},
			},
		},
		"NameOutsideASCII": {
			reason: "what no structured field can hold is left out",
			d:      Decision{Allowed: true, Limit: 1}, policy: "jeton é",
			want: http.Header{},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			c.d.SetHeaders(h, c.policy)
			if diff := cmp.Diff(c.want, h); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestHeadersAreStructuredFields reads what is written as RFC 9651 says, by a library.
func TestHeadersAreStructuredFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "policy")
		d := Decision{
			Allowed: true, Limit: rapid.IntRange(1, MaxPerMinute).Draw(t, "limit"), Remaining: rapid.IntRange(0, MaxPerMinute).Draw(t, "remaining"),
			Reset: time.Duration(rapid.Int64Range(0, int64(2*Window)).Draw(t, "reset")),
		}
		h := http.Header{}
		d.SetHeaders(h, policy)
		for name, want := range map[string][2]int64{
			"RateLimit-Policy": {int64(d.Limit), wholeSeconds(Window)}, "RateLimit": {int64(d.Remaining), wholeSeconds(d.Reset)},
		} {
			list, err := httpsfv.UnmarshalList(h.Values(name))
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %v, %d items", name, err, len(list))
			}
			item, _ := list[0].(httpsfv.Item)
			got := [2]int64{}
			for i, key := range item.Params.Names() {
				value, _ := item.Params.Get(key)
				got[i], _ = value.(int64)
			}
			if item.Value != policy || got != want {
				t.Fatalf("%s: %v %v, want %q %v", name, item.Value, got, policy, want)
			}
		}
	})
}
