package controlplane

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestAPIServerStopsAlone ends the API server and starts it again: the outage is the caller's doing, which Wait does not report, and
// the objects and the address outlive it.
func TestAPIServerStopsAlone(t *testing.T) {
	cp, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	waited := make(chan error, 1)
	go func() { waited <- cp.Wait(context.Background()) }()
	c := newClient(t, cp.RESTConfig())
	if err := c.Create(t.Context(), settings("before")); err != nil {
		t.Fatal(err)
	}
	if err := cp.StartAPIServer(t.Context()); err == nil {
		t.Error("a second API server was started beside the first")
	}

	if err := cp.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), settings("during")); err == nil {
		t.Error("something was created while the API server was stopped")
	}
	if err := cp.StopAPIServer(); err == nil {
		t.Error("it could be stopped twice")
	}
	if err := cp.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(settings("before")), kept); err != nil {
		t.Errorf("the same client does not find what was there before: %v", err)
	}
	select {
	case err := <-waited:
		t.Fatalf("Wait returned: %v", err)
	default:
	}

	apiserver, _ := cp.current()
	if err := apiserver.stop(); err != nil { // behind the control plane's back
		t.Fatal(err)
	}
	if err := <-waited; err == nil {
		t.Error("Wait does not tell of an API server that died after it had been started again")
	}
}
