package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	dto "github.com/prometheus/client_model/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// items are payloads without names.
func items(texts ...string) []engine.Item {
	list := make([]engine.Item, len(texts))
	for i, text := range texts {
		list[i].Input = []byte(text)
	}
	return list
}

// repeated are so many payloads of so many bytes each.
func repeated(n, bytes int) []engine.Item {
	return items(slices.Repeat([]string{fmt.Sprintf("%*d", bytes, 1)}, n)...)
}

func TestInvalidBatches(t *testing.T) {
	const secret = "hunter2"
	own := parseRules(t, fiveModules)
	cases := map[string]struct {
		reason  string
		inputs  []engine.Item
		field   string
		message string // a part of it
	}{
		"none":           {"a batch of nothing would always pass", []engine.Item{}, "body.inputs", "1 to 1000"},
		"too many":       {"1001", repeated(rules.MaxBatchItems+1, 1), "body.inputs", "1 to 1000"},
		"too large":      {"a byte more than all may have together", append(repeated(3, rules.MaxBatchBytes/3), items("1")...), "body.inputs", "786432"},
		"one too large":  {"a byte more than a payload may have", append(items("1"), repeated(1, rules.MaxPayloadBytes+1)...), "body.inputs[1].input", "262144"},
		"one is empty":   {"nothing to check", items("1", ""), "body.inputs[1].input", "empty"},
		"one is no JSON": {"cut off", items("1", "2", `{"a": "`+secret), "body.inputs[2].input", "cut off"},
		"duplicate name": {"which one counts?", items(`{"a": 1, "a": "` + secret + `"}`), "body.inputs[0].input", "twice"},
		"too deep":       {"65 levels", items("1", strings.Repeat("[", 65)+strings.Repeat("]", 65)), "body.inputs[1].input", "64 levels"},
		"the first":      {"of two that cannot be read the first is named", items("1", "{", "["), "body.inputs[1].input", "cut off"},
		"stored":         {"quotation marks are two bytes each", items(slices.Repeat([]string{`"` + strings.Repeat(`\"`, 100<<10) + `"`}, 3)...), "body.inputs", "1179648"},
		"long name":      {"254 characters", []engine.Item{{Name: strings.Repeat("ä", 254), Input: []byte("1")}}, "body.inputs[0].name", "253"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := offline(t)
			request := Request{Inputs: c.inputs, Rules: own}
			_, submitted := s.Submit(t.Context(), "ada", request, "", Patience{})
			_, tried := s.DryRun(t.Context(), request)
			_, unruly := s.DryRun(t.Context(), Request{Inputs: c.inputs})
			for way, err := range map[string]error{"submit": submitted, "dry run": tried, "dry run without rules": unruly} {
				refused := (*InvalidError)(nil)
				if !errors.As(err, &refused) {
					t.Fatalf("%s: %s: error %v, want an InvalidError", c.reason, way, err)
				}
				if refused.Field != c.field || !strings.Contains(refused.Message, c.message) {
					t.Errorf("%s: %s: %s: %s, want %s: ...%s...", c.reason, way, refused.Field, refused.Message, c.field, c.message)
				}
				if strings.Contains(refused.Message, secret) {
					t.Errorf("%s: the message quotes a value: %s", way, refused.Message)
				}
			}
		})
	}
}

// TestLargestBatches has batches that are as large as they may be.
func TestLargestBatches(t *testing.T) {
	s := offline(t)
	for name, inputs := range map[string][]engine.Item{
		"many":     repeated(rules.MaxBatchItems, 1),
		"large":    repeated(3, rules.MaxPayloadBytes),
		"a name":   {{Name: strings.Repeat("ä", 253), Input: []byte("1")}},
		"one null": items("null"),
	} {
		request := Request{Inputs: inputs, Rules: parseRules(t, `[{name: any, cel: {expression: "true"}}]`)}
		if _, err := s.checkOf(t.Context(), "ada", "name", &request); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		outcome, err := s.DryRun(t.Context(), request)
		if err != nil || outcome.Verdict.Phase != v1alpha1.PhaseSuccess || int(outcome.Verdict.Batch.Succeeded) != len(inputs) {
			t.Errorf("%s: %v %+v", name, err, outcome.Verdict.Batch)
		}
	}
	observed := &dto.Metric{}
	if err := s.metrics.batches.Write(observed); err != nil {
		t.Fatal(err)
	}
	if got := observed.GetHistogram(); got.GetSampleCount() != 4 || got.GetSampleSum() != rules.MaxBatchItems+3+1+1 {
		t.Errorf("%d batches of %f payloads were counted", got.GetSampleCount(), got.GetSampleSum())
	}
}

// TestBatchDigest tells batches apart, and from single requests.
func TestBatchDigest(t *testing.T) {
	s := offline(t)
	named := func(names ...string) []engine.Item {
		list := items(`{"a": 1}`, `[true]`)
		for i, name := range names {
			list[i].Name = name
		}
		return list
	}
	want := digest(t, s, Request{Inputs: named("x", "y")})
	for name, inputs := range map[string][]engine.Item{
		"the same":              named("x", "y"),
		"white space, spelling": {{Name: "x", Input: []byte(`{"a" :1.0}`)}, {Name: "y", Input: []byte("[ true ]")}},
	} {
		if digest(t, s, Request{Inputs: inputs}) != want {
			t.Errorf("%s makes another request of it", name)
		}
	}
	seen := map[string]string{want: "the batch"}
	one, two := items(`{"a": 1}`), named()
	other := map[string]Request{
		"no names":             {Inputs: two},
		"another name":         {Inputs: named("x", "z")},
		"names in other order": {Inputs: named("y", "x")},
		"a name with a break":  {Inputs: named("x\ny", "")},
		"a name with a quote":  {Inputs: named(`x" "y`, "")},
		"another order":        {Inputs: items(`[true]`, `{"a": 1}`)},
		"one more":             {Inputs: append(named("x", "y"), items("null")...)},
		"one less":             {Inputs: one},
		"single":               {Input: one[0].Input},
		"a list":               {Input: []byte(`[{"a": 1}, [true]]`)},
		"failOn":               {Inputs: named("x", "y"), FailOn: v1alpha1.SeverityInfo},
		"sets":                 {Inputs: named("x", "y"), RuleSets: references("a")},
	}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		got := digest(t, s, other[name])
		if before, twice := seen[got]; twice {
			t.Errorf("%s is not told from %s", name, before)
		}
		seen[got] = name
	}
}

// TestBatchIsStoredAsItIs keeps the text of each payload, in its place and under its name.
func TestBatchIsStoredAsItIs(t *testing.T) {
	s := offline(t)
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"null", `"ä\u00e4"`, "1e400", "0.10", "12345678901234567890", "-0", `{ "b":[ 1 ] , "a" : {} }`, "[]", "false"}),
		rapid.Map(rapid.StringMatching(`[ -!#-\[\]-~]{0,40}`), func(s string) string { return `"` + s + `"` }),
	)
	item := rapid.Custom(func(t *rapid.T) engine.Item {
		return engine.Item{Name: rapid.StringN(0, 10, -1).Draw(t, "name"), Input: []byte(text.Draw(t, "payload"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.SliceOfN(item, 1, 20).Draw(t, "inputs")
		made, err := s.checkOf(t.Context(), "ada", "name", &Request{Inputs: inputs})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]v1alpha1.BatchInput, len(inputs))
		for i, in := range inputs {
			want[i] = v1alpha1.BatchInput{Name: in.Name, InputJSON: string(in.Input)}
		}
		if diff := cmp.Diff(want, made.Spec.Inputs); diff != "" {
			t.Errorf("-sent +stored\n%s", diff)
		}
		if made.Spec.InputsGiven() != 1 {
			t.Errorf("the spec has %d inputs", made.Spec.InputsGiven())
		}
	})
}

// TestBatchByEach holds the verdict on each payload of a batch to the one that it gets alone, across chunks.
func TestBatchByEach(t *testing.T) {
	s := offline(t)
	own := parseRules(t, fiveModules)
	var inputs []engine.Item
	for i := range 2*dryRunChunk + 5 {
		text := validOrder
		switch i % 10 {
		case 3:
			text = strings.Replace(text, "119.98", "99999", 1)
		case 7:
			text = strings.Replace(text, `"EUR"`, fmt.Sprintf(`"E%d"`, i), 1)
		}
		inputs = append(inputs, engine.Item{Name: fmt.Sprint("order-", i), Input: []byte(text)})
	}
	outcome, err := s.DryRun(t.Context(), Request{Inputs: inputs, Rules: own})
	if err != nil {
		t.Fatal(err)
	}
	told := map[int32]v1alpha1.BatchItem{}
	for _, item := range outcome.Verdict.Batch.Items {
		told[item.Index] = item
	}
	for i, in := range inputs {
		alone, err := s.DryRun(t.Context(), Request{Input: in.Input, Rules: own})
		if err != nil {
			t.Fatal(err)
		}
		item, bad := told[int32(i)]
		if !bad {
			item = v1alpha1.BatchItem{Phase: v1alpha1.PhaseSuccess}
		}
		if item.Phase != alone.Verdict.Phase {
			t.Errorf("payload %d is %s, alone %s", i, item.Phase, alone.Verdict.Phase)
		}
		if !bad {
			continue
		}
		passed := func(r v1alpha1.Result) bool {
			return r.Outcome == v1alpha1.OutcomePass || r.Outcome == v1alpha1.OutcomeSkip
		}
		want := v1alpha1.BatchItem{
			Index: int32(i), Name: in.Name, Phase: alone.Verdict.Phase, Summary: alone.Verdict.Summary,
			Results: slices.DeleteFunc(slices.Clone(alone.Verdict.Results), passed),
		}
		if diff := cmp.Diff(want, item, cmpopts.IgnoreFields(v1alpha1.Result{}, "Passages")); diff != "" {
			t.Errorf("payload %d (-alone +in the batch):\n%s", i, diff)
		}
	}
}

// TestRefusalOfInputs names the payload that the API server refuses, as the request does.
func TestRefusalOfInputs(t *testing.T) {
	inputs := field.NewPath("spec", "inputs")
	for name, c := range map[string]struct {
		at   *field.Path
		want string
	}{
		"all":     {inputs, "body.inputs"},
		"one":     {inputs.Index(3), "body.inputs[3]"},
		"a name":  {inputs.Index(3).Child("name"), "body.inputs[3].name"},
		"a text":  {inputs.Index(12).Child("inputJSON"), "body.inputs[12].input"},
		"not one": {field.NewPath("spec", "inputJSON"), "body.input"},
	} {
		err := refusal(apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("Check").GroupKind(), "x", field.ErrorList{field.Invalid(c.at, "hunter2", "no")}))
		if refused := (*InvalidError)(nil); !errors.As(err, &refused) || refused.Field != c.want || strings.Contains(refused.Message, "hunter2") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// BenchmarkBatchDryRun is a dry run of a batch of 1,000 payloads of 200 bytes by 5 rules; 500 is half as many.
func BenchmarkBatchDryRun(b *testing.B) {
	s := offline(b)
	s.sets.handler().OnAdd(ruleSet(b, "orders", true, fiveModules), true)
	for _, n := range []int{1, 500, 1000} {
		inputs := items(slices.Repeat([]string{validOrder}, n)...)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			began := time.Now()
			for b.Loop() {
				if _, err := s.DryRun(b.Context(), Request{Inputs: inputs}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/time.Since(began).Seconds(), "payloads/s")
		})
	}
}
