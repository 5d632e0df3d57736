//go:build linux

package alertd_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestWithoutAPolicyErrorAndCriticalSoundOnce also has a policy that cannot work, which is as if it were not there. It has the cluster to
// itself: any policy of another test would end the built-in one.
func TestWithoutAPolicyErrorAndCriticalSoundOnce(t *testing.T) {
	c := newCluster(t)
	c.policy(func(p *v1alpha1.AlertPolicySpec) { p.QuietHours = []v1alpha1.QuietHours{onMars} })
	d := c.room().start("--log-debug")
	s := &scene{cluster: c, d: d}
	d.await("There is no AlertPolicy that can be used; the built-in one holds", 1)
	d.await("An AlertPolicy cannot be used, and is left out", 1)
	s.noSound(s.fail("warning", v1alpha1.SeverityWarning, "x"), "unmatched")
	s.fail("error", v1alpha1.SeverityError, "x")
	s.hears("First error medium error")
	s.fail("critical", v1alpha1.SeverityCritical, "x")
	want := []string{"First error medium error", "First critical high critical"}
	s.hears(want...)
	for _, a := range s.announcements(2) {
		if a.text("policy") != "default" {
			t.Errorf("%s was announced by the policy %s", a, a.text("policy"))
		}
	}
	// A policy that selects them now announces nothing again.
	s.another("-late", func(p *v1alpha1.AlertPolicySpec) { p.MinSeverity = v1alpha1.SeverityError })
	s.settle()
	s.hears(want...)
}

// onMars are quiet hours that the API server takes, and nobody can observe.
var onMars = v1alpha1.QuietHours{Start: "00:00", End: "24:00", TimeZone: "Mars/Phobos"}

// seconds is a policy's duration.
func seconds(n int) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n) * time.Second}
}

const anHour = 3600

func TestPoliciesSelect(t *testing.T) {
	scenes(t, map[string]func(s *scene){
		"each severity has its pattern":                          eachSeverityHasItsPattern,
		"what is below minSeverity is not heard":                 belowMinSeverity,
		"a selector selects by labels":                           selectsByLabels,
		"a namespace selector selects by labels of namespaces":   selectsByNamespace,
		"a node selector says where it sounds":                   selectsByNode,
		"of two policies the one of higher priority applies":     higherPriorityApplies,
		"a policy that cannot work is left out, the others hold": invalidIsLeftOut,
	})
}

func eachSeverityHasItsPattern(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.MinSeverity = v1alpha1.SeverityInfo })
	var want []string
	for _, c := range []struct {
		severity v1alpha1.Severity
		heard    string
	}{
		{v1alpha1.SeverityInfo, "First info low info"},
		{v1alpha1.SeverityWarning, "First warning low warning"},
		{v1alpha1.SeverityError, "First error medium error"},
		{v1alpha1.SeverityCritical, "First critical high critical"},
	} {
		s.fail(string(c.severity), c.severity, "x")
		want = append(want, c.heard)
		s.hears(want...)
	}
}

func belowMinSeverity(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.MinSeverity = v1alpha1.SeverityCritical })
	s.noSound(s.fail("error", v1alpha1.SeverityError, "x"), "unmatched")
	s.fail("critical", v1alpha1.SeverityCritical, "x")
	s.hears("First critical high critical")
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.MinSeverity = v1alpha1.SeverityError })
	s.hears("First critical high critical", "First error medium error")
}

func selectsByLabels(s *scene) {
	gold := map[string]string{"tier": "gold"}
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.Selector = &metav1.LabelSelector{MatchLabels: gold} })
	plain := s.fail("plain", v1alpha1.SeverityError, "x")
	s.noSound(plain, "unmatched")
	s.failLabelled("golden", v1alpha1.SeverityError, gold)
	s.hears("First error medium golden")
	s.update(plain, func() { plain.Labels = gold })
	s.hears("First error medium golden", "First error medium plain")
}

func selectsByNamespace(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.NamespaceSelector.MatchLabels["team"] = "red" })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "unmatched")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	s.update(namespace, func() { namespace.Labels["team"] = "red" })
	s.hears("First error medium a")
}

func selectsByNode(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.NodeSelector = map[string]string{"room": "b"} })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "unmatched")
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.NodeSelector = map[string]string{"room": "a"} })
	s.hears("First error medium a")
}

func higherPriorityApplies(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.Tones.Error = &v1alpha1.Tone{Pattern: v1alpha1.TonePatternLow} })
	urgent := s.another("-urgent", func(p *v1alpha1.AlertPolicySpec) {
		p.Priority, p.Tones.Error = 10, &v1alpha1.Tone{Pattern: v1alpha1.TonePatternRecovery}
	})
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error recovery a")
	s.edit(urgent, func(p *v1alpha1.AlertPolicySpec) { p.Priority = -10 })
	s.fail("b", v1alpha1.SeverityError, "x")
	s.hears("First error recovery a", "First error low b")
}

func invalidIsLeftOut(s *scene) {
	s.ruled(nil)
	invalid := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-mars"}, Spec: v1alpha1.AlertPolicySpec{
		Priority: 10, QuietHours: []v1alpha1.QuietHours{onMars},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
	}}
	s.create(invalid)
	s.deleteAfter(invalid)
	s.d.awaitLines(s.t, "that the policy cannot be used", 1, func(l line) bool {
		return l.text("msg") == "An AlertPolicy cannot be used, and is left out" && l.text("policy") == invalid.Name
	})
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	// Mended, it applies: it is quiet around the clock.
	s.edit(invalid, func(p *v1alpha1.AlertPolicySpec) { p.QuietHours[0].TimeZone = "UTC" })
	s.noSound(s.fail("b", v1alpha1.SeverityError, "x"), "quiet")
	s.settle()
	s.hears("First error medium a")
}

func TestPoliciesPace(t *testing.T) {
	scenes(t, map[string]func(s *scene){
		"two failures within groupWait are one tone":                    oneToneForTwo,
		"what passes within groupWait is never heard":                   passesWithinGroupWait,
		"groupInterval holds the next, and a worse one does not wait":   worseDoesNotWait,
		"what lasts is repeated after repeatInterval until it passes":   repeats,
		"an acknowledgement stops repeats, a changed verdict sounds":    acknowledgedRests,
		"what is acknowledged before it was announced is not":           acknowledgedBefore,
		"an acknowledgement of an earlier verdict holds nothing back":   acknowledgedEarlier,
		"a changed explanation never sounds again, a changed key does":  onlyFactsCount,
		"what fails again after a success is heard again":               failsAgain,
		"a recovery is heard, a deletion is not":                        recovers,
		"a policy that is edited while something waits applies at once": editedWhileWaiting,
		"quiet hours hold, and severities that they leave out sound":    quietHolds,
		"what still fails at the end of quiet hours is heard then":      quietEnds,
	})
}

func oneToneForTwo(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.GroupWait, p.GroupInterval = seconds(300), seconds(300) })
	s.fail("a", v1alpha1.SeverityError, "x")
	s.fail("b", v1alpha1.SeverityCritical, "x")
	s.settle()
	s.hears()
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.GroupWait = seconds(1) })
	s.hears("First critical high b +1")
}

func passesWithinGroupWait(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.GroupWait, p.GroupInterval = seconds(300), seconds(300) })
	a := s.fail("a", v1alpha1.SeverityCritical, "x")
	s.settle() // it waits by now
	s.judge(a, "", "")
	s.settle()
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.GroupWait = seconds(1) })
	s.fail("b", v1alpha1.SeverityError, "x")
	s.hears("First error medium b")
}

func worseDoesNotWait(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.GroupInterval = seconds(anHour) })
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	s.fail("b", v1alpha1.SeverityError, "x")
	s.settle()
	s.hears("First error medium a")
	s.fail("c", v1alpha1.SeverityCritical, "x")
	s.hears("First error medium a", "First critical high c +1") // and takes along what waits
	s.fail("d", v1alpha1.SeverityCritical, "x")
	s.settle()
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.GroupInterval = seconds(1) })
	s.hears("First error medium a", "First critical high c +1", "First critical high d")
}

func repeats(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(1) })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	for i, announced := range s.announcements(3) {
		want := "Repeat error medium a"
		if i == 0 {
			want = "First error medium a"
		}
		if got := announced.String(); got != want {
			s.t.Errorf("heard %q, want %q", got, want)
		}
	}
	s.judge(a, "", "")
	s.settle()
	s.rests()
}

// rests lets more than two intervals of a second pass, in which nothing is to be heard in the scene save markers.
func (s *scene) rests() {
	s.t.Helper()
	before := s.announcements(0)
	for range 3 {
		s.settle()
	}
	if after := s.announcements(0); len(after) != len(before) {
		s.t.Errorf("heard %v, and then %v", before, after[len(before):])
	}
}

func acknowledgedRests(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(1) })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.announcements(2)
	s.acknowledge(a, "ada")
	s.noSound(a, "acknowledged")
	s.rests()

	// Another verdict is heard, once: ada has taken the Check on.
	n := len(s.announcements(0))
	s.judge(a, v1alpha1.SeverityCritical, "y")
	if got := s.announcements(n + 1)[n].String(); got != "First critical high a" {
		s.t.Errorf("heard %q of the changed verdict", got)
	}
	s.rests()

	// Nobody has it any more, and so it is repeated.
	s.update(a, func() { delete(a.Annotations, v1alpha1.AcknowledgedByAnnotation) })
	if got := s.announcements(n + 2)[n+1].String(); got != "Repeat critical high a" {
		s.t.Errorf("heard %q without the acknowledgement", got)
	}
}

func acknowledgedBefore(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.GroupWait, p.GroupInterval = seconds(300), seconds(300) })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.settle()
	s.acknowledge(a, "ada")
	s.noSound(a, "acknowledged")
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.GroupWait = seconds(0) })
	s.settle()
	s.hears()
	s.update(a, func() { delete(a.Annotations, v1alpha1.AcknowledgedByAnnotation) })
	s.hears("First error medium a")
}

func acknowledgedEarlier(s *scene) {
	s.ruled(nil)
	a := s.pending("a")
	s.acknowledge(a, "ada")
	s.judge(a, v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
}

func onlyFactsCount(s *scene) {
	s.ruled(nil)
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	for _, text := range []string{"once more", "and again", "in other words"} {
		s.explain(a, text)
	}
	s.judge(a, v1alpha1.SeverityError, "x") // a new completion, with the same facts
	s.settle()
	s.hears("First error medium a")
	s.judge(a, v1alpha1.SeverityError, "y")
	s.hears("First error medium a", "First error medium a")
}

func failsAgain(s *scene) {
	s.ruled(nil)
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	s.judge(a, "", "")
	s.judge(a, v1alpha1.SeverityError, "x")
	s.hears("First error medium a", "First error medium a")
}

func recovers(s *scene) {
	s.ruled(func(p *v1alpha1.AlertPolicySpec) {
		p.RecoveryTone = &v1alpha1.Tone{Pattern: v1alpha1.TonePatternRecovery}
		p.MinSeverity = v1alpha1.SeverityWarning
	})
	gone := s.fail("gone", v1alpha1.SeverityWarning, "x")
	s.hears("First warning low gone")
	mended := s.fail("mended", v1alpha1.SeverityError, "x")
	s.hears("First warning low gone", "First error medium mended")
	s.remove(gone)
	s.judge(mended, "", "") // it is asked about after the other one
	s.hears("First warning low gone", "First error medium mended", "Recovery error recovery mended")
}

func editedWhileWaiting(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.GroupWait, p.GroupInterval = seconds(300), seconds(300) })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.fail("b", v1alpha1.SeverityCritical, "x")
	s.settle()
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) {
		p.GroupWait, p.MinSeverity = seconds(0), v1alpha1.SeverityCritical
		p.Tones.Critical = &v1alpha1.Tone{Pattern: v1alpha1.TonePatternLow}
	})
	s.noSound(a, "unmatched")
	s.hears("First critical low b")
}

// aroundNow are quiet hours in which now is well inside; at night they go beyond midnight.
func aroundNow() v1alpha1.QuietHours {
	now := time.Now().UTC()
	return v1alpha1.QuietHours{
		Start: now.Add(-2 * time.Hour).Format("15:04"), End: now.Add(2 * time.Hour).Format("15:04"), TimeZone: "UTC",
		Severities: []v1alpha1.Severity{v1alpha1.SeverityCritical},
	}
}

func quietHolds(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.QuietHours = []v1alpha1.QuietHours{aroundNow()} })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "quiet")
	passes := s.fail("passes", v1alpha1.SeverityError, "x")
	s.noSound(passes, "quiet")
	s.fail("b", v1alpha1.SeverityCritical, "x")
	s.hears("First critical high b")
	s.judge(passes, "", "")
	s.settle()
	s.hears("First critical high b")
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.QuietHours = nil })
	s.hears("First critical high b", "First error medium a")
}

func quietEnds(s *scene) {
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.QuietHours = []v1alpha1.QuietHours{aroundNow()} })
	s.noSound(s.fail("a", v1alpha1.SeverityError, "x"), "quiet")
	end := time.Now().UTC().Truncate(time.Minute).Add(time.Minute)
	s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.QuietHours[0].End = end.Format("15:04") })
	s.hears("First error medium a")
	if started := s.announcements(1)[0].started(s.t); started.Before(end) {
		s.t.Errorf("it was heard at %s, before %s", started, end)
	}
}
