// Package operator_test runs the operator against a real kube-apiserver and etcd, under the role that it is deployed
// with.
package operator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

// patience is how long a test waits for what should take moments: on a busy machine the API server may stand still
// for longer than a client waits for one answer.
const patience = 3 * time.Minute

var namespaces atomic.Int64

// cluster is a namespace of a test's own.
type cluster struct {
	client.WithWatch
	t         *testing.T
	admin     *rest.Config
	namespace string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	cp := controlplanetest.Start(t)
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	config := cp.RESTConfig()
	config.QPS = -1
	admin, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{WithWatch: admin, t: t, admin: config, namespace: fmt.Sprintf("test-%d", namespaces.Add(1))}
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	return c
}

// create creates objects. Those outside of the test's own namespace are deleted when it ends.
func (c *cluster) create(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		c.createForAll(o)
		if _, namespace := o.(*corev1.Namespace); namespace || o.GetNamespace() != "" && o.GetNamespace() != metav1.NamespaceDefault {
			continue
		}
		c.t.Cleanup(func() {
			if err := c.Delete(context.WithoutCancel(c.t.Context()), o); client.IgnoreNotFound(err) != nil {
				c.t.Errorf("delete %T %s: %v", o, o.GetName(), err)
			}
		})
	}
}

// createForAll creates objects that stay for the tests that follow.
func (c *cluster) createForAll(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		if err := c.Create(c.t.Context(), o); err != nil {
			c.t.Fatalf("create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// apply creates the objects of a YAML text in the test's namespace.
func (c *cluster) apply(text string) {
	c.t.Helper()
	for _, doc := range strings.Split(text, "\n---\n") {
		object, err := decode(c.Scheme(), doc)
		if err != nil {
			c.t.Fatal(err)
		}
		switch object.(type) {
		case *v1alpha1.ClusterRuleSet, *v1alpha1.AlertPolicy: // they are of no namespace
		default:
			object.SetNamespace(c.namespace)
		}
		c.create(object)
	}
}

func decode(scheme *runtime.Scheme, doc string) (client.Object, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(doc), &kind); err != nil {
		return nil, err
	}
	object, err := scheme.New(kind.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	return object.(client.Object), yaml.UnmarshalStrict([]byte(doc), object) //nolint:forcetypeassert // all kinds are objects
}

// eventually waits for a condition on an object, by watching it.
func eventually[T client.Object](c *cluster, object T, what string, done func(T) bool) T {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	key := client.ObjectKeyFromObject(object)
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, key, object); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		return done(object), nil
	})
	if err != nil {
		text, _ := yaml.Marshal(object)
		c.t.Fatalf("%s: %v\n%s", what, err, text)
	}
	return object
}

func (c *cluster) check(name string) *v1alpha1.Check {
	return &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
}

// verdict waits for a Check's phase on its present generation.
func (c *cluster) verdict(name string, phase v1alpha1.Phase) *v1alpha1.Check {
	c.t.Helper()
	return eventually(c, c.check(name), "phase "+string(phase), func(k *v1alpha1.Check) bool {
		return k.Status.Phase == phase && k.Status.ObservedGeneration == k.Generation
	})
}

// gone waits until an object is deleted.
func (c *cluster) gone(object client.Object) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		c.t.Fatalf("%s is still there: %v", object.GetName(), err)
	}
}

// testOptions are an operator's for tests: no ports of its own.
func testOptions() controllers.Options {
	o := controllers.DefaultOptions()
	o.MetricsAddress, o.HealthAddress = "0", "0"
	return o
}

var rbacOnce sync.Once

// operatorConfig is the configuration of a user who has what the deployed controller has, and no more.
func (c *cluster) operatorConfig() *rest.Config {
	c.t.Helper()
	rbacOnce.Do(func() {
		text, err := os.ReadFile("../../config/rbac/role.yaml")
		if err != nil {
			c.t.Fatal(err)
		}
		role, err := decode(c.Scheme(), string(bytes.Split(text, []byte("\n---\n"))[0]))
		if err != nil {
			c.t.Fatal(err)
		}
		inputs := &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "test-inputs"},
			Rules: []rbacv1.PolicyRule{{
				APIGroups: []string{""}, Resources: []string{"configmaps", "secrets"}, Verbs: []string{"get", "list", "watch"},
			}},
		}
		c.createForAll(role, inputs, bindTo(role.GetName()), bindTo(inputs.Name))
	})
	config, err := controlplanetest.Start(c.t).UserConfig("checky-controller")
	if err != nil {
		c.t.Fatal(err)
	}
	return config
}

func bindTo(role string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role + "-test"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "checky-controller"}},
	}
}

// operator is a running operator.
type operator struct {
	stop     context.CancelFunc
	done     chan error
	registry *prometheus.Registry
}

// start runs the operator until the test ends or stop is called.
func (c *cluster) start(o controllers.Options) *operator {
	c.t.Helper()
	return c.startAs(c.operatorConfig(), o)
}

// startAs does so by a configuration of the test's own.
func (c *cluster) startAs(config *rest.Config, o controllers.Options) *operator {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	op := &operator{stop: cancel, done: make(chan error, 1), registry: prometheus.NewRegistry()}
	mgr, err := controllers.New(ctx, config, o, op.registry)
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	go func() { op.done <- mgr.Start(ctx) }()
	c.t.Cleanup(func() { op.end(c.t) })
	return op
}

// end stops the operator and waits until it has.
func (op *operator) end(t *testing.T) {
	op.stop()
	if err := <-op.done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the operator ended: %v", err)
	}
	op.done <- nil
}
