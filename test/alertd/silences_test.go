//go:build linux

package alertd_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestSilences(t *testing.T) {
	scenes(t, map[string]func(s *scene){
		"a silence holds until endsAt, and what still fails is heard then": silenceEnds,
		"what a deleted silence held is heard":                             silenceDeleted,
		"a silence that is shortened ends earlier":                         silenceShortened,
		"a silence stops repeats":                                          silenceStopsRepeats,
		"a silence holds the Checks that it selects, and no others":        silenceSelects,
		"a silence that has not begun holds nothing":                       silenceYetToBegin,
		"what was heard before a silence is not heard after it":            heardBeforeSilence,
	})
}

func silenceEnds(s *scene) {
	s.ruled(nil)
	silence := s.silenced("all", nil)
	passes := s.fail("passes", v1alpha1.SeverityCritical, "x")
	s.noSound(passes, "silenced")
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "silenced")
	s.noSound(s.fail("b", v1alpha1.SeverityCritical, "x"), "silenced")
	s.judge(passes, "", "")
	s.settled(silence)
	s.hears()

	end := s.endsIn(silence, 3*time.Second)
	s.hears("First critical high b +1")
	if started := s.announcements(1)[0].started(s.t); started.Before(end) {
		s.t.Errorf("it was heard at %s, before the end of the silence at %s", started, end)
	}
}

// settled is settle where a Silence of all Checks holds, from which it then leaves out markers.
func (s *scene) settled(silence *v1alpha1.Silence) {
	s.t.Helper()
	s.update(silence, func() {
		silence.Spec.Severities = []v1alpha1.Severity{v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical}
	})
	s.takenIn(silence)
	s.settle()
}

// endsIn has a Silence end soon, and returns when that is. Times of the API have a resolution of one second.
func (s *scene) endsIn(silence *v1alpha1.Silence, d time.Duration) time.Time {
	s.t.Helper()
	end := time.Now().Add(d).Truncate(time.Second)
	s.update(silence, func() { silence.Spec.EndsAt = metav1.NewTime(end) })
	s.takenIn(silence)
	return end
}

func silenceDeleted(s *scene) {
	s.ruled(nil)
	silence := s.silenced("a", func(x *v1alpha1.SilenceSpec) { x.Checks = []string{"a"} })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "silenced")
	s.settle()
	s.hears()
	s.remove(silence)
	s.hears("First error medium a")
}

func silenceShortened(s *scene) {
	s.ruled(nil)
	silence := s.silenced("a", func(x *v1alpha1.SilenceSpec) { x.Checks = []string{"a"} })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "silenced")
	// An end that has passed already is one.
	s.update(silence, func() {
		silence.Spec.StartsAt = &metav1.Time{Time: time.Now().Add(-time.Hour)}
		silence.Spec.EndsAt = metav1.NewTime(time.Now().Add(-time.Minute))
	})
	s.hears("First error medium a")
}

func silenceStopsRepeats(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(1) })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.announcements(2)
	silence := s.silenced("a", func(x *v1alpha1.SilenceSpec) { x.Checks = []string{"a"} })
	s.noSound(a, "silenced")
	s.rests()
	n := len(s.announcements(0))
	s.remove(silence)
	if got := s.announcements(n + 1)[n].String(); got != "Repeat error medium a" {
		s.t.Errorf("heard %q after the silence", got)
	}
}

func silenceSelects(s *scene) {
	gold := map[string]string{"tier": "gold"}
	s.ruled(nil)
	s.silenced("gold", func(x *v1alpha1.SilenceSpec) {
		x.Selector = &metav1.LabelSelector{MatchLabels: gold}
		x.Severities = []v1alpha1.Severity{v1alpha1.SeverityError}
	})
	s.noSound(s.failLabelled("golden", v1alpha1.SeverityError, gold), "silenced")
	s.failLabelled("critical", v1alpha1.SeverityCritical, gold)
	s.hears("First critical high critical")
	s.fail("plain", v1alpha1.SeverityError, "x")
	s.hears("First critical high critical", "First error medium plain")

	// One of another namespace holds nothing here.
	other := &scene{cluster: newCluster(s.t), d: s.d}
	other.silenced("plain", nil)
	s.fail("another", v1alpha1.SeverityError, "x")
	s.hears("First critical high critical", "First error medium plain", "First error medium another")
}

func silenceYetToBegin(s *scene) {
	s.ruled(nil)
	s.silenced("later", func(x *v1alpha1.SilenceSpec) { x.StartsAt = &metav1.Time{Time: time.Now().Add(30 * time.Minute)} })
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
}

func heardBeforeSilence(s *scene) {
	s.ruled(nil)
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	silence := s.silenced("a", func(x *v1alpha1.SilenceSpec) { x.Checks = []string{"a", "b"} })
	s.noSound(s.fail("b", v1alpha1.SeverityError, "x"), "silenced")
	s.remove(silence)
	s.hears("First error medium a", "First error medium b")
}
