package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// maxHostileBytes is the most that one hostile check may allocate in all, compilation included.
const maxHostileBytes = 64 << 20

// exponential is a schema whose two overlapping recursive branches double the work at every level.
const exponential = `{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"properties":{"a":{"$ref":"#/$defs/n"}},"required":["x"]},{"properties":{"a":{"$ref":"#/$defs/n"}},"required":["y"]}]}}}`

func nested(open, middle, closed string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(closed, n)
}

func moduleRule(name, params string) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", Module: &v1alpha1.ModuleRule{Name: name, Params: v1alpha1.JSON{Raw: []byte(params)}}}
}

func celRule(expression string) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", CEL: &v1alpha1.CELRule{Expression: expression}}
}

func schemaRule(schema string) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", JSONSchema: v1alpha1.JSON{Raw: []byte(schema)}}
}

// TestHostile runs what is meant to hang, crash or fill memory through compilation and evaluation.
func TestHostile(t *testing.T) {
	present := moduleRule("required", `{"field":"$"}`)
	huge := strings.Repeat("ab", 50_000)
	cases := map[string]struct {
		rule  v1alpha1.Rule
		input string
		phase v1alpha1.Phase
		text  string // that the explanation holds
	}{
		"PayloadOneByteTooLong": {present, `"` + strings.Repeat("x", rules.MaxPayloadBytes-1) + `"`, v1alpha1.PhaseError, "262145 bytes"},
		"LongestPayload":        {present, `"` + strings.Repeat("x", rules.MaxPayloadBytes-2) + `"`, v1alpha1.PhaseSuccess, ""},
		"TenThousandLevels":     {present, nested("[", "", "]", 10_000), v1alpha1.PhaseError, "64 levels"},
		"TenThousandOpen":       {present, strings.Repeat(`{"a":`, 10_000), v1alpha1.PhaseError, "64 levels"},
		"DeepestPayload":        {present, nested("[", "1", "]", rules.MaxDepth), v1alpha1.PhaseSuccess, ""},
		"MegabyteRegex":         {moduleRule("pattern", `{"field":"$","pattern":"`+strings.Repeat("a", 1<<18-100)+`"}`), `"a"`, v1alpha1.PhaseError, "does not compile"},
		"ExplodingRegex":        {moduleRule("pattern", `{"field":"$","pattern":"((((a{30}){30}){30}){30})"}`), `"a"`, v1alpha1.PhaseError, "does not compile"},
		"BacktrackingRegex":     {moduleRule("pattern", `{"field":"$","pattern":"^(a+)+$"}`), `"` + strings.Repeat("a", 30_000) + `!"`, v1alpha1.PhaseFailure, "expected"},
		"UnboundedCEL":          {celRule("input.all(a, input.all(b, input.all(c, input.all(d, a == b || c == d))))"), "[" + strings.Repeat("1,", 999) + "1]", v1alpha1.PhaseError, "does not compile"},
		"CubicCEL":              {celRule("input.all(a, input.all(b, input.all(c, a + b + c > 0)))"), "[" + strings.Repeat("1,", 999) + "1]", v1alpha1.PhaseError, "could not be evaluated"},
		"IndexOfHuge":           {celRule("input.a.indexOf(input.b) == -1"), `{"a":"` + huge + `","b":"` + huge[:60_000] + `c"}`, v1alpha1.PhaseError, "16384"},
		"IndexOfLongestAllowed": {celRule("input.a.indexOf(input.b) == -1"), `{"a":"` + strings.Repeat("a", 16_384) + `","b":"` + strings.Repeat("a", 8_000) + `b"}`, v1alpha1.PhaseSuccess, ""},
		"ReplaceGrowing":        {celRule("input.replace('a', input).size() > 0"), `"` + strings.Repeat("a", 10_000) + `"`, v1alpha1.PhaseError, ""},
		"CyclicRef":             {schemaRule(`{"$ref":"#"}`), `{}`, v1alpha1.PhaseError, ""},
		"RemoteRef":             {schemaRule(`{"$ref":"https://example.org/schema.json"}`), `{}`, v1alpha1.PhaseError, "does not compile"},
		"FileRef":               {schemaRule(`{"$ref":"file:///etc/hostname"}`), `{}`, v1alpha1.PhaseError, "does not compile"},
		"ExponentialSchema":     {schemaRule(exponential), nested(`{"a":`, "1", "}", 60), v1alpha1.PhaseError, ""},
		"DuplicateKey":          {present, `{"a":1,"a":2}`, v1alpha1.PhaseError, "twice"},
		"InvalidUTF8":           {present, "\"\xc3\x28\"", v1alpha1.PhaseError, "UTF-8"},
		"HugeExponent":          {moduleRule("range", `{"field":"$","max":"1e399"}`), `1e400`, v1alpha1.PhaseFailure, "1e400"},
		"HugerExponent":         {moduleRule("range", `{"field":"$","max":"1e999999999"}`), `1e1000000000`, v1alpha1.PhaseFailure, "1e1000000000"},
		"HugerExponentSum":      {moduleRule("sum", `{"field":"$[*]","equals":1}`), `[1,1e1000000000]`, v1alpha1.PhaseError, "too far apart"},
		"HugerExponentSchema":   {schemaRule(`{"maximum":1}`), `1e1000000000`, "", ""},
		"HugerExponentCEL":      {celRule("input > 1"), `1e1000000000`, v1alpha1.PhaseError, ""},
		"HundredThousandDigits": {moduleRule("range", `{"field":"$","max":5}`), strings.Repeat("9", 100_000), v1alpha1.PhaseFailure, "at most 5"},
		"DigitsInSchema":        {schemaRule(`{"multipleOf":0.001}`), strings.Repeat("9", 100_000), "", ""},
		"DigitsUnique":          {moduleRule("unique", `{"field":"$"}`), "[" + strings.Repeat("9", 100_000) + "," + strings.Repeat("9", 100_000) + ".0]", v1alpha1.PhaseFailure, "different"},
		"TwentyDigits":          {moduleRule("range", `{"field":"$","min":"12345678901234567891"}`), `12345678901234567890`, v1alpha1.PhaseFailure, "12345678901234567890"},
		"TwentyDigitsEqual":     {moduleRule("const", `{"field":"$","value":12345678901234567890}`), `12345678901234567890`, v1alpha1.PhaseSuccess, ""},
		"TwentyDigitsSchema":    {schemaRule(`{"maximum":12345678901234567889}`), `12345678901234567890`, v1alpha1.PhaseFailure, "12345678901234567889"},
		"DescendingTwice":       {moduleRule("required", `{"field":"$..a..b"}`), `{}`, v1alpha1.PhaseError, "does not compile"},
		"ManyValues":            {moduleRule("type", `{"field":"$..*","type":"string"}`), "[" + strings.TrimSuffix(strings.Repeat("1,", 131_000), ",") + "]", v1alpha1.PhaseFailure, "string"},
	}
	compiler := builtin.New()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			program, err := engine.NewProgram("", compiler.Compile("", []v1alpha1.Rule{tc.rule}))
			if err != nil {
				t.Fatal(err)
			}
			request := engine.Request{Input: []byte(tc.input), Program: program, Now: noon}
			o := (&engine.Engine{}).Evaluate(t.Context(), request)
			// What needs a part of its time by itself may run out of it on a machine that is busy with other things.
			for tries := 1; o.TimedOut && tries < 20 && (tc.phase == v1alpha1.PhaseFailure || tc.phase == v1alpha1.PhaseSuccess); tries++ {
				runtime.ReadMemStats(&before)
				began = time.Now()
				o = (&engine.Engine{}).Evaluate(t.Context(), request)
			}
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%s in %s, %.1f MiB: %s", o.Verdict.Phase, took.Round(10*time.Microsecond), float64(allocated)/(1<<20), clipped(o.Verdict.Explanation))
			if tc.phase != "" && o.Verdict.Phase != tc.phase {
				t.Errorf("phase %s, want %s", o.Verdict.Phase, tc.phase)
			}
			if o.Verdict.Phase == v1alpha1.PhaseSuccess && tc.phase == "" {
				t.Error("it passed")
			}
			if !strings.Contains(o.Verdict.Explanation, tc.text) {
				t.Errorf("the explanation lacks %q", tc.text)
			}
			if allocated > maxHostileBytes {
				t.Errorf("%d bytes were allocated", allocated)
			}
			if size := len(fmt.Sprintf("%+v", o.Verdict)); size > 256<<10 {
				t.Errorf("the verdict has %d bytes", size)
			}
		})
	}
}

func clipped(s string) string { return strings.ReplaceAll(s[:min(len(s), 160)], "\n", " | ") }
