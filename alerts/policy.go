package alerts

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Subject is what a policy or a silence looks at: a failing Check.
type Subject struct {
	Namespace, Name string
	Labels          labels.Set
	NamespaceLabels labels.Set
	Severity        v1alpha1.Severity
}

// Policy is an AlertPolicy that can be used.
type Policy struct {
	Name     string
	Priority int32

	GroupWait      time.Duration
	GroupInterval  time.Duration
	RepeatInterval time.Duration // 0: once

	Volume   int            // percent of full scale
	Recovery *v1alpha1.Tone // nil: none

	checks     labels.Selector
	namespaces labels.Selector
	nodes      map[string]string
	lowest     int                            // rank of minSeverity
	tones      [len(severities)]v1alpha1.Tone // by rank
	named      []NamedTone
	quiet      []window
}

// NamedTone is a tone that a policy sets, and where.
type NamedTone struct {
	Path *field.Path // for instance spec.tones.critical
	Tone v1alpha1.Tone
}

// DefaultName is the name of the built-in policy. An AlertPolicy of a cluster may have it too.
const DefaultName = "default"

// Default is the policy that applies where there is none that can be used: failures of severity error and critical sound once,
// on every node, by the patterns that ship with Checky, and at every hour. Its name is default.
func Default() *Policy {
	return &Policy{
		Name:          DefaultName,
		GroupWait:     groupWait.unset,
		GroupInterval: groupInterval.unset,
		Volume:        defaultVolume,
		checks:        labels.Everything(),
		namespaces:    labels.Everything(),
		lowest:        Rank(defaultMinSeverity),
		tones:         patterns(),
	}
}

// Selects tells whether a policy is about a failure: by the labels of the Check, those of its namespace, and its severity. One
// whose severity is unknown or empty is selected by none.
func (p *Policy) Selects(s Subject) bool {
	return Rank(s.Severity) >= p.lowest && p.checks.Matches(s.Labels) && p.namespaces.Matches(s.NamespaceLabels)
}

// OnNode tells whether a policy sounds on the node that has these labels.
func (p *Policy) OnNode(node labels.Set) bool {
	for key, want := range p.nodes {
		if value, ok := node[key]; !ok || value != want {
			return false
		}
	}
	return true
}

// Tone is what is heard for a severity: what the policy sets for it, or its Pattern.
func (p *Policy) Tone(s v1alpha1.Severity) v1alpha1.Tone {
	return p.tones[Rank(s)]
}

// Tones are those that the policy's spec sets, in the order of its fields. The caller must not change them.
func (p *Policy) Tones() []NamedTone {
	return p.named
}

// Choose gives, of the policies that select a failure, the one that applies: that of the highest priority, and of equal ones the
// first by name. It is nil where none selects it.
func Choose(policies []*Policy, s Subject) *Policy {
	var chosen *Policy
	for _, p := range policies {
		if chosen != nil && (p.Priority < chosen.Priority || p.Priority == chosen.Priority && p.Name >= chosen.Name) {
			continue
		}
		if p.Selects(s) {
			chosen = p
		}
	}
	return chosen
}

// patterns are the tones of a policy that sets none.
func patterns() [len(severities)]v1alpha1.Tone {
	var tones [len(severities)]v1alpha1.Tone
	for rank, severity := range severities {
		tones[rank].Pattern = Pattern(severity)
	}
	return tones
}
