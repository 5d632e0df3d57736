package operator_test

import (
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestTwoWritersDoNotTear runs two operators without leader election against the same Checks: of two writes of one
// verdict the second is refused, and then found to be needless.
func TestTwoWritersDoNotTear(t *testing.T) {
	const checks = 60
	c := newCluster(t)
	c.start(testOptions())
	c.start(testOptions())
	seen := c.watchVerdicts()
	c.apply(orders)
	for i := range checks {
		c.apply(checkYAML(fmt.Sprintf("n-%02d", i), `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	}
	seen.await(t, checks)
	c.apply(checkYAML("last", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("last", v1alpha1.PhaseSuccess)
	for i := range checks {
		name := fmt.Sprintf("n-%02d", i)
		if n := seen.writes(name); n != 1 {
			t.Errorf("%s was written %d times", name, n)
		}
	}
}

// TestLeaderElection lets the standby take over from a leader that stops.
func TestLeaderElection(t *testing.T) {
	c := newCluster(t)
	c.create(
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "leases"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "leases"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "leases"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "checky-controller"}},
		},
	)
	o := testOptions()
	o.LeaderElection, o.LeaderElectionNamespace = true, c.namespace
	leader := c.start(o)
	c.apply(orders)
	c.apply(checkYAML("first", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("first", v1alpha1.PhaseSuccess)
	standby := c.start(o)
	c.apply(checkYAML("second", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("second", v1alpha1.PhaseSuccess)
	if n := evaluations(t, standby); n != 0 {
		t.Errorf("the standby evaluated %v times", n)
	}
	leader.end(t)
	c.apply(checkYAML("third", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("third", v1alpha1.PhaseFailure)
	if n := evaluations(t, standby); n == 0 {
		t.Error("somebody else than the standby evaluated after it took over")
	}
}

// evaluations reads how many evaluations an operator has counted.
func evaluations(t *testing.T, op *operator) float64 {
	t.Helper()
	return counter(t, op, "checky_evaluations_total", "")
}

// counter reads one of an operator's counters: the sum over all labels, or over those with a value.
func counter(t *testing.T, op *operator, name, label string) float64 {
	t.Helper()
	families, err := op.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}
