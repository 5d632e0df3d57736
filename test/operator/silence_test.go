package operator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/silence"
)

func silenceYAML(name, spec string) string {
	return fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: Silence\nmetadata: {name: %s}\nspec: %s\n", name, spec)
}

func (c *cluster) silence(name string) *v1alpha1.Silence {
	return &v1alpha1.Silence{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
}

// state waits for a Silence's state.
func (c *cluster) state(name string, state v1alpha1.SilenceState) *v1alpha1.Silence {
	c.t.Helper()
	return eventually(c, c.silence(name), "state "+string(state), func(s *v1alpha1.Silence) bool {
		return s.Status.State == state && s.Status.ObservedGeneration == s.Generation
	})
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// silenceOperator runs the reconciler of Silences alone, by a clock of the test's own, and with the rights that it is deployed with.
func (c *cluster) silenceOperator(now time.Time) (stop func()) {
	c.t.Helper()
	mgr, err := ctrl.NewManager(c.operatorConfig(), ctrl.Options{
		Scheme: c.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	r := &silence.Reconciler{Client: mgr.GetClient(), Events: mgr.GetEventRecorder("checky-controller"), Clock: testingclock.NewFakePassiveClock(now)}
	if err := r.SetupWithManager(mgr); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Errorf("the operator ended: %v", err)
		}
		done <- nil
	}
	c.t.Cleanup(stop)
	return stop
}

// TestSilenceLife waits for a Silence to begin and to end, and moves the clock on by a day for its deletion.
func TestSilenceLife(t *testing.T) {
	c := newCluster(t)
	op := c.alertsOperator()
	c.apply(silenceYAML("longer", fmt.Sprintf(`{endsAt: %q}`, at(time.Now().Add(12*time.Hour)))))
	c.state("longer", v1alpha1.SilenceActive) // the operator is at work
	starts := time.Now().Add(5 * time.Second)
	ends := starts.Add(5 * time.Second)
	c.apply(silenceYAML("maintenance", fmt.Sprintf(`{checks: [a], startsAt: %q, endsAt: %q, comment: disks are replaced}`, at(starts), at(ends))))
	c.state("maintenance", v1alpha1.SilencePending)
	c.state("maintenance", v1alpha1.SilenceActive)
	s := c.state("maintenance", v1alpha1.SilenceExpired)
	if time.Now().Before(s.Spec.EndsAt.Time) || !meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("status: %+v", s.Status)
	}
	op.end(t)

	// The other one, which ends within that day, shows that Silences are looked at.
	stop := c.silenceOperator(s.Spec.EndsAt.Add(24*time.Hour - time.Minute))
	c.state("longer", v1alpha1.SilenceExpired)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil {
		t.Fatalf("it went before its time: %v", err)
	}
	stop()

	c.silenceOperator(s.Spec.EndsAt.Add(24 * time.Hour))
	c.gone(s)
	c.state("longer", v1alpha1.SilenceExpired)
}

// TestSilenceIsProlonged has one that is over come to life again by a later end.
func TestSilenceIsProlonged(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	c.apply(silenceYAML("again", fmt.Sprintf(`{endsAt: %q}`, at(time.Now().Add(-time.Hour)))))
	s := c.state("again", v1alpha1.SilenceExpired)
	edit(c, s, func() { s.Spec.EndsAt = metav1.NewTime(time.Now().Add(time.Hour)) })
	c.state("again", v1alpha1.SilenceActive)
	edit(c, s, func() { s.Spec.EndsAt = metav1.NewTime(time.Now().Add(-48 * time.Hour)) })
	c.gone(s)
}

// TestSilenceThatCannotWork has what only the compilation refuses.
func TestSilenceThatCannotWork(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	c.apply(silenceYAML("selects-badly", fmt.Sprintf(`{endsAt: %q, selector: {matchExpressions: [{key: app, operator: Like, values: [x]}]}}`, at(time.Now().Add(time.Hour)))))
	s := eventually(c, c.silence("selects-badly"), "not to be ready", func(s *v1alpha1.Silence) bool {
		return meta.IsStatusConditionFalse(s.Status.Conditions, v1alpha1.ConditionReady)
	})
	ready := s.Status.Conditions[0]
	if ready.Reason != v1alpha1.ReasonInvalidSilence || !strings.Contains(ready.Message, "spec.selector.matchExpressions[0].operator") || s.Status.State != "" {
		t.Errorf("status: %+v", s.Status)
	}
	if events := eventsOf(c, s); events[0].Reason != v1alpha1.ReasonInvalidSilence {
		t.Errorf("events: %+v", events)
	}
}
