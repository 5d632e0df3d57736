package trace

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

// patience is how long a test waits for what should take moments.
const patience = 2 * time.Minute

// mayCreateEvents is a client of a user who may do that, and nothing else.
func mayCreateEvents(t *testing.T, admin *kubernetes.Clientset) *kubernetes.Clientset {
	t.Helper()
	const user = "alertd"
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{eventsv1.GroupName}, Resources: []string{"events"}, Verbs: []string{"create"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	if _, err := admin.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	config, err := controlplanetest.Start(t).UserConfig(user)
	if err != nil {
		t.Fatal(err)
	}
	clients := kubernetes.NewForConfigOrDie(config)
	// What RBAC allows is known to the API server a moment after it is told.
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := clients.EventsV1().Events("default").Create(ctx, &eventsv1.Event{}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return !apierrors.IsForbidden(err), nil
	}); err != nil {
		t.Fatal(err)
	}
	return clients
}

// newCheck creates a Check in a namespace of its own.
func newCheck(t *testing.T, config *rest.Config, namespace string) *v1alpha1.Check {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "freezer"}}
	check.Spec.InputJSON = "{}"
	for _, o := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, check} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return check
}

// run runs a writer until the test ends, or until the function that it returns is called.
func run(t *testing.T, e *Events) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, done func(ctx context.Context) bool) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return done(ctx), nil
	}); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func eventsIn(ctx context.Context, t *testing.T, admin *kubernetes.Clientset, namespace string) []eventsv1.Event {
	t.Helper()
	list, err := admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "reportingController=checky.dev/alertd"})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// TestEventsAreSeen writes Events as somebody who may create them and no more, and looks for them as people do.
func TestEventsAreSeen(t *testing.T) {
	cp := controlplanetest.Start(t)
	admin := kubernetes.NewForConfigOrDie(cp.RESTConfig())
	clients := mayCreateEvents(t, admin)
	if _, err := clients.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Fatalf("the user may do more than create: %v", err)
	}
	check := newCheck(t, cp.RESTConfig(), "seen")
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lab-3"}}
	if _, err := admin.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	metrics, registry := newMetrics(t)
	e := NewEvents(clients.EventsV1(), node.Name, EventOptions{Metrics: metrics})
	run(t, e)
	alert := dispatch.Alert{UID: check.UID, Namespace: check.Namespace, Name: check.Name}
	a := dispatch.Announcement{
		Kind: dispatch.First, Policy: &alerts.Policy{Name: "ward"}, Tone: v1alpha1.Tone{Pattern: v1alpha1.TonePatternHigh},
		Alerts: []dispatch.Alert{alert}, Count: 13,
	}
	e.Announced(a)
	a.Kind = dispatch.Repeat
	e.Announced(a)
	e.Announced(a)
	a.Kind, a.Policy = dispatch.Recovery, alerts.Default()
	e.Announced(a)
	e.Node("SandboxIncomplete", strings.Repeat("ä", 2000))

	eventually(t, "four Events about the Check", func(ctx context.Context) bool { return len(eventsIn(ctx, t, admin, check.Namespace)) == 4 })
	eventually(t, "one about the node", func(ctx context.Context) bool { return len(eventsIn(ctx, t, admin, "default")) == 1 })
	for _, c := range []struct {
		object []string
		want   []string
	}{
		{
			[]string{"check", check.Name, "-n", check.Namespace},
			[]string{"Announced ", "AnnouncedAgain ", "RecoveryAnnounced ", "checky.dev/alertd", "tone high on node lab-3, policy ward, with 12 others"},
		},
		{[]string{"node", node.Name}, []string{"SandboxIncomplete ", "checky.dev/alertd"}},
	} {
		cmd := exec.CommandContext(t.Context(), cp.KubectlPath(), append([]string{"--kubeconfig", cp.Kubeconfig(), "describe"}, c.object...)...)
		out, err := cmd.CombinedOutput()
		for _, text := range c.want {
			if err != nil || !strings.Contains(string(out), text) {
				t.Errorf("kubectl describe %v does not say %q: %v\n%s", c.object, text, err, out)
			}
		}
	}
	if got := droppedEvents(t, registry); got != 0 {
		t.Errorf("%d dropped", got)
	}
}

// TestOutage takes the API server away, fills the queue, and gives the API server back.
func TestOutage(t *testing.T) {
	cp := controlplanetest.Start(t)
	admin := kubernetes.NewForConfigOrDie(cp.RESTConfig())
	clients := mayCreateEvents(t, admin)
	check := newCheck(t, cp.RESTConfig(), "outage")
	if err := cp.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	restarted := false
	restart := func() {
		if !restarted {
			restarted = true
			if err := cp.StartAPIServer(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(restart)

	metrics, registry := newMetrics(t)
	e := NewEvents(clients.EventsV1(), "lab-3", EventOptions{Metrics: metrics})
	run(t, e)
	a := dispatch.Announcement{Kind: dispatch.First, Alerts: []dispatch.Alert{{UID: check.UID, Namespace: check.Namespace, Name: check.Name}}, Count: 1}
	for range 2 * queueSize {
		e.Announced(a)
	}
	if got := droppedEvents(t, registry); got < queueSize-1 || len(e.queue) > queueSize {
		t.Errorf("%d dropped, %d wait; want what does not fit to be dropped", got, len(e.queue))
	}
	eventually(t, "one is given up", func(context.Context) bool { return droppedEvents(t, registry) > queueSize })
	restart()
	eventually(t, "what waited is written", func(ctx context.Context) bool { return len(eventsIn(ctx, t, admin, check.Namespace)) >= burst })
}

// TestSilence has an API server that takes connections and never answers: the end is bounded nevertheless.
func TestSilence(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan net.Conn, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				close(connected)
				return
			}
			connected <- c
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		for c := range connected {
			_ = c.Close()
		}
	})
	clients := kubernetes.NewForConfigOrDie(&rest.Config{Host: "http://" + listener.Addr().String(), QPS: -1})
	metrics, registry := newMetrics(t)
	e := NewEvents(clients.EventsV1(), "lab-3", EventOptions{Metrics: metrics})
	stop := run(t, e)
	e.Announced(announcement(MaxEvents))
	c := <-connected
	stop()
	if got := droppedEvents(t, registry); got != MaxEvents {
		t.Errorf("%d dropped, want all %d", got, MaxEvents)
	}
	_ = c.Close()
}
