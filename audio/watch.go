//go:build linux

package audio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
)

// watch tells the state what happens in the cluster, until the context ends. What decides about Checks comes first, so that no Check is judged
// by half of the policies.
func (d *daemon) watch(ctx context.Context) error {
	stale := make(chan struct{}, 1) // of one place: many changes at a time are one
	changed := onChange(func() {
		select {
		case stale <- struct{}{}:
		default:
		}
	})
	for _, w := range []struct {
		object  client.Object
		handler toolscache.ResourceEventHandler
	}{
		{metadataOf("Namespace"), toolscache.ResourceEventHandlerFuncs{AddFunc: d.namespace, UpdateFunc: func(_, now any) { d.namespace(now) }, DeleteFunc: d.namespaceGone}},
		{metadataOf("Node"), changed},
		{&v1alpha1.AlertPolicy{}, changed},
		{&v1alpha1.Silence{}, changed},
	} {
		if err := d.follow(ctx, w.object, w.handler); err != nil {
			return err
		}
	}
	if err := d.follow(ctx, &corev1.ConfigMap{}, toolscache.ResourceEventHandlerFuncs{DeleteFunc: d.sounds.gone}); err != nil { // sounds are at hand when they are to be played
		return err
	}
	d.policies(ctx)
	d.silences(ctx)
	if err := d.follow(ctx, &v1alpha1.Check{}, toolscache.ResourceEventHandlerDetailedFuncs{AddFunc: d.check, UpdateFunc: d.checkChanged, DeleteFunc: d.checkGone}); err != nil {
		return err
	}
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Synced(now) })
	d.synced.Store(true)
	d.log.Info("Watching")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.room:
			d.checks(ctx)
		case <-stale:
			d.policies(ctx)
			d.silences(ctx)
		}
	}
}

// follow has a handler called for each object of a kind, and returns when it was for all that there are.
func (d *daemon) follow(ctx context.Context, object client.Object, handler toolscache.ResourceEventHandler) error {
	kind, err := d.live.GroupVersionKindFor(object)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	d.following.Store(&kind)
	informer, err := d.cache.GetInformer(ctx, object)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return ctx.Err()
	}
	return nil
}

// onChange calls f for any change whatever.
func onChange(f func()) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { f() }, UpdateFunc: func(any, any) { f() }, DeleteFunc: func(any) { f() },
	}
}

// checks tells of all failing Checks once more: there is room for those that were not followed, and to the others it is no news.
func (d *daemon) checks(ctx context.Context) {
	var list v1alpha1.CheckList
	if err := d.cache.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		d.log.Error(err, "Could not read the failing Checks; those that are not followed are taken up when they change")
		return
	}
	for i := range list.Items {
		d.check(&list.Items[i], false)
	}
}

// checkChanged tells of a failing Check that changed, or that was replaced by another of its name while nobody watched.
func (d *daemon) checkChanged(before, now any) {
	if uid := uidOf(before); uid != uidOf(now) {
		d.checkGone(before)
	}
	d.check(now, false)
}

// check tells of a failing Check. One whose status has no alert, which the controller never writes, does not count.
func (d *daemon) check(object any, initial bool) {
	check, ok := object.(*v1alpha1.Check)
	if !ok {
		return
	}
	if check.Status.Alert == nil {
		d.checkGone(check)
		return
	}
	alert := alertOf(check)
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Observe(now, alert, initial) })
}

// alertOf reads off a Check what its failure is.
func alertOf(check *v1alpha1.Check) dispatch.Alert {
	alert := dispatch.Alert{
		UID: check.UID, Namespace: check.Namespace, Name: check.Name, Labels: check.Labels,
		Key: keyOf(check.Status.Alert), Severity: check.Status.Alert.Severity,
		AcknowledgedBy: check.Annotations[v1alpha1.AcknowledgedByAnnotation],
	}
	if passed := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionPassed); passed != nil {
		alert.Since = passed.LastTransitionTime.Time
	}
	if completed := check.Status.CompletionTime; completed != nil {
		alert.Completed = completed.Time
	}
	return alert
}

// keyOf is an alert's key, as the journal takes it: a longer one, which no controller writes, is replaced by its digest.
func keyOf(alert *v1alpha1.Alert) string {
	if alert.Key != "" && len(alert.Key) <= journal.MaxKey {
		return alert.Key
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(alert.Key)))
}

// checkGone tells of a Check that passes, waits or was deleted: in each case it is no longer among the failing ones.
func (d *daemon) checkGone(object any) {
	if uid := uidOf(object); uid != "" {
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Gone(now, uid) })
	}
}

// uidOf is the UID of a deleted object, also where only its last known state is at hand.
func uidOf(object any) types.UID {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return ""
	}
	return accessor.GetUID()
}

func (d *daemon) namespace(object any) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		set := namespace.Labels
		if set == nil {
			set = map[string]string{}
		}
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetNamespace(now, namespace.Name, set) })
	}
}

func (d *daemon) namespaceGone(object any) {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	if accessor, err := meta.Accessor(object); err == nil {
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetNamespace(now, accessor.GetName(), nil) })
	}
}

// policies tells which policies hold on this node. One that cannot work is left out; where none is left, the built-in one holds.
func (d *daemon) policies(ctx context.Context) {
	var list v1alpha1.AlertPolicyList
	if err := d.cache.List(ctx, &list); err != nil {
		d.log.Error(err, "Could not read the AlertPolicies; those from before hold")
		return
	}
	node := metadataOf("Node")
	err := d.cache.Get(ctx, types.NamespacedName{Name: d.options.NodeName}, node)
	if client.IgnoreNotFound(err) != nil {
		d.log.Error(err, "Could not read the node; the AlertPolicies from before hold")
		return
	}
	if missing := err != nil; missing != d.told.nodeless {
		d.told.nodeless = missing
		if missing {
			d.log.Info("There is no node of this name (--node-name); AlertPolicies with a nodeSelector do not hold here", "node", d.options.NodeName)
		}
	}
	var usable, taken []*alerts.Policy
	seen := told{}
	for i := range list.Items {
		fresh := seen.add(d.told.policies, &list.Items[i])
		policy, problems := alerts.Compile(&list.Items[i])
		switch {
		case len(problems) == 0:
			usable = append(usable, policy)
			if fresh {
				taken = append(taken, policy)
			}
		case fresh:
			d.log.Error(problems.ToAggregate(), "An AlertPolicy cannot be used, and is left out", "policy", list.Items[i].Name)
		}
	}
	builtIn := len(usable) == 0
	if builtIn {
		usable = []*alerts.Policy{alerts.Default()}
	}
	usable = slices.DeleteFunc(usable, func(p *alerts.Policy) bool { return !p.OnNode(node.Labels) })
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetPolicies(now, usable) })
	for _, p := range taken {
		d.log.Info("AlertPolicy taken in", "policy", p.Name, "generation", seen[types.NamespacedName{Name: p.Name}].generation, "onThisNode", p.OnNode(node.Labels))
	}
	if builtIn && !d.told.builtIn {
		d.log.Info("There is no AlertPolicy that can be used; the built-in one holds")
	}
	d.told.policies, d.told.builtIn = seen, builtIn
}

// maxSilences is how many Silences of a namespace are looked at, the first by their names: each failure of the namespace is compared with all of them.
const maxSilences = 1000

// silences tells which Silences there are. One that cannot work silences nothing.
func (d *daemon) silences(ctx context.Context) {
	var list v1alpha1.SilenceList
	if err := d.cache.List(ctx, &list); err != nil {
		d.log.Error(err, "Could not read the Silences; those from before hold")
		return
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Silence) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	var usable, taken []*alerts.Silence
	seen, used := told{}, map[string]int{}
	for i := range list.Items {
		fresh := seen.add(d.told.silences, &list.Items[i])
		silence, problems := alerts.CompileSilence(&list.Items[i])
		switch {
		case len(problems) == 0 && used[silence.Namespace] == maxSilences:
			if fresh {
				d.log.Info("A namespace has more Silences than are looked at; this one silences nothing", "namespace", silence.Namespace, "silence", silence.Name, "most", maxSilences)
			}
		case len(problems) == 0:
			used[silence.Namespace]++
			usable = append(usable, silence)
			if fresh {
				taken = append(taken, silence)
			}
		case fresh:
			d.log.Error(problems.ToAggregate(), "A Silence cannot be used, and is left out", "namespace", list.Items[i].Namespace, "silence", list.Items[i].Name)
		}
	}
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetSilences(now, usable) })
	for _, x := range taken {
		d.log.Info("Silence taken in", "namespace", x.Namespace, "silence", x.Name,
			"generation", seen[types.NamespacedName{Namespace: x.Namespace, Name: x.Name}].generation, "endsAt", x.EndsAt)
	}
	d.told.silences = seen
}
