//go:build linux

// Package alertd_test runs the real alert daemon, under the role that it is deployed with, against a real kube-apiserver and etcd, and
// measures what it plays, which ALSA's file plugin records.
package alertd_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/controllers"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

// patience is how long a test waits for what should take moments, on a busy machine.
const patience = 2 * time.Minute

// system is Checky's own namespace: the daemon's role is for it.
const system = "checky-system"

// node is where the daemons run.
const node = "node-1"

var namespaces atomic.Int64

var installed sync.Once

// cluster is a namespace of a test's own. Policies are the cluster's: each test selects its own namespace by them.
type cluster struct {
	client.WithWatch
	t         testing.TB
	cp        *controlplane.ControlPlane
	namespace string
}

// newCluster gives a test its namespace, in which nothing fails.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	cp := controlplanetest.Start(t)
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	cfg := cp.RESTConfig()
	cfg.QPS = -1
	admin, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{WithWatch: admin, t: t, cp: cp, namespace: fmt.Sprintf("room-%d", namespaces.Add(1))}
	installed.Do(c.install)
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	t.Cleanup(func() {
		if err := c.DeleteAllOf(context.Background(), &v1alpha1.Check{}, client.InNamespace(c.namespace)); err != nil {
			t.Errorf("delete the checks: %v", err)
		}
	})
	return c
}

// install applies the roles as they are deployed, and the node.
func (c *cluster) install() {
	c.t.Helper()
	objects, err := controlplane.Manifests(config.Files, config.Rights...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}})
	if err := controlplane.Install(context.Background(), c.cp.RESTConfig(), objects); err != nil {
		c.t.Fatal(err)
	}
	c.create(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node, Labels: map[string]string{"room": "a"}}})
}

// create creates objects that stay for the tests that follow.
func (c *cluster) create(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		if err := c.Create(c.t.Context(), o); err != nil {
			c.t.Fatalf("create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// policy creates an AlertPolicy for the test's namespace, which goes when the test ends. It is one that announces at once and once, unless
// change says otherwise; nil changes nothing.
func (c *cluster) policy(change func(*v1alpha1.AlertPolicySpec)) *v1alpha1.AlertPolicy {
	c.t.Helper()
	return c.policyNamed(c.namespace, change)
}

func (c *cluster) policyNamed(name string, change func(*v1alpha1.AlertPolicySpec)) *v1alpha1.AlertPolicy {
	c.t.Helper()
	policy := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.AlertPolicySpec{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.namespace}},
		GroupWait:         &metav1.Duration{},
		GroupInterval:     &metav1.Duration{Duration: time.Second},
		RepeatInterval:    &metav1.Duration{},
	}}
	if change != nil {
		change(&policy.Spec)
	}
	c.create(policy)
	c.deleteAfter(policy)
	return policy
}

// deleteAfter deletes an object when the test ends, unless the test did.
func (c *cluster) deleteAfter(o client.Object) {
	c.t.Cleanup(func() {
		if err := client.IgnoreNotFound(c.Delete(context.Background(), o)); err != nil {
			c.t.Errorf("delete %T %s: %v", o, o.GetName(), err)
		}
	})
}

// fail creates a Check and gives it the status of a failure, as the controller would. The facts are what its key stands for.
func (c *cluster) fail(name string, severity v1alpha1.Severity, facts string) *v1alpha1.Check {
	c.t.Helper()
	check := c.pending(name)
	c.judge(check, severity, facts)
	return check
}

// pending creates a Check that nobody judges: no controller runs here unless a test starts one.
func (c *cluster) pending(name string) *v1alpha1.Check {
	c.t.Helper()
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.namespace},
		Spec:       v1alpha1.CheckSpec{InputJSON: `{"amount": 99999}`, RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
	}
	c.create(check)
	return check
}

// judge writes a verdict: a failure with a severity and facts, or, for no severity, a success.
func (c *cluster) judge(check *v1alpha1.Check, severity v1alpha1.Severity, facts string) {
	c.t.Helper()
	if err := c.verdict(c.t.Context(), check, severity, facts); err != nil {
		c.t.Fatalf("judge %s: %v", check.Name, err)
	}
}

// verdict is judge, for a goroutine of a test's own.
func (c *cluster) verdict(ctx context.Context, check *v1alpha1.Check, severity v1alpha1.Severity, facts string) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := c.Get(ctx, client.ObjectKeyFromObject(check), check); err != nil {
			return err
		}
		now := metav1.Now().Rfc3339Copy()
		check.Status.ObservedGeneration = check.Generation
		check.Status.CompletionTime = &now
		check.Status.Phase, check.Status.Alert = v1alpha1.PhaseSuccess, nil
		passed := metav1.Condition{Type: v1alpha1.ConditionPassed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRulesPassed}
		if severity != "" {
			check.Status.Phase = v1alpha1.PhaseFailure
			check.Status.Alert = &v1alpha1.Alert{Key: "sha256:" + facts, Severity: severity}
			passed.Status, passed.Reason = metav1.ConditionFalse, v1alpha1.ReasonRulesFailed
		}
		meta.SetStatusCondition(&check.Status.Conditions, passed)
		return c.Status().Update(ctx, check)
	})
}

// acknowledge annotates a Check as a person would.
func (c *cluster) acknowledge(check *v1alpha1.Check, by string) {
	c.t.Helper()
	patch := client.MergeFrom(check.DeepCopy())
	check.Annotations = map[string]string{v1alpha1.AcknowledgedByAnnotation: by}
	if err := c.Patch(c.t.Context(), check, patch); err != nil {
		c.t.Fatal(err)
	}
}

// events are the notes of the Events that the daemon made on a Check, oldest first.
func (c *cluster) events(check *v1alpha1.Check) []string {
	c.t.Helper()
	var notes []string
	for _, e := range c.allEvents() {
		if e.Regarding.UID == check.UID {
			notes = append(notes, e.Reason+": "+e.Note)
		}
	}
	return notes
}

// allEvents are the Events that the daemon made in the namespace, oldest first.
func (c *cluster) allEvents() []eventsv1.Event {
	c.t.Helper()
	var list eventsv1.EventList
	if err := c.List(c.t.Context(), &list, client.InNamespace(c.namespace)); err != nil {
		c.t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b eventsv1.Event) int { return a.EventTime.Compare(b.EventTime.Time) })
	return slices.DeleteFunc(list.Items, func(e eventsv1.Event) bool {
		return !strings.HasPrefix(e.ReportingController, "checky.dev/alertd")
	})
}

// as is a client's configuration that is one of Checky's service accounts.
func (c *cluster) as(account string) *rest.Config {
	c.t.Helper()
	cfg, err := c.cp.UserConfig("system:serviceaccount:"+system+":"+account, "system:serviceaccounts", "system:serviceaccounts:"+system)
	if err != nil {
		c.t.Fatal(err)
	}
	return cfg
}
