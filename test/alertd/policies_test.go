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
