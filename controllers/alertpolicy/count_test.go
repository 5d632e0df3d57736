package alertpolicy

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/check"
)

// failingCheck is as the cache holds it.
func failingCheck(t *testing.T, change func(*v1alpha1.Check)) *v1alpha1.Check {
	t.Helper()
	whole := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "c", Labels: map[string]string{"app": "orders"}, Annotations: map[string]string{"a": "b"}},
		Spec:       v1alpha1.CheckSpec{InputJSON: "1"},
		Status: v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseFailure, Explanation: "x", Alert: &v1alpha1.Alert{Key: "sha256:0", Severity: v1alpha1.SeverityCritical},
		}},
	}
	change(whole)
	object, err := check.NewStripper().Strip(whole)
	if err != nil {
		t.Fatal(err)
	}
	return object.(*v1alpha1.Check) //nolint:forcetypeassert // Strip changes no type
}

func asIs(*v1alpha1.Check) {}

func passes(c *v1alpha1.Check) { c.Status.Phase, c.Status.Alert = v1alpha1.PhaseSuccess, nil }

func TestFailureChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		reason        string
		before, after func(*v1alpha1.Check)
		want          bool
	}{
		"Same":         {"nothing is another", asIs, asIs, false},
		"Begins":       {"one more fails", passes, asIs, true},
		"Stops":        {"one fewer fails", asIs, passes, true},
		"Waits":        {"one fewer fails", asIs, func(c *v1alpha1.Check) { c.Status.Phase = v1alpha1.PhasePending }, true},
		"Errors":       {"it fails as it did", asIs, func(c *v1alpha1.Check) { c.Status.Phase = v1alpha1.PhaseError }, false},
		"Labels":       {"another selector may match", asIs, func(c *v1alpha1.Check) { c.Labels = nil }, true},
		"Severity":     {"another minSeverity may be reached", asIs, func(c *v1alpha1.Check) { c.Status.Alert.Severity = v1alpha1.SeverityError }, true},
		"Key":          {"counts don't go by facts", asIs, func(c *v1alpha1.Check) { c.Status.Alert.Key = "sha256:1" }, false},
		"Annotation":   {"counts don't go by annotations", asIs, func(c *v1alpha1.Check) { c.Annotations = nil }, false},
		"PassesLabels": {"it is not counted", passes, func(c *v1alpha1.Check) { passes(c); c.Labels = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := failureChanged().Update(event.UpdateEvent{ObjectOld: failingCheck(t, tc.before), ObjectNew: failingCheck(t, tc.after)})
			if got != tc.want {
				t.Errorf("%s: got %t", tc.reason, got)
			}
		})
	}
	for name, tc := range map[string]struct {
		check *v1alpha1.Check
		want  bool
	}{"Fails": {failingCheck(t, asIs), true}, "Passes": {failingCheck(t, passes), false}} {
		created := failureChanged().Create(event.CreateEvent{Object: tc.check})
		deleted := failureChanged().Delete(event.DeleteEvent{Object: tc.check})
		if created != tc.want || deleted != tc.want || (len(failingKeys(tc.check)) > 0) != tc.want {
			t.Errorf("%s: created %t, deleted %t, indexed %v", name, created, deleted, failingKeys(tc.check))
		}
	}
}

func TestUntilCount(t *testing.T) {
	noon := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	r := &Reconciler{Clock: testingclock.NewFakePassiveClock(noon)}
	if got := r.untilCount(); got != settle {
		t.Errorf("before the first count: %s", got)
	}
	for name, tc := range map[string]struct {
		last time.Time
		want time.Duration
	}{
		"JustNow":      {noon, recountInterval},
		"AWhileAgo":    {noon.Add(-4 * time.Second), recountInterval - 4*time.Second},
		"AlmostOver":   {noon.Add(-recountInterval + 1), settle},
		"LongAgo":      {noon.Add(-time.Hour), settle},
		"ClockSetBack": {noon.Add(time.Hour), recountInterval},
	} {
		r.counted.Store(&tc.last)
		if got := r.untilCount(); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

// cluster is one policy and failing Checks; it writes down what is asked of it.
type cluster struct {
	policy *v1alpha1.AlertPolicy
	mu     sync.Mutex
	checks []v1alpha1.Check
	counts int // how often the Checks were listed
	writes int
}

func (c *cluster) client() client.Client {
	return interceptor.NewClient(nil, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			switch list := list.(type) {
			case *v1alpha1.AlertPolicyList:
				list.Items = []v1alpha1.AlertPolicy{*c.policy.DeepCopy()}
			case *v1alpha1.CheckList:
				c.counts++
				c.mu.Lock()
				list.Items = slices.Clone(c.checks)
				c.mu.Unlock()
			case *metav1.PartialObjectMetadataList:
				list.Items = []metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "sales"}}}}
			}
			return nil
		},
		SubResourceUpdate: func(_ context.Context, _ client.Client, _ string, object client.Object, _ ...client.SubResourceUpdateOption) error {
			c.writes++
			c.policy = object.(*v1alpha1.AlertPolicy).DeepCopy() //nolint:forcetypeassert // nothing else is written
			return nil
		},
	})
}

// TestStorm has 10,000 Checks fail within half a minute: the policies are counted for every 10 seconds, and not any more once it is
// over.
func TestStorm(t *testing.T) {
	const (
		failures = 10_000
		storm    = 30 * time.Second
	)
	one := failingCheck(t, asIs)
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{policy: &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}}
		r := &Reconciler{Client: c.client(), Sounds: &Sounds{decoded: map[string]map[v1alpha1.KeyReference]decodedSound{}}, Events: events.NewFakeRecorder(10), Clock: clock.RealClock{}}
		queue := priorityqueue.New[reconcile.Request]("test")
		go work(t, queue, r)
		for range failures {
			c.mu.Lock()
			c.checks = append(c.checks, *one)
			c.mu.Unlock()
			r.countSoon().Create(t.Context(), event.CreateEvent{Object: one}, queue)
			time.Sleep(storm / failures) // of the bubble's time, in which nothing else happens meanwhile
		}
		time.Sleep(recountInterval)
		synctest.Wait()
		most := int(storm/recountInterval) + 2
		if c.policy.Status.MatchingChecks != failures || c.counts > most || c.writes > most {
			t.Errorf("%d of %d counted in the end, after %d counts and %d writes, want at most %d", c.policy.Status.MatchingChecks, failures, c.counts, c.writes, most)
		}
		counts := c.counts
		time.Sleep(time.Hour)
		synctest.Wait()
		if c.counts != counts {
			t.Errorf("%d counts in an hour in which nothing changed", c.counts-counts)
		}
		queue.ShutDown()
	})
}

// work is what a controller does with its queue.
func work(t *testing.T, queue priorityqueue.PriorityQueue[reconcile.Request], r *Reconciler) {
	for {
		request, _, shutdown := queue.GetWithPriority()
		if shutdown {
			return
		}
		result, err := r.Reconcile(t.Context(), request)
		if err != nil || result.RequeueAfter > 0 {
			t.Errorf("got %+v, %v", result, err)
		}
		queue.Done(request)
	}
}

func TestMatching(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		spec   v1alpha1.AlertPolicySpec
		want   int
	}{
		"All":            {"nothing is asked for", v1alpha1.AlertPolicySpec{}, 1},
		"Label":          {"the Check has it", v1alpha1.AlertPolicySpec{Selector: matchLabel("app", "orders")}, 1},
		"OtherLabel":     {"the Check has another", v1alpha1.AlertPolicySpec{Selector: matchLabel("app", "stock")}, 0},
		"Namespace":      {"the namespace has it", v1alpha1.AlertPolicySpec{NamespaceSelector: matchLabel("team", "sales")}, 1},
		"OtherNamespace": {"the namespace has another", v1alpha1.AlertPolicySpec{NamespaceSelector: matchLabel("team", "ops")}, 0},
		"Severity":       {"it is as severe", v1alpha1.AlertPolicySpec{MinSeverity: v1alpha1.SeverityCritical}, 1},
		"Invalid":        {"no daemon uses it", v1alpha1.AlertPolicySpec{MinSeverity: "fatal"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{policy: &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: tc.spec}, checks: []v1alpha1.Check{*failingCheck(t, asIs)}}
			r := &Reconciler{Client: c.client(), Sounds: &Sounds{decoded: map[string]map[v1alpha1.KeyReference]decodedSound{}}, Events: events.NewFakeRecorder(1), Clock: clock.RealClock{}}
			if _, err := r.Reconcile(t.Context(), reconcile.Request{}); err != nil {
				t.Fatal(err)
			}
			if got := int(c.policy.Status.MatchingChecks); got != tc.want {
				t.Errorf("%s: got %d, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

func matchLabel(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

// BenchmarkCount counts for ten policies where 10,000 Checks fail.
func BenchmarkCount(b *testing.B) {
	failing := make([]alerts.Subject, 10_000)
	for i := range failing {
		failing[i] = alerts.Subject{
			Namespace: "shop", Name: fmt.Sprint(i), Labels: map[string]string{"app": "orders", "n": fmt.Sprint(i)},
			NamespaceLabels: map[string]string{"team": "sales"}, Severity: v1alpha1.SeverityError,
		}
	}
	policy, problems := alerts.Compile(&v1alpha1.AlertPolicy{Spec: v1alpha1.AlertPolicySpec{
		Selector: matchLabel("app", "orders"), NamespaceSelector: matchLabel("team", "sales"),
	}})
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			if matching(policy, failing) != len(failing) {
				b.Fatal("not all match")
			}
		}
	}
}
