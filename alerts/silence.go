package alerts

import (
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Bounds of a Silence, as its schema has them.
const (
	maxSilencedChecks = 100
	maxCreatedBy      = 256  // characters
	maxComment        = 1024 // characters
)

// Silence is a Silence that can be used.
type Silence struct {
	Namespace, Name  string
	StartsAt, EndsAt time.Time // the zero StartsAt: since ever

	checks   map[string]struct{} // nil: all
	selector labels.Selector
	muted    ranks
}

// CompileSilence makes a silence of its object, or says what is wrong with each field of it. What the object's schema refuses is
// refused here as well, for objects that bypassed it.
func CompileSilence(object *v1alpha1.Silence) (*Silence, field.ErrorList) {
	spec, path := &object.Spec, field.NewPath("spec")
	var c checker
	s := &Silence{
		Namespace: object.Namespace,
		Name:      object.Name,
		EndsAt:    spec.EndsAt.Time,
		checks:    c.silenced(path.Child("checks"), spec.Checks),
		selector:  c.selector(path.Child("selector"), spec.Selector),
		muted:     c.severities(path.Child("severities"), spec.Severities),
	}
	if len(spec.Severities) == 0 {
		for rank := range s.muted {
			s.muted[rank] = true
		}
	}
	if spec.Checks != nil && spec.Selector != nil {
		c.add(field.Invalid(path, field.OmitValueType{}, "set at most one of checks and selector"))
	}
	if spec.StartsAt != nil {
		s.StartsAt = spec.StartsAt.Time
	}
	switch {
	case s.EndsAt.IsZero():
		c.add(field.Required(path.Child("endsAt"), "say when the silence ends, for instance 2026-05-31T18:00:00Z"))
	case !s.EndsAt.After(s.StartsAt):
		c.add(field.Invalid(path.Child("endsAt"), s.EndsAt.UTC().Format(time.RFC3339), "must be after startsAt"))
	}
	c.length(path.Child("createdBy"), spec.CreatedBy, maxCreatedBy)
	c.length(path.Child("comment"), spec.Comment, maxComment)
	if len(c.problems) > 0 {
		return nil, c.told()
	}
	return s, nil
}

// Mutes tells whether a failure is silent at an instant.
func (s *Silence) Mutes(sub Subject, at time.Time) bool {
	if s.State(at) != v1alpha1.SilenceActive || sub.Namespace != s.Namespace || !s.muted[Rank(sub.Severity)] {
		return false
	}
	if s.checks != nil {
		_, ok := s.checks[sub.Name]
		return ok
	}
	return s.selector.Matches(sub.Labels)
}

// State tells where the silence stands at an instant: it is active from StartsAt until before EndsAt.
func (s *Silence) State(at time.Time) v1alpha1.SilenceState {
	switch {
	case !at.Before(s.EndsAt):
		return v1alpha1.SilenceExpired
	case at.Before(s.StartsAt):
		return v1alpha1.SilencePending
	}
	return v1alpha1.SilenceActive
}

// silenced are the names of a list of Checks. One that is there and empty is refused, since it reads like none and would be all.
func (c *checker) silenced(path *field.Path, names []string) map[string]struct{} {
	switch n := len(names); {
	case names == nil:
		return nil
	case n == 0:
		c.add(field.Required(path, "name a Check, or leave checks out to silence all of the namespace"))
	case n > maxSilencedChecks:
		c.add(field.TooMany(path, n, maxSilencedChecks))
		return nil
	}
	set := make(map[string]struct{}, len(names))
	for i, name := range names {
		c.words(path.Index(i), name, validation.IsDNS1123Subdomain)
		if _, twice := set[name]; twice {
			c.add(field.Duplicate(path.Index(i), name))
		}
		set[name] = struct{}{}
	}
	return set
}

func (c *checker) length(path *field.Path, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		c.add(field.TooLongCharacters(path, text, most))
	}
}
