package audio

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// TestWhatPassesIsNotHeardOf gives Checks to a real API server, as callers and the controller do, and counts what it tells a watch by the
// daemon's selector: of a Check that waits or passes nothing, of one that fails that it does, and that it does not any more.
func TestWhatPassesIsNotHeardOf(t *testing.T) {
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(controlplanetest.Start(t).RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	const namespace = "heard"
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	list := &v1alpha1.CheckList{}
	if err := c.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	from := &metav1.ListOptions{ResourceVersion: list.ResourceVersion}
	w, err := c.Watch(t.Context(), list, &client.ListOptions{Namespace: namespace, FieldSelector: failing, Raw: from})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)

	write := func(name string, phases ...v1alpha1.Phase) *v1alpha1.Check {
		check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CheckSpec{InputJSON: "{}"}}
		if err := c.Create(t.Context(), check); err != nil {
			t.Fatal(err)
		}
		for _, phase := range phases {
			check.Status.Phase = phase
			if err := c.Status().Update(t.Context(), check); err != nil {
				t.Fatal(err)
			}
		}
		return check
	}
	write("new")
	write("waits", v1alpha1.PhasePending)
	write("passes", v1alpha1.PhasePending, v1alpha1.PhaseSuccess)
	fails := write("fails", v1alpha1.PhasePending, v1alpha1.PhaseFailure)
	fails.Status.Phase = v1alpha1.PhaseSuccess
	if err := c.Status().Update(t.Context(), fails); err != nil {
		t.Fatal(err)
	}
	write("last", v1alpha1.PhaseError)

	want := []string{"ADDED fails", "DELETED fails", "ADDED last"}
	for i, event := range want {
		select {
		case got := <-w.ResultChan():
			check, ok := got.Object.(*v1alpha1.Check)
			if !ok || got.Type == watch.Error || string(got.Type)+" "+check.Name != event {
				t.Fatalf("event %d is %s %v, want %s", i, got.Type, got.Object, event)
			}
		case <-time.After(time.Minute):
			t.Fatalf("event %d: none, want %s", i, event)
		}
	}
}
