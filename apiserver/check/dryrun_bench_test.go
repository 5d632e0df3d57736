package check

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules/builtin"
)

const (
	validOrder  = `{"id":"A-1001","customer":"c-77","amount":119.98,"currency":"EUR","items":[{"sku":"X1","price":59.99},{"sku":"X2","price":59.99}],"created":"2026-01-02T12:00:00Z","email":"ada@example.org","note":"leave at door"}`
	fiveModules = `
- {name: amount, module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}}
- {name: customer, module: {name: required, params: {field: $.customer}}}
- {name: currency, module: {name: enum, params: {field: $.currency, values: [EUR, USD, GBP]}}}
- {name: id, module: {name: length, params: {field: $.id, min: 3, max: 20}}}
- {name: sku, module: {name: type, params: {field: "$.items[*].sku", type: string}}}
`
)

// nowhere is a cluster that a test does not need.
type nowhere struct{}

func (nowhere) Cache() cache.Cache          { return nil }
func (nowhere) Client() client.Client       { return nil }
func (nowhere) Away() (time.Duration, bool) { return 0, false }

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// offline makes a Service without a cluster, which believes that its cache is complete.
func offline(tb failer) *Service {
	tb.Helper()
	s, err := New(Options{
		Cluster: nowhere{}, Unreachable: func(error) bool { return false },
		Engine: &engine.Engine{}, Library: engine.NewLibrary(builtin.New()), Namespace: "default",
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.complete.Store(true)
	return s
}

func parseRules(tb testing.TB, text string) []v1alpha1.Rule {
	tb.Helper()
	var list []v1alpha1.Rule
	if err := yaml.UnmarshalStrict([]byte(text), &list); err != nil {
		tb.Fatal(err)
	}
	return list
}

func ruleSet(tb testing.TB, name string, isDefault bool, rules string) *v1alpha1.RuleSet {
	tb.Helper()
	set := &v1alpha1.RuleSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name), Generation: 1},
		Spec:       v1alpha1.RuleSetSpec{Rules: parseRules(tb, rules)},
	}
	if isDefault {
		set.Annotations = map[string]string{v1alpha1.DefaultRuleSetAnnotation: "true"}
	}
	return set
}

// BenchmarkDryRun is one dry run of 5 rules over a 200-byte payload. Engine is the engine's part of it.
func BenchmarkDryRun(b *testing.B) {
	s := offline(b)
	set := ruleSet(b, "orders", true, fiveModules)
	s.sets.handler().OnAdd(set, true)
	program, err := s.o.Library.Program("", s.o.Library.RuleSet(set))
	if err != nil {
		b.Fatal(err)
	}
	input := []byte(validOrder)
	b.Run("Engine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.o.Engine.Evaluate(b.Context(), engine.Request{Input: input, Program: program, Now: time.Now()})
		}
	})
	for name, request := range map[string]Request{
		"Defaults": {Input: input},
		"Named":    {Input: input, RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
		"Inline":   {Input: input, Rules: parseRules(b, fiveModules)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.DryRun(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
