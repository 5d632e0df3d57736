package apiserver_test

import (
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver"
)

// believing takes the client's address from X-Forwarded-For, so that a test can come from many.
func believing(o *apiserver.Options) { o.Addresses.TrustedProxies = []string{"127.0.0.0/8", "::1/128"} }

// enumerations are what somebody could ask who wants to know whether an address has an account.
var enumerations = map[string]struct {
	path string
	body func(email string) string
}{
	"sign up": {"/auth/signup", func(email string) string { return credentials(email, nextPassword) }},
	"log in":  {"/auth/login", func(email string) string { return credentials(email, nextPassword) }},
	"reset":   {"/auth/password-reset", func(email string) string { return fmt.Sprintf(`{"email": %q}`, email) }},
}

func someEmail() string { return strings.ToLower(rand.Text()) + "@example.com" }

// TestEnumeration asks for addresses with an account and without: the answers are the same to the byte. That they take the same
// time is BenchmarkEnumeration's: a test that asserts durations fails on a busy machine.
func TestEnumeration(t *testing.T) {
	f := newCluster(t).start(believing)
	known := f.newUser()
	for name, q := range enumerations {
		t.Run(name, func(t *testing.T) {
			ask := func(email string) (int, string, http.Header) {
				answer, text := f.do(http.MethodPost, q.path, "", q.body(email), "X-Forwarded-For", "192.0.2.1")
				return answer.StatusCode, text, steady(answer.Header)
			}
			status, text, header := ask(known.email)
			status2, text2, header2 := ask(someEmail())
			if status != status2 || text != text2 {
				t.Errorf("known: %d %s\nunknown: %d %s", status, text, status2, text2)
			}
			if diff := cmp.Diff(header, header2); diff != "" {
				t.Errorf("the headers differ:\n%s", diff)
			}
		})
	}
}

// BenchmarkEnumeration times the answers for addresses with an account and without, in turns. It reports the medians, and told-apart:
// how likely the longer of two answers, one of each, is that of the known address (the area under the ROC curve). 0.5 is a coin's.
func BenchmarkEnumeration(b *testing.B) {
	for name, q := range enumerations {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			f := newCluster(b).start(believing)
			var known, unknown []float64
			took := func(email string) float64 {
				began := time.Now()
				f.do(http.MethodPost, q.path, "", q.body(email), "X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", len(known)/250, len(known)%250))
				return float64(time.Since(began)) / float64(time.Millisecond)
			}
			for b.Loop() {
				b.StopTimer()
				u := f.newUser() // One of its own for each, as failures make an account wait.
				b.StartTimer()
				known = append(known, took(u.email))
				unknown = append(unknown, took(someEmail()))
			}
			b.ReportMetric(middle(known), "known-ms")
			b.ReportMetric(middle(unknown), "unknown-ms")
			b.ReportMetric(toldApart(known, unknown), "told-apart")
			b.ReportAllocs()
		})
	}
}

// middle is the median.
func middle(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// toldApart is the Mann-Whitney statistic, as a part of all pairs.
func toldApart(known, unknown []float64) float64 {
	longer := 0.0
	for _, k := range known {
		for _, u := range unknown {
			switch {
			case math.Abs(k-u) < 0.5: // half a millisecond: no network lets more be seen
				longer += 0.5
			case k > u:
				longer++
			}
		}
	}
	return longer / float64(len(known)*len(unknown))
}
