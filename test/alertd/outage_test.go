//go:build linux

package alertd_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestAnOutageOfTheAPIServer has the API server away for a while. What was known before goes on, what fails afterwards is heard, and nothing is
// heard twice; a daemon that starts meanwhile waits.
func TestAnOutageOfTheAPIServer(t *testing.T) {
	s := alone(t, healthy)
	lasting := map[string]string{"lasting": "true"}
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(anHour) })
	s.another("-lasting", func(p *v1alpha1.AlertPolicySpec) {
		p.Priority, p.RepeatInterval, p.Selector = 1, seconds(2), &metav1.LabelSelector{MatchLabels: lasting}
	})
	a := s.fail("a", v1alpha1.SeverityCritical, "x")
	s.hears("First critical high a")
	s.settle()
	s.expectHealth("/readyz", http.StatusOK)
	lasts := s.failLabelled("lasts", v1alpha1.SeverityError, lasting)
	n := len(s.announcements(2))

	if err := s.cp.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	stopped := true
	begin := func() {
		if stopped {
			stopped = false
			if err := s.cp.StartAPIServer(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(begin) // for the tests that follow

	late := &scene{cluster: s.cluster}
	late.d = s.room().launch("--log-debug", healthy)
	if got := s.announcements(n + 2)[n+1].String(); got != "Repeat error medium lasts" {
		t.Errorf("heard %q during the outage", got)
	}
	until(t, "readiness tells of the outage", func() bool {
		code, text := s.health("/readyz?verbose")
		return code == http.StatusInternalServerError && strings.Contains(text, "[-]watch") && strings.Contains(text, "[+]device")
	})
	s.expectHealth("/livez", http.StatusOK)
	late.expectHealth("/livez", http.StatusOK)
	late.expectHealth("/readyz?verbose", http.StatusInternalServerError, "[-]watch")
	begin()

	late.d.await("Watching", 1)
	s.remove(lasts)
	s.fail("b", v1alpha1.SeverityCritical, "x")
	s.judge(a, v1alpha1.SeverityCritical, "x") // evaluated again, with the same facts
	s.settle()
	until(t, "readiness tells that the outage is over", func() bool {
		code, _ := s.health("/readyz")
		return code == http.StatusOK
	})
	// One that started during the outage finds both.
	for name, x := range map[string]*scene{"the daemon that ran": s, "the daemon that started meanwhile": late} {
		until(t, name+" has announced both", func() bool { return x.criticals() >= 2 })
		if got := x.criticals(); got != 2 {
			t.Errorf("%s has announced %d failures in %v, want a once and b once", name, got, x.announcements(0))
		}
		x.d.stop()
	}
}

// criticals counts the critical failures that were announced.
func (s *scene) criticals() int {
	n := 0
	for _, l := range s.d.lines(s.own) {
		if count, ok := l["count"].(float64); ok && l.text("severity") == "critical" {
			n += int(count)
		}
	}
	return n
}
