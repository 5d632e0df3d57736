//go:build linux

package alertd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/measure"
)

// scene is a namespace of a test's own, and a daemon that others may listen to as well.
type scene struct {
	*cluster
	d       *daemon
	markers int
}

// scenes runs rules side by side on one daemon, each in a namespace of its own, and with policies for that alone.
func scenes(t *testing.T, rules map[string]func(s *scene)) {
	t.Helper()
	d := newCluster(t).room().start("--log-debug", "--flood-threshold=1000")
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(&scene{cluster: newCluster(t), d: d})
		})
	}
}

// announcement is one that was logged, and what was recorded of it.
type announcement struct {
	line
	heard measure.Recording
}

// String is an announcement's kind and severity, the pattern that was recorded, the worst of the Checks, and how many others there were.
func (a announcement) String() string {
	_, name, _ := strings.Cut(a.text("first"), "/")
	s := fmt.Sprintf("%s %s %s %s", a.text("kind"), a.text("severity"), a.heard.Pattern, name)
	if count, _ := a.line["count"].(float64); count > 1 {
		s += fmt.Sprintf(" +%.0f", count-1)
	}
	return s
}

// started is when the sound began.
func (a announcement) started(t testing.TB) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, a.text("started"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// markerSuffix ends the name of the policy of markers.
const markerSuffix = "-marker"

// own tells whether a line speaks of an announcement of this scene, and not of a marker.
func (s *scene) own(l line) bool {
	return l.text("msg") == "Announced" && strings.HasPrefix(l.text("first"), s.namespace+"/") && !strings.HasSuffix(l.text("policy"), markerSuffix)
}

// announcements waits for n of them, and returns all that were heard in this scene so far, markers apart. One plays at a time: the daemon's
// recordings are in the order of its log.
func (s *scene) announcements(n int) []announcement {
	s.t.Helper()
	s.d.awaitLines(s.t, fmt.Sprintf("an announcement of %s", s.namespace), n, s.own)
	var all []announcement
	lines := s.d.logged("Announced")
	files := s.d.recorded()[s.d.before:]
	for i, l := range lines {
		if s.own(l) {
			all = append(all, announcement{l, listen(s.t, files[i])})
		}
	}
	return all
}

// hears waits for so many announcements, and holds all that were heard so far against what was expected.
func (s *scene) hears(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, a := range s.announcements(len(want)) {
		got = append(got, a.String())
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		s.t.Fatalf("heard (-want +got):\n%s", diff)
	}
}

// settle returns when the daemon has seen all that was done to Checks before, and announced what was due then: it sees them in their order, and a
// marker, which is no worse than anything, is heard after all else that is due.
func (s *scene) settle() {
	s.t.Helper()
	label := map[string]string{"checky.dev/marker": "true"}
	if s.markers == 0 {
		s.another(markerSuffix, func(p *v1alpha1.AlertPolicySpec) {
			p.Priority, p.MinSeverity, p.Selector = 1000, v1alpha1.SeverityInfo, &metav1.LabelSelector{MatchLabels: label}
		})
	}
	s.markers++
	name := fmt.Sprintf("marker-%d", s.markers)
	s.failLabelled(name, v1alpha1.SeverityInfo, label)
	s.d.awaitLines(s.t, "the marker "+name, 1, func(l line) bool {
		return l.text("msg") == "Announced" && l.text("first") == s.namespace+"/"+name
	})
}

// failLabelled has a Check with labels fail.
func (s *scene) failLabelled(name string, severity v1alpha1.Severity, labels map[string]string) *v1alpha1.Check {
	s.t.Helper()
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace, Labels: labels},
		Spec:       v1alpha1.CheckSpec{InputJSON: `{"amount": 99999}`, RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
	}
	s.create(check)
	s.judge(check, severity, "x")
	return check
}

// ruled creates the scene's policy, as cluster.policy does, and returns when the daemon goes by it.
func (s *scene) ruled(change func(*v1alpha1.AlertPolicySpec)) *v1alpha1.AlertPolicy {
	s.t.Helper()
	policy := s.policy(change)
	s.takenIn(policy)
	return policy
}

// another creates a second policy for the scene's namespace, and returns when the daemon goes by it.
func (s *scene) another(suffix string, change func(*v1alpha1.AlertPolicySpec)) *v1alpha1.AlertPolicy {
	s.t.Helper()
	policy := s.policyNamed(s.namespace+suffix, change)
	s.takenIn(policy)
	return policy
}

// edit changes a policy as kubectl edit does, and returns when the daemon goes by it.
func (s *scene) edit(policy *v1alpha1.AlertPolicy, change func(*v1alpha1.AlertPolicySpec)) {
	s.t.Helper()
	s.update(policy, func() { change(&policy.Spec) })
	s.takenIn(policy)
}

// update changes an object that others may write to as well.
func (s *scene) update(o client.Object, change func()) {
	s.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := s.Get(s.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		change()
		return s.Update(s.t.Context(), o)
	})
	if err != nil {
		s.t.Fatalf("update %T %s: %v", o, o.GetName(), err)
	}
}

// takenIn waits until the daemon goes by a policy or a silence as it is.
func (s *scene) takenIn(o client.Object) {
	s.t.Helper()
	kind, key := "AlertPolicy", "policy"
	if _, ok := o.(*v1alpha1.Silence); ok {
		kind, key = "Silence", "silence"
	}
	what := fmt.Sprintf("that it has taken in %s %s", kind, o.GetName())
	s.d.awaitLines(s.t, what, 1, func(l line) bool {
		return l.text("msg") == kind+" taken in" && l.text("namespace") == o.GetNamespace() && l.text(key) == o.GetName() && l["generation"] == float64(o.GetGeneration())
	})
}

// silenced creates a Silence of an hour, and returns when the daemon goes by it.
func (s *scene) silenced(name string, change func(*v1alpha1.SilenceSpec)) *v1alpha1.Silence {
	s.t.Helper()
	silence := &v1alpha1.Silence{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace}}
	silence.Spec.EndsAt = metav1.NewTime(time.Now().Add(time.Hour))
	if change != nil {
		change(&silence.Spec)
	}
	s.create(silence)
	s.deleteAfter(silence)
	s.takenIn(silence)
	return silence
}

// noSound waits until the daemon says that a Check makes no sound, and why. It says so once for each failure and reason.
func (s *scene) noSound(check *v1alpha1.Check, reason string) {
	s.t.Helper()
	s.d.awaitLines(s.t, fmt.Sprintf("that %s makes no sound: %s", check.Name, reason), 1, func(l line) bool {
		return l.text("msg") == "Makes no sound" && l.text("namespace") == s.namespace && l.text("check") == check.Name && l.text("reason") == reason
	})
}

// explain gives a verdict another text, and leaves its facts.
func (s *scene) explain(check *v1alpha1.Check, text string) {
	s.t.Helper()
	s.retold(check, func(status *v1alpha1.CheckStatus) { status.Explanation = text })
}

// longAgo makes a verdict one of an hour ago.
func (s *scene) longAgo(check *v1alpha1.Check) {
	s.t.Helper()
	s.retold(check, func(status *v1alpha1.CheckStatus) {
		status.CompletionTime = &metav1.Time{Time: time.Now().Add(-time.Hour)}
	})
}

func (s *scene) retold(check *v1alpha1.Check, change func(*v1alpha1.CheckStatus)) {
	s.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := s.Get(s.t.Context(), client.ObjectKeyFromObject(check), check); err != nil {
			return err
		}
		change(&check.Status)
		return s.Status().Update(s.t.Context(), check)
	})
	if err != nil {
		s.t.Fatalf("change the status of %s: %v", check.Name, err)
	}
}

// remove deletes an object as kubectl delete does.
func (s *scene) remove(o client.Object) {
	s.t.Helper()
	if err := s.Delete(s.t.Context(), o); err != nil {
		s.t.Fatalf("delete %T %s: %v", o, o.GetName(), err)
	}
}
