package check

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules/builtin"
)

// written remembers which statuses were written.
type written struct {
	client.Client
	reasons []string
}

func (w *written) WriteStatus(ctx context.Context, check *v1alpha1.Check, status *v1alpha1.CheckStatus) (string, error) {
	c := check.DeepCopy()
	c.Status = *status
	w.reasons = append(w.reasons, reasonFor(status))
	err := w.Status().Update(ctx, c)
	return c.ResourceVersion, err
}

// TestSettle has the controller hear of a Check before it hears of its rule set: where that comes at once, nothing is said of its being missing.
func TestSettle(t *testing.T) {
	named := []v1alpha1.RuleSetReference{{Kind: v1alpha1.KindRuleSet, Name: "orders"}}
	evaluated := []string{v1alpha1.ReasonEvaluated}
	for name, tc := range map[string]struct {
		reason string
		sets   []v1alpha1.RuleSetReference
		before []metav1.Condition // of its status
		comes  time.Duration      // when the rule set does
		want   []string
	}{
		"at once":            {"there is one write", named, nil, settle / 2, evaluated},
		"at once, a default": {"no verdict is given without it", nil, nil, settle / 2, evaluated},
		"late":               {"the wait is told, and ends", named, nil, 2 * settle, []string{v1alpha1.ReasonRuleSetNotFound, v1alpha1.ReasonEvaluated}},
		"late, a default":    {"the same", nil, nil, 2 * settle, []string{v1alpha1.ReasonNoRules, v1alpha1.ReasonEvaluated}},
		"edited":             {"what was looked at before is told at once", named, []metav1.Condition{{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionFalse}}, settle / 2, []string{v1alpha1.ReasonRuleSetNotFound, v1alpha1.ReasonEvaluated}},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := apiruntime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: "orders", Name: "a", Generation: 2}}
			check.Spec.InputJSON, check.Spec.RuleSets, check.Status.Conditions = `{"amount":1}`, tc.sets, tc.before
			check.Status.Phase, check.Status.ObservedGeneration = v1alpha1.PhasePending, -1 // as the API server has it to begin with
			set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{
				Namespace: "orders", Name: "orders", Generation: 1, Annotations: map[string]string{v1alpha1.DefaultRuleSetAnnotation: "true"},
			}}
			set.Spec.Rules = []v1alpha1.Rule{{Name: "small", CEL: &v1alpha1.CELRule{Expression: "input.amount < 10"}}}
			w := &written{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(check).WithStatusSubresource(check).Build()}
			meters, err := metrics.New(prometheus.NewRegistry())
			if err != nil {
				t.Fatal(err)
			}
			now := testingclock.NewFakePassiveClock(began)
			r := &Reconciler{
				Client: w.Client, Statuses: w, Live: w.Client, Engine: &engine.Engine{}, Library: engine.NewLibrary(builtin.New()),
				Events: events.NewFakeRecorder(10), Metrics: meters, Clock: now,
			}
			request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(check)}
			r.arrived.note(request.NamespacedName, began)
			made := false
			for at := time.Duration(0); ; {
				now.SetTime(began.Add(at))
				if at >= tc.comes {
					if err := w.Create(t.Context(), set); err != nil {
						t.Fatal(err)
					}
					made = true
				}
				result, err := r.Reconcile(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if made {
					break
				}
				if at += result.RequeueAfter; result.RequeueAfter == 0 || at > tc.comes { // the rule set brings it back
					at = tc.comes
				}
			}
			if diff := cmp.Diff(tc.want, w.reasons); diff != "" {
				t.Errorf("%s: the statuses that were written (-want +got):\n%s", tc.reason, diff)
			}
			if len(r.arrived.first) != 0 {
				t.Errorf("arrivals are kept: %v", r.arrived.first)
			}
		})
	}
}
