package dispatch

import (
	"maps"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/alerts"
)

// namespace is what is known of a namespace, and who fails in it. It is kept while there is either.
type namespace struct {
	known  bool
	labels map[string]string
	alerts map[*failure]struct{}
}

// changes are what concerns many failures at once, and is looked at by the next Next, however much of it there was.
type changes struct {
	all        bool
	namespaces map[string]bool
}

// SetPolicies tells which policies hold on this node, all of them. Failures that were announced are not announced
// again because of it, and those that were not follow the new policies. A group is known by the name of its policy,
// and keeps its pace when that changes.
func (s *State) SetPolicies(m Moment, policies []*alerts.Policy) {
	s.advance(m)
	before := map[string]*group{}
	for _, g := range s.groups {
		before[g.policy.Name] = g
	}
	s.policed, s.policies, s.groups = true, policies, make([]*group, 0, len(policies))
	for _, p := range policies {
		g := before[p.Name]
		if g == nil {
			g = newGroup()
		}
		delete(before, p.Name)
		g.policy, g.hours.looked = p, false
		s.groups = append(s.groups, g)
	}
	for _, g := range before {
		s.recoveries.dropAll(g)
	}
	s.changed.all = true
}

// SetNamespace tells the labels of a namespace; nil: it is gone. Until they are told, a namespace has none.
func (s *State) SetNamespace(m Moment, name string, set map[string]string) {
	s.advance(m)
	n := s.inNamespace(name)
	if n.known == (set != nil) && maps.Equal(n.labels, set) {
		s.tidy(name)
		return
	}
	n.known, n.labels = set != nil, maps.Clone(set)
	if len(n.alerts) > 0 {
		s.changed.namespaces[name] = true
	}
	s.tidy(name)
}

func (s *State) inNamespace(name string) *namespace {
	n := s.namespaces[name]
	if n == nil {
		n = &namespace{alerts: map[*failure]struct{}{}}
		s.namespaces[name] = n
	}
	return n
}

// tidy forgets a namespace of which nothing is known and in which nothing fails.
func (s *State) tidy(name string) {
	if n := s.namespaces[name]; n != nil && !n.known && len(n.alerts) == 0 {
		delete(s.namespaces, name)
	}
}

// match is the group of the policy that applies to a failure: of those that select it, the one of highest priority.
// nil: none does.
func (s *State) match(f *failure) *group {
	chosen := alerts.Choose(s.policies, s.subject(&f.alert))
	if chosen == nil {
		return nil
	}
	for _, g := range s.groups {
		if g.policy == chosen {
			return g
		}
	}
	return nil
}

func (s *State) subject(a *Alert) alerts.Subject {
	subject := alerts.Subject{Namespace: a.Namespace, Name: a.Name, Labels: labels.Set(a.Labels), Severity: a.Severity}
	if n := s.namespaces[a.Namespace]; n != nil {
		subject.NamespaceLabels = n.labels
	}
	return subject
}

// refresh files anew what a change concerns that is not of one failure alone: of policies, of silences, of quiet
// hours, of a namespace's labels. Where there was none, it looks at no failure.
func (s *State) refresh() {
	s.passSilences()
	some := false
	for _, g := range s.groups {
		s.look(g)
		some = some || g.hours.turned
	}
	if s.changed.all || some {
		for _, f := range s.alerts {
			if s.changed.all || f.group != nil && f.group.hours.turned || s.changed.namespaces[f.alert.Namespace] {
				s.file(f)
			}
		}
	} else {
		for name := range s.changed.namespaces {
			if n := s.namespaces[name]; n != nil {
				for f := range n.alerts {
					s.file(f)
				}
			}
		}
	}
	for _, g := range s.groups {
		g.hours.turned = false
	}
	s.changed.all = false
	clear(s.changed.namespaces)
}
