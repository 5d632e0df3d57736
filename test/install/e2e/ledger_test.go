package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	applied     = "applied" // namespace of the Checks that are applied with kubectl's means
	appliedRate = 2.0       // of them a second
)

// ledger follows every Check that is in the cluster, from the load's beginning on, and keeps little of each.
type ledger struct {
	mu       sync.Mutex
	made     map[string]int                     // Checks that were made, by namespace
	live     map[types.NamespacedName]types.UID // those that are there
	pending  map[string]struct{}                // those in applied without a verdict
	finished int                                // those in applied that had their verdict
	wrong    []string                           // what must not be, the first maxTold
}

// ledger begins one.
func (c *cluster) ledger() *ledger {
	c.t.Helper()
	l := &ledger{made: map[string]int{}, live: map[types.NamespacedName]types.UID{}, pending: map[string]struct{}{}}
	follow(c, &v1alpha1.Check{}, l.seen, l.gone, func(check *v1alpha1.Check) *v1alpha1.Check {
		kept := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Namespace: check.Namespace, Name: check.Name, UID: check.UID, ResourceVersion: check.ResourceVersion,
		}}
		kept.Status.Phase = check.Status.Phase
		return kept
	})
	return l
}

// follow calls seen for every object of a kind and for each change of it, and gone when it is deleted, until the test ends. keep makes what is
// remembered of one.
func follow[T client.Object](c *cluster, kind T, seen, gone func(T), keep func(T) T) {
	c.t.Helper()
	ctx := c.t.Context()
	informers, err := cache.New(c.RESTConfig(), cache.Options{Scheme: c.Scheme(), DefaultTransform: func(object any) (any, error) {
		if o, ok := object.(T); ok {
			return keep(o), nil
		}
		return object, nil
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	var group sync.WaitGroup
	c.t.Cleanup(group.Wait) // the test's context has ended by then
	group.Go(func() { _ = informers.Start(ctx) })
	informer, err := informers.GetInformer(ctx, kind)
	if err != nil {
		c.t.Fatal(err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { seen(o.(T)) },    //nolint:forcetypeassert // the informer's kind
		UpdateFunc: func(_, o any) { seen(o.(T)) }, //nolint:forcetypeassert // the same
		DeleteFunc: func(o any) {
			if unknown, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = unknown.Obj
			}
			gone(o.(T)) //nolint:forcetypeassert // the same
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		c.t.Fatal("what there is was not listed")
	}
}

func (l *ledger) seen(check *v1alpha1.Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := client.ObjectKeyFromObject(check)
	if uid, known := l.live[key]; !known || uid != check.UID {
		if known {
			l.tell("%s was made again", key)
		}
		l.live[key] = check.UID
		l.made[key.Namespace]++
		if key.Namespace == applied {
			l.pending[key.Name] = struct{}{}
		}
	}
	if key.Namespace != applied || check.Status.Phase == "" || check.Status.Phase == v1alpha1.PhasePending {
		return
	}
	if want := appliedPhase(key.Name); check.Status.Phase != want {
		l.tell("%s is %s, should be %s", key, check.Status.Phase, want)
	}
	if _, waits := l.pending[key.Name]; waits {
		delete(l.pending, key.Name)
		l.finished++
	}
}

func (l *ledger) gone(check *v1alpha1.Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := client.ObjectKeyFromObject(check)
	if _, waits := l.pending[key.Name]; waits && key.Namespace == applied {
		l.tell("%s was deleted before it had a verdict", key)
	}
	delete(l.live, key)
	delete(l.pending, key.Name)
}

// tell keeps what must not be; l.mu is held.
func (l *ledger) tell(format string, args ...any) {
	if len(l.wrong) < maxTold {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

func (l *ledger) told() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

func (l *ledger) madeIn(namespace string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made[namespace]
}

// done is how many of those that were applied have had their verdict.
func (l *ledger) done() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished
}

// appliedPhase is what the Check of a name comes to.
func appliedPhase(name string) v1alpha1.Phase {
	if strings.HasPrefix(name, "good-") {
		return v1alpha1.PhaseSuccess
	}
	return v1alpha1.PhaseFailure
}

// applyInputs makes the namespace of what is applied, and the ConfigMaps that its payloads are in.
func (c *cluster) applyInputs() {
	c.t.Helper()
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: applied}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: applied, Name: "good"}, Data: map[string]string{"order": `{"amount": 7}`}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: applied, Name: "bad"}, Data: map[string]string{"order": `{"amount": 700}`}},
	} {
		if err := c.Create(c.t.Context(), object); err != nil {
			c.t.Fatal(err)
		}
	}
}

// fromConfigMap is a Check of a payload in a ConfigMap of its namespace.
func fromConfigMap(namespace, name, configMap string) *v1alpha1.Check {
	return &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CheckSpec{
		InputFrom: &v1alpha1.InputSource{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: configMap, Key: "order"}},
		Rules:     []v1alpha1.Rule{{Name: "amount", CEL: &v1alpha1.CELRule{Expression: "input.amount <= 100"}}},
	}}
}

// apply makes a Check as a user of kubectl does who tries again; the ledger follows it.
func (l *load) apply(number int) {
	input := "good"
	if number%2 == 1 {
		input = "bad"
	}
	check := fromConfigMap(applied, input+"-"+strconv.Itoa(number), input)
	if l.ttl > 0 {
		seconds := int32(l.ttl.Seconds())
		check.Spec.TTLSecondsAfterFinished = &seconds
	}
	ctx, cancel := context.WithTimeout(l.c.t.Context(), patience)
	defer cancel()
	for {
		err := l.c.Create(ctx, check.DeepCopy())
		if err == nil || apierrors.IsAlreadyExists(err) {
			l.count(func(n *counts) { n.applied++ })
			return
		}
		if pause(ctx, askAgain) != nil {
			l.breach(func(n *counts) { n.abandoned++ }, "Check %s: %v", check.Name, err)
			return
		}
	}
}
