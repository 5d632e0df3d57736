package cluster_test

import (
	"errors"
	"testing"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// TestCacheHolds looks at what is in the cache, and what is left out of it.
func TestCacheHolds(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	w := prepare(t, direct, direct)
	byValue := func(o client.Object) []string { return []string{string(o.(*corev1.Secret).Data["key"])} }
	if err := w.Cache().IndexField(t.Context(), &corev1.Secret{}, "key", byValue); err != nil {
		t.Fatalf("index before Start: %v", err)
	}
	w.start()
	w.settle()

	foreignSecret, foreignCheck := w.secret("foreign"), w.check("foreign")
	foreignSecret.Labels, foreignCheck.Labels = nil, nil
	applied := w.check("applied")
	applied.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "kept": "yes"}
	elsewhere := w.secret("elsewhere")
	elsewhere.Namespace = metav1.NamespaceDefault
	rules := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "rules"}}
	everywhere := &v1alpha1.ClusterRuleSet{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
	for _, spec := range []*v1alpha1.RuleSetSpec{&rules.Spec, &everywhere.Spec} {
		spec.Rules = []v1alpha1.Rule{{Name: "one", CEL: &v1alpha1.CELRule{Expression: "true"}}}
	}
	w.create(foreignSecret, foreignCheck, elsewhere, applied, rules, everywhere, w.secret("last"), w.check("last"))
	t.Cleanup(func() {
		for _, o := range []client.Object{elsewhere, everywhere} {
			_ = w.admin.Delete(w.t.Context(), o)
		}
	})

	w.eventually("the objects arrive", func() bool {
		return w.cached(w.secret("last")) && w.cached(w.check("last")) && w.cached(applied) && w.cached(rules) && w.cached(everywhere)
	})
	if w.cached(w.secret("foreign")) || w.cached(w.check("foreign")) {
		t.Error("objects without the label are in the cache")
	}
	if err := w.Cache().Get(t.Context(), client.ObjectKeyFromObject(elsewhere), &corev1.Secret{}); err == nil {
		t.Error("a Secret of another namespace is in the cache")
	}
	if len(applied.ManagedFields) != 0 || applied.Annotations[corev1.LastAppliedConfigAnnotation] != "" || applied.Annotations["kept"] != "yes" {
		t.Errorf("not stripped as it should be: %v, %d managed fields", applied.Annotations, len(applied.ManagedFields))
	}
	if err := w.Cache().Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "x"}, &corev1.ConfigMap{}); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("a kind that is not cached was asked for: %v", err)
	}
	var found corev1.SecretList
	if err := w.Cache().List(t.Context(), &found, client.InNamespace(w.namespace), client.MatchingFields{"key": "value"}); err != nil {
		t.Fatal(err)
	}
	var sets v1alpha1.ClusterRuleSetList
	if err := w.Cache().List(t.Context(), &sets); err != nil || len(sets.Items) == 0 {
		t.Errorf("ClusterRuleSets: %d, %v", len(sets.Items), err)
	}
	if len(found.Items) != 1 || found.Items[0].Name != "last" {
		t.Errorf("the index finds %d objects, want the one", len(found.Items))
	}
}

func TestCacheSharesObjects(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	w := newWorld(t, direct, direct)
	w.create(w.secret("one"))
	first, second := w.secret("one"), w.secret("one")
	w.eventually("the object arrives", func() bool { return w.cached(first) && w.cached(second) })
	if &first.Data["key"][0] != &second.Data["key"][0] {
		t.Error("each read makes a copy")
	}
}

func TestReplicasFollowTheService(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	w := newWorld(t, direct, direct)
	if got := w.Replicas(); got != 1 {
		t.Errorf("%d replicas without endpoints, want 1", got)
	}
	slice := func(name, service string, addresses ...string) *discoveryv1.EndpointSlice {
		s := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: discoveryv1.AddressTypeIPv4,
		}
		for _, address := range addresses {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}})
		}
		return s
	}
	w.create(
		slice("other", "another-service", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"),
		slice("a", "checky-apiserver", "10.0.0.5", "10.0.0.6"),
		slice("b", "checky-apiserver", "10.0.0.6", "10.0.0.7"),
	)
	w.eventually("there are three replicas", func() bool { return w.Replicas() == 3 })
	if err := w.admin.Delete(t.Context(), slice("b", "")); err != nil {
		t.Fatal(err)
	}
	w.eventually("there are two replicas", func() bool { return w.Replicas() == 2 })
}

func TestClientErrors(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	w := newWorld(t, direct, direct)
	ctx := t.Context()
	one := w.secret("one")
	if err := w.Client().Create(ctx, one); err != nil {
		t.Fatal(err)
	}
	missing := client.ObjectKey{Namespace: w.namespace, Name: "missing"}
	if err := w.Client().Get(ctx, missing, &corev1.Secret{}); !apierrors.IsNotFound(err) || errors.Is(err, cluster.ErrAway) {
		t.Errorf("a missing object: %v", err)
	}
	if err := w.Client().Create(ctx, w.secret("one")); !apierrors.IsAlreadyExists(err) || errors.Is(err, cluster.ErrAway) {
		t.Errorf("an object that exists: %v", err)
	}
	check := w.check("one")
	if err := w.Client().Create(ctx, check); err != nil {
		t.Fatal(err)
	}
	stale := check.DeepCopy()
	stale.ResourceVersion = "1"
	if err := w.Client().Status().Update(ctx, stale); !apierrors.IsConflict(err) || errors.Is(err, cluster.ErrAway) {
		t.Errorf("a status update of a version that is gone: %v", err)
	}
	check.Status.Phase = v1alpha1.PhasePending
	if err := w.Client().Status().Update(ctx, check); err != nil {
		t.Errorf("a status update: %v", err)
	}
	one.Data["key"] = []byte("other")
	sequence := []struct {
		name string
		do   func() error
	}{
		{"update", func() error { return w.Client().Update(ctx, one) }},
		{"patch", func() error {
			return w.Client().Patch(ctx, one, client.RawPatch(types.MergePatchType, []byte(`{"data":null}`)))
		}},
		{"list", func() error { return w.Client().List(ctx, &corev1.SecretList{}, client.InNamespace(w.namespace)) }},
		{"delete", func() error { return w.Client().Delete(ctx, one) }},
		{"delete all", func() error { return w.Client().DeleteAllOf(ctx, check, client.InNamespace(w.namespace)) }},
	}
	for _, call := range sequence {
		if err := call.do(); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
	}
}

// TestStop looks for goroutines and connections that stay behind.
func TestStop(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	for name, fail := range map[string]func(p *proxy){
		"while all is well":   func(*proxy) {},
		"while it is refused": (*proxy).refuse,
		"while it hangs":      (*proxy).blackHole,
	} {
		t.Run(name, func(t *testing.T) {
			p, through := newProxy(t, direct)
			w := prepare(t, through, direct)
			w.create(w.secret("one"))
			there := goleak.IgnoreCurrent()
			w.start()
			w.settle()
			if err := w.Client().Get(t.Context(), client.ObjectKeyFromObject(w.secret("one")), &corev1.Secret{}); err != nil {
				t.Fatal(err)
			}
			fail(p)
			if name != "while all is well" {
				w.leave()
			}
			w.stop()
			p.refuse()
			goleak.VerifyNone(t, there)
		})
	}
}

func TestNewNeedsNamespaces(t *testing.T) {
	for name, o := range map[string]cluster.Options{
		"of the facade": {CheckNamespace: "a"},
		"of the checks": {Namespace: "a"},
	} {
		if _, err := cluster.New(&rest.Config{Host: "https://127.0.0.1:1"}, o, logr.Discard()); err == nil {
			t.Errorf("the namespace %s may be left out, which would mean all of them", name)
		}
	}
}

// TestNewAsksNobody makes a Cluster for an address where nothing listens, and prepares its cache.
func TestNewAsksNobody(t *testing.T) {
	c, err := cluster.New(&rest.Config{Host: "https://127.0.0.1:1"}, cluster.Options{Namespace: "a", CheckNamespace: "b"}, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	none := func(client.Object) []string { return nil }
	if err := c.Cache().IndexField(t.Context(), &v1alpha1.Check{}, "phase", none); err != nil {
		t.Error(err)
	}
	if _, err := c.Cache().GetInformer(t.Context(), &v1alpha1.RuleSet{}, cache.BlockUntilSynced(false)); err != nil {
		t.Error(err)
	}
	if c.Synced() || c.Replicas() != 1 {
		t.Error("it knows of a cluster that does not exist")
	}
	if err := c.Client().Get(t.Context(), client.ObjectKey{Namespace: "a", Name: "b"}, &corev1.Secret{}); !errors.Is(err, cluster.ErrAway) {
		t.Errorf("a read from nowhere: %v", err)
	}
}
