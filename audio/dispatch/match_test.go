package dispatch

import (
	"testing"
	"time"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestPolicyIsRemovedWhileItsTonePlays(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.observe(r.alert("a", failing))
	r.run(1200 * time.Millisecond)
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "q")})
	r.run(time.Minute)
	r.expect("it was heard, and is not heard again", "1s First error a")
	if r.journal["a"].State != Announced {
		t.Errorf("journal: %v", r.journal)
	}
}

func TestPoliciesChange(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.observe(r.alert("a", failing))
	r.run(10 * time.Minute)
	r.expect("once", "1s First error a")
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "p", repeats(5*time.Minute))})
	r.run(6 * time.Minute)
	r.expect("a changed policy announces nothing at once", "15m0s Repeat error a")
	r.s.SetPolicies(r.now, nil)
	r.observe(r.alert("b", failing))
	r.run(time.Hour)
	r.expect("none selects them")
	r.expectSuppressed("a unmatched", "b unmatched")
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "q")})
	r.run(time.Minute)
	r.expect("b was never announced", "1h16m0s First error b")
}

func TestNamespaceLabelsDecide(t *testing.T) {
	p := policy(t, "p", func(s *v1alpha1.AlertPolicySpec) {
		selecting("tier", "gold")(s)
		s.NamespaceSelector, s.Selector = s.Selector, nil
	})
	r := newRoom(t, p)
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.expect("its labels are not known")
	r.s.SetNamespace(r.now, "default", map[string]string{"tier": "gold"})
	r.run(time.Minute)
	r.expect("now they are", "1m0s First error a")
	r.s.SetNamespace(r.now, "default", nil)
	r.gone("a")
	r.run(time.Minute)
	if len(r.s.namespaces) != 0 {
		t.Errorf("knows namespaces %v", r.s.namespaces)
	}
}

func TestMoreThanMaxAlertsAreTold(t *testing.T) {
	r := newRoom(t)
	r.s = New(Options{MaxAlerts: 2})
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "p")})
	r.observe(r.alert("a", failing), r.alert("b", failing), r.alert("c", failing))
	r.run(time.Minute)
	r.expect("two are followed", "1s First error a b")
	r.expectSuppressed("c overflow")
	if r.s.Next(r.now).Room {
		t.Error("there is no room yet")
	}
	r.gone("a")
	if !r.s.Next(r.now).Room || r.s.Next(r.now).Room {
		t.Error("that there is room again is to be told once")
	}
	r.observe(r.alert("c", failing))
	r.run(time.Minute)
	r.expect("there is room again", "1m1s First error c")
}
