//go:build linux

package audio

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

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
	usable, fresh, seen := takeIn(list.Items, d.told.policies, func(p *v1alpha1.AlertPolicy) (*alerts.Policy, error) {
		policy, problems := alerts.Compile(p)
		return policy, problems.ToAggregate()
	}, func(p *v1alpha1.AlertPolicy, why error) {
		d.log.Error(why, "An AlertPolicy cannot be used, and is left out", "policy", p.Name)
	})
	builtIn := len(usable) == 0
	if builtIn {
		usable = []*alerts.Policy{alerts.Default()}
	}
	usable = slices.DeleteFunc(usable, func(p *alerts.Policy) bool { return !p.OnNode(node.Labels) })
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetPolicies(now, usable) })
	for _, p := range fresh {
		d.log.Info("AlertPolicy taken in", "policy", p.Name, "generation", seen[types.NamespacedName{Name: p.Name}].generation, "onThisNode", p.OnNode(node.Labels))
	}
	if builtIn && !d.told.builtIn {
		d.log.Info("There is no AlertPolicy that can be used; the built-in one holds")
	}
	d.told.policies, d.told.builtIn = seen, builtIn
}

// maxSilences is how many Silences of a namespace are looked at, the first by their names: each failure of the namespace is compared with all of them.
const maxSilences = 1000

// errSilences is why a Silence beyond them cannot be used.
var errSilences = fmt.Errorf("its namespace has more than the %d Silences that are looked at", maxSilences)

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
	used := map[string]int{} // by namespace
	usable, fresh, seen := takeIn(list.Items, d.told.silences, func(x *v1alpha1.Silence) (*alerts.Silence, error) {
		silence, problems := alerts.CompileSilence(x)
		switch {
		case len(problems) > 0:
			return nil, problems.ToAggregate()
		case used[x.Namespace] == maxSilences:
			return nil, errSilences
		}
		used[x.Namespace]++
		return silence, nil
	}, func(x *v1alpha1.Silence, why error) {
		d.log.Error(why, "A Silence cannot be used, and is left out", "namespace", x.Namespace, "silence", x.Name)
	})
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetSilences(now, usable) })
	for _, x := range fresh {
		d.log.Info("Silence taken in", "namespace", x.Namespace, "silence", x.Name,
			"generation", seen[types.NamespacedName{Namespace: x.Namespace, Name: x.Name}].generation, "endsAt", x.EndsAt)
	}
	d.told.silences = seen
}

// takeIn compiles all objects of a kind. What the log has not spoken of in this version is among the fresh ones, too, or refused where it cannot be
// compiled.
func takeIn[Item, Compiled any, Object interface {
	*Item
	client.Object
}](items []Item, before told, compile func(Object) (Compiled, error), refuse func(Object, error)) (usable, fresh []Compiled, seen told) {
	seen = told{}
	for i := range items {
		object := Object(&items[i])
		unsaid := seen.add(before, object)
		compiled, err := compile(object)
		switch {
		case err == nil:
			usable = append(usable, compiled)
			if unsaid {
				fresh = append(fresh, compiled)
			}
		case unsaid:
			refuse(object, err)
		}
	}
	return usable, fresh, seen
}

// told remembers in which version the log last spoke of the objects of a kind. All are looked at anew whenever one of them or the node changes: the
// log speaks of each once for each of its generations.
type told map[types.NamespacedName]version

type version struct {
	uid        types.UID
	generation int64
}

// add notes an object, and tells whether it differs from the one of its name in before.
func (t told) add(before told, object client.Object) bool {
	name, now := client.ObjectKeyFromObject(object), version{object.GetUID(), object.GetGeneration()}
	t[name] = now
	return before[name] != now
}
