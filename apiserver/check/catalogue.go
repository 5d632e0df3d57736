package check

import (
	"cmp"
	"context"
	"slices"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// catalogue is the rule sets that requests can name, fed by the cache's informers: a dry run looks one up without a copy, and
// does not search the namespace for its defaults.
type catalogue struct {
	namespace string

	mu       sync.RWMutex
	sets     map[v1alpha1.RuleSetReference]*entry
	defaults []*entry
}

// entry is one rule set. It is immutable.
type entry struct {
	ref       v1alpha1.RuleSetReference
	isDefault bool
	compile   func(*engine.Library) *rules.Set
}

func newCatalogue(namespace string) *catalogue {
	return &catalogue{namespace: namespace, sets: map[v1alpha1.RuleSetReference]*entry{}}
}

func (c *catalogue) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { c.put(c.entryOf(object)) },
		UpdateFunc: func(_, object any) { c.put(c.entryOf(object)) },
		DeleteFunc: func(object any) {
			if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			c.drop(c.entryOf(object))
		},
	}
}

// entryOf gives nil for what is no rule set, or none of the namespace.
func (c *catalogue) entryOf(object any) *entry {
	switch set := object.(type) {
	case *v1alpha1.RuleSet:
		if set.Namespace != c.namespace {
			return nil
		}
		return &entry{
			ref:       v1alpha1.RuleSetReference{Kind: v1alpha1.KindRuleSet, Name: set.Name},
			isDefault: set.Annotations[v1alpha1.DefaultRuleSetAnnotation] == "true",
			compile:   func(l *engine.Library) *rules.Set { return l.RuleSet(set) },
		}
	case *v1alpha1.ClusterRuleSet:
		return &entry{
			ref:     v1alpha1.RuleSetReference{Kind: v1alpha1.KindClusterRuleSet, Name: set.Name},
			compile: func(l *engine.Library) *rules.Set { return l.ClusterRuleSet(set) },
		}
	}
	return nil
}

func (c *catalogue) put(e *entry) {
	if e == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undefault(e.ref)
	c.sets[e.ref] = e
	if e.isDefault {
		// A new slice: those that were handed out stay as they are.
		c.defaults = append(slices.Clip(c.defaults), e)
	}
}

func (c *catalogue) drop(e *entry) {
	if e == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undefault(e.ref)
	delete(c.sets, e.ref)
}

func (c *catalogue) undefault(ref v1alpha1.RuleSetReference) {
	old := c.sets[ref]
	if old == nil || !old.isDefault {
		return
	}
	rest := make([]*entry, 0, len(c.defaults))
	for _, e := range c.defaults {
		if e != old {
			rest = append(rest, e)
		}
	}
	c.defaults = rest
}

// get gives a rule set; nil if there is none.
func (c *catalogue) get(ref v1alpha1.RuleSetReference) *entry {
	ref.Kind = cmp.Or(ref.Kind, v1alpha1.KindRuleSet)
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sets[ref]
}

// byDefault are the rule sets that apply where a request names no rules. Nobody may change the slice.
func (c *catalogue) byDefault() []*entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.defaults
}

// all gives every rule set: the namespace's, then the cluster's, each by name.
func (c *catalogue) all() []*entry {
	c.mu.RLock()
	list := make([]*entry, 0, len(c.sets))
	for _, e := range c.sets {
		list = append(list, e)
	}
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(-cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name))
	})
	return list
}

// RuleSets lists the rule sets that requests can name: the namespace's, then the cluster's, each by name. Its error is
// ErrUnavailable before the cache is complete.
func (s *Service) RuleSets(context.Context) ([]RuleSet, error) {
	if err := s.listed(); err != nil {
		return nil, err
	}
	entries := s.sets.all()
	list := make([]RuleSet, len(entries))
	for i, e := range entries {
		set := e.compile(s.o.Library)
		list[i] = RuleSet{
			Kind: e.ref.Kind, Name: e.ref.Name, Default: e.isDefault,
			Ready: len(set.Errors) == 0, Errors: set.Errors, Rules: make([]RuleInfo, len(set.Rules)),
		}
		for j, r := range set.Rules {
			list[i].Rules[j] = RuleInfo{Name: r.Name, Severity: r.Severity, Fields: r.Fields}
		}
	}
	return list, nil
}
