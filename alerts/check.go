package alerts

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Bounds of what both kinds of object have.
const (
	maxProblems     = 100 // told of one object; the rest is found once these are mended
	maxQuoted       = 64  // bytes of a value that a problem quotes; the rest is cut
	maxRequirements = 100 // labels and expressions of a selector
	maxValues       = 100 // of one expression of a selector
)

// checker gathers what is wrong with an object.
type checker struct {
	problems field.ErrorList
}

func (c *checker) add(problem ...*field.Error) {
	c.problems = append(c.problems, problem...)
}

// told are the problems as they are shown: in an order that is the same each time, and bounded.
func (c *checker) told() field.ErrorList {
	for _, problem := range c.problems {
		if v := reflect.ValueOf(problem.BadValue); v.Kind() == reflect.String && v.Len() > maxQuoted {
			problem.BadValue = strings.ToValidUTF8(v.String()[:maxQuoted], "") + "..."
		}
	}
	slices.SortStableFunc(c.problems, func(a, b *field.Error) int { return strings.Compare(a.Error(), b.Error()) })
	return c.problems[:min(len(c.problems), maxProblems)]
}

// words adds what a function of package validation says of a value.
func (c *checker) words(path *field.Path, value string, check func(string) []string) {
	for _, detail := range check(value) {
		c.add(field.Invalid(path, value, detail))
	}
}

// selector of labels; one that is unset or empty selects all.
func (c *checker) selector(path *field.Path, s *metav1.LabelSelector) labels.Selector {
	if s == nil {
		return labels.Everything()
	}
	if n := len(s.MatchLabels) + len(s.MatchExpressions); n > maxRequirements {
		c.add(field.TooMany(path, n, maxRequirements))
		return labels.Nothing()
	}
	for i, expression := range s.MatchExpressions {
		if n := len(expression.Values); n > maxValues {
			c.add(field.TooMany(path.Child("matchExpressions").Index(i).Child("values"), n, maxValues))
			return labels.Nothing()
		}
	}
	if problems := validation.ValidateLabelSelector(s, validation.LabelSelectorValidationOptions{}, path); len(problems) > 0 {
		c.add(problems...)
		return labels.Nothing()
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		c.add(field.Invalid(path, field.OmitValueType{}, err.Error()))
		return labels.Nothing()
	}
	return selector
}

// nodes are the labels that a node must have.
func (c *checker) nodes(path *field.Path, want map[string]string) map[string]string {
	if n := len(want); n > maxNodeLabels {
		c.add(field.TooMany(path, n, maxNodeLabels))
		return nil
	}
	c.add(validation.ValidateLabels(want, path)...)
	return maps.Clone(want)
}

func (c *checker) severity(path *field.Path, s v1alpha1.Severity) {
	if Rank(s) == 0 {
		c.add(field.NotSupported(path, s, severities[1:]))
	}
}

// ranks is a set of severities, by rank.
type ranks [len(severities)]bool

// severities of a list, each known and there once.
func (c *checker) severities(path *field.Path, list []v1alpha1.Severity) ranks {
	var set ranks
	if n := len(list); n >= len(severities) {
		c.add(field.TooMany(path, n, len(severities)-1))
		return set
	}
	for i, s := range list {
		c.severity(path.Index(i), s)
		rank := Rank(s)
		if set[rank] && rank > 0 {
			c.add(field.Duplicate(path.Index(i), s))
		}
		set[rank] = rank > 0
	}
	return set
}
