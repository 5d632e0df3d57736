package cel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/cel"
)

var (
	language = cel.New()
	compiler = rules.NewCompiler(nil, language, language, nil)
	now      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func compile(t testing.TB, spec v1alpha1.Rule) *rules.Rule {
	t.Helper()
	spec.Name = "r"
	return compiler.Compile("", []v1alpha1.Rule{spec}).Rules[0]
}

func decode(t testing.TB, text string, options ...rules.DecodeOption) *rules.Payload {
	t.Helper()
	payload, err := rules.Decode([]byte(text), options...)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func evaluate(t testing.TB, expression, payload string) rules.Report {
	t.Helper()
	rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
	if rule.Err() != nil {
		t.Fatalf("%s: %v", expression, rule.Err())
	}
	return run(t, rule, decode(t, payload))
}

// run evaluates a rule, and again where the machine was too busy to end it in its time.
func run(t testing.TB, rule *rules.Rule, payload *rules.Payload) (report rules.Report) {
	t.Helper()
	for range 20 {
		if report = rule.Evaluate(rules.NewCall(t.Context(), payload, now)); !report.TimedOut {
			break
		}
	}
	return report
}

func TestVerdict(t *testing.T) {
	for name, tc := range map[string]struct {
		expression, payload string
		want                v1alpha1.Outcome
		problem             string
	}{
		"true passes":                          {`input.amount > 0`, `{"amount": 5}`, "pass", ""},
		"false fails":                          {`input.amount > 0`, `{"amount": -5}`, "fail", ""},
		"a decimal compares with an int":       {`input.amount > 0`, `{"amount": 0.5}`, "pass", ""},
		"1.0 is the int 1":                     {`type(input.a) == int && input.a + 1 == 2`, `{"a": 1.0}`, "pass", ""},
		"1e2 is the int 100":                   {`type(input.a) == int && input.a == 100`, `{"a": 1e2}`, "pass", ""},
		"the least int":                        {`type(input.a) == int`, `{"a": -9223372036854775808}`, "pass", ""},
		"past int is uint":                     {`type(input.a) == uint && input.a == 18446744073709551615u`, `{"a": 18446744073709551615}`, "pass", ""},
		"past uint is an error":                {`input.a > 0`, `{"a": 18446744073709551616}`, "error", "1:6: the number at /a does not fit a CEL int, uint or double; use module range or const, which compare exactly"},
		"past double is an error":              {`input.a > 0`, `{"a": 1.5e-400}`, "error", "the number at /a does not fit"},
		"1e400 is an error":                    {`input.a > 0`, `{"a": 1e400}`, "error", "the number at /a does not fit"},
		"1e1000000000 is an error":             {`input.a > 0`, `{"a": 1e1000000000}`, "error", "the number at /a does not fit"},
		"has of a number that does not fit":    {`has(input.a) && !has(input.b)`, `{"a": 1e400}`, "pass", ""},
		"has below such a number":              {`has(input.a.a)`, `{"a": 1e400}`, "error", "the number at /a does not fit"},
		"has in a loop":                        {`input.all(i, has(i.a))`, `[{"a": 1e400}]`, "pass", ""},
		"has of an item that does not fit":     {`input.all(i, has(i.a))`, `[1e400]`, "error", "the number at /0 does not fit"},
		"has of a member's value":              {`input.all(k, v, has(v.a))`, `{"a": 1e400}`, "error", "the number at /a does not fit"},
		"size of a list with such a number":    {`size(input) == 2 && input[0] == 1`, `[1, 1e400]`, "pass", ""},
		"a loop past such a number":            {`input.exists(i, i == 1)`, `[1e400, 1]`, "pass", ""},
		"an untouched number is no error":      {`input.b > 0`, `{"a": 1e400, "b": 1}`, "pass", ""},
		"a fraction is the nearest double":     {`input.a == 0.3`, `{"a": 0.30000000000000000001}`, "pass", ""},
		"a missing member":                     {`input.amount > 0`, `{}`, "error", `1:6: no such key: the payload has no "amount" here; test it first with has()`},
		"has guards":                           {`!has(input.amount) || input.amount > 0`, `{}`, "pass", ""},
		"optional guards":                      {`input.?amount.orValue(1) > 0`, `{}`, "pass", ""},
		"another type":                         {`input.amount > 0`, `{"amount": "x"}`, "error", "1:14: no such overload: a value is of another type"},
		"dyn result that is no bool":           {`input.amount`, `{"amount": "x"}`, "error", "1:1: the expression gave a string, expected true or false"},
		"a conversion quotes nothing":          {`int(input.pin) > 0`, `{"pin": "hunter2"}`, "error", "1:4: a value could not be used"},
		"a dynamic key quotes nothing":         {`input.names[input.pin] == 1`, `{"pin": "hunter2", "names": {}}`, "error", "the payload has no such member"},
		"a missing member in line 2":           {"true &&\n  input.x", `{}`, "error", `2:8: no such key: the payload has no "x"`},
		"a list's items":                       {`input.items.all(i, i.qty > 0)`, `{"items": [{"qty": 1}, {"qty": 2}]}`, "pass", ""},
		"a map's names are in order":           {`input.labels.map(k, k) == ["a", "b"]`, `{"labels": {"b": 1, "a": 2}}`, "pass", ""},
		"two variables":                        {`input.labels.all(k, v, k != "" && v > 0)`, `{"labels": {"b": 1, "a": 2}}`, "pass", ""},
		"a list equals a literal":              {`input.l == [1, 2]`, `{"l": [1, 2.0]}`, "pass", ""},
		"a literal equals a list":              {`[1, 2] == input.l`, `{"l": [1, 2]}`, "pass", ""},
		"objects are equal in any order":       {`input.a == input.b && input.a == {"x": 1, "y": [2]}`, `{"a": {"x": 1, "y": [2]}, "b": {"y": [2], "x": 1}}`, "pass", ""},
		"an error in a list is not just other": {`["x"] == input.l`, `{"l": [1e400]}`, "error", "the number at /l/0 does not fit"},
		"in a list":                            {`input.c in ["EUR", "USD"]`, `{"c": "EUR"}`, "pass", ""},
		"in the payload's list":                {`"b" in input.l`, `{"l": ["a", "b"]}`, "pass", ""},
		"in a map":                             {`"b" in input.m`, `{"m": {"b": null}}`, "pass", ""},
		"lists add":                            {`(input.l + [3]).size() == 3`, `{"l": [1, 2]}`, "pass", ""},
		"null":                                 {`input.a == null`, `{"a": null}`, "pass", ""},
		"now":                                  {`timestamp(input.at) < now`, `{"at": "2026-01-01T00:00:00Z"}`, "pass", ""},
		"cel.bind":                             {`cel.bind(x, input.a, x > 0 && x < 9)`, `{"a": 5}`, "pass", ""},
		"quantity":                             {`quantity(input.q).isLessThan(quantity("1Gi"))`, `{"q": "500Mi"}`, "pass", ""},
		"a quantity of 1e1000000000":           {`isQuantity(input.q)`, `{"q": "1e1000000000"}`, "error", "a quantity may have at most 40 characters"},
		"cidr":                                 {`cidr("10.0.0.0/8").containsIP(input.ip)`, `{"ip": "10.1.2.3"}`, "pass", ""},
		"semver":                               {`semver(input.v).isGreaterThan(semver("1.2.3"))`, `{"v": "1.10.0"}`, "pass", ""},
		"url":                                  {`url(input.u).getHost() == "example.com"`, `{"u": "https://example.com/x"}`, "pass", ""},
		"format":                               {`!format.dns1123Label().validate(input.n).hasValue()`, `{"n": "a-b"}`, "pass", ""},
		"sets":                                 {`sets.contains(input.l, ["a"])`, `{"l": ["a", "b"]}`, "pass", ""},
		"math":                                 {`math.greatest(input.a, 3) == 5`, `{"a": 5}`, "pass", ""},
		"regex":                                {`input.s.find("[0-9]+") == "12"`, `{"s": "ab12"}`, "pass", ""},
		"strings":                              {`"a-b".replace("-", "+") == "a+b" && ["x", "y"].join(",") == "x,y" && "añb".indexOf("b") == 2 && "añbb".lastIndexOf("b") == 3 && "%s %d".format(["a", 1]) == "a 1"`, `{}`, "pass", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := evaluate(t, tc.expression, tc.payload)
			if got.Outcome != tc.want || !strings.Contains(got.Problem, tc.problem) {
				t.Errorf("got %s %q, want %s %q", got.Outcome, got.Problem, tc.want, tc.problem)
			}
			if strings.Contains(got.Problem, "hunter2") {
				t.Errorf("the problem quotes the payload: %q", got.Problem)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	long := strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200)
	for name, tc := range map[string]struct {
		expression string
		want       string
	}{
		"undeclared":      {`inptu.amount > 0`, "cel.expression: 1:1: undeclared reference to 'inptu' (in container '')"},
		"two problems":    {`foo > 0 && bar`, "cel.expression: 1:1: undeclared reference to 'foo' (in container '')\ncel.expression: 1:12: undeclared reference to 'bar' (in container '')"},
		"not a bool":      {`"text"`, "cel.expression: 1:1: the expression gives a value of type string, expected a bool (true or false)"},
		"too long":        {`"` + strings.Repeat("x", rules.MaxExpressionBytes) + `" == "y"`, "cel.expression: 1:1: the expression has 4105 bytes, at most 4096 are allowed; write several rules"},
		"four loops":      {`input.all(a, input.all(b, input.all(c, input.all(d, true))))`, "cel.expression: 1:49: loops (all, exists, map, filter...) stand more than 3 deep in each other, so the cost is unbounded; write several rules, or use modules"},
		"too costly":      {`input.all(a, input.all(b, input.all(c, a.matches("x+y+z+x+y+z+x+y+z+x+y+z+x+y+z+x+y+z+") && b.contains(c) && a.contains(b) && [a, b, c].all(d, true) )))`, "cel.expression: 1:"},
		"dynamic regex":   {`"x".matches(input.p)`, "cel.expression: 1:12: matches needs its regular expression as a literal text, or its cost is unbounded; write it in place"},
		"long regex":      {`"x".matches("` + strings.Repeat("x", 257) + `")`, "cel.expression: 1:13: the regular expression has 257 bytes, at most 256 are allowed; use module pattern"},
		"large regex":     {`"x".matches("(a{30}){30}")`, "cel.expression: 1:13: the regular expression compiles to 962 instructions, at most 256 are allowed; repeat less, or use module pattern"},
		"bad regex":       {`"x".matches("(")`, "cel.expression: 1:13: missing closing ): `(`"},
		"no such range":   {`lists.range(1000000000).all(i, i >= 0)`, "cel.expression: 1:"},
		"bad timestamp":   {`now > timestamp("yesterday")`, "cel.expression: 1:"},
		"deep parens":     {long, "cel.expression: 1:"},
		"syntax":          {`input.a >`, "cel.expression: 1:10: Syntax error: mismatched input '<EOF>'"},
		"unknown literal": {`Foo{a: 1} == null`, "cel.expression: 1:4: undeclared reference to 'Foo'"},
	} {
		t.Run(name, func(t *testing.T) {
			err := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: tc.expression}}).Err()
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestOrdinaryExpressionsAreNotTooCostly(t *testing.T) {
	for _, expression := range []string{
		`input.items.all(i, i.tags.all(g, g.values.exists(v, v.startsWith("a"))))`,
		`input.items.map(i, i.price * i.qty).sum() == input.total`,
		`input.name.matches("^[a-z]+(-[a-z]+)*$") && input.items.all(i, i.sku.matches("^[A-Z]{3}-[0-9]{4}$"))`,
		`input.items.all(i, input.items.exists_one(j, j.id == i.id))`,
		`input.spec.template.spec.containers.all(c, has(c.resources) && has(c.resources.limits) && quantity(c.resources.limits.memory).isLessThan(quantity("1Gi")))`,
		`input.text.split(",").map(p, p.trim()).all(p, p.size() > 0)`,
	} {
		if err := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}}).Err(); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestGuard(t *testing.T) {
	spec := v1alpha1.Rule{When: `has(input.a)`, CEL: &v1alpha1.CELRule{Expression: `input.a > 0`}}
	rule := compile(t, spec)
	for payload, want := range map[string]v1alpha1.Outcome{`{}`: "skip", `{"a": 1}`: "pass", `{"a": 0}`: "fail", `[]`: "error"} {
		if got := run(t, rule, decode(t, payload)); got.Outcome != want {
			t.Errorf("%s: got %s %s, want %s", payload, got.Outcome, got.Problem, want)
		}
	}
	spec.When = `foo || bar`
	want := "when: 1:1: undeclared reference to 'foo' (in container ''); 1:8: undeclared reference to 'bar' (in container '')"
	if err := compile(t, spec).Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMessages(t *testing.T) {
	const token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
	for name, tc := range map[string]struct {
		rule    v1alpha1.CELRule
		payload string
		secret  bool
		want    rules.Finding
	}{
		"one value is shown": {v1alpha1.CELRule{Expression: `input.order.amount > 0`}, `{"order": {"amount": -5}}`, false,
			rules.Finding{Path: "/order/amount", Message: "expected input.order.amount > 0 to be true, found -5", Found: "-5"}},
		"two values are not": {v1alpha1.CELRule{Expression: `input.a > input.b`}, `{"a": 1, "b": 2}`, false,
			rules.Finding{Message: "expected input.a > input.b to be true"}},
		"white space is folded": {v1alpha1.CELRule{Expression: "false ||\n   input == 1"}, `2`, false,
			rules.Finding{Message: "expected false || input == 1 to be true, found 2", Found: "2"}},
		"an own message": {v1alpha1.CELRule{Expression: `input.a > 0`, MessageExpression: `"a is " + string(input.a)`}, `{"a": -1}`, false,
			rules.Finding{Path: "/a", Message: "a is -1"}},
		"an own message that fails": {v1alpha1.CELRule{Expression: `input.a > 0`, MessageExpression: `"b is " + string(input.b)`}, `{"a": -1}`, false,
			rules.Finding{Path: "/a", Message: "expected input.a > 0 to be true, found -1", Found: "-1"}},
		"a long own message is cut": {v1alpha1.CELRule{Expression: `false`, MessageExpression: `input.s`}, `{"s": "` + strings.Repeat("x", 6000) + `"}`, false,
			rules.Finding{Message: strings.Repeat("x", rules.MaxMessageBytes-3) + "..."}},
		"an own message of a Secret": {v1alpha1.CELRule{Expression: `input.a == ""`, MessageExpression: `"a is " + input.a`}, `{"a": "hunter2"}`, true,
			rules.Finding{Path: "/a", Message: `expected input.a == "" to be true, found a string of 7 characters (masked)`, Found: "a string of 7 characters (masked)"}},
		"an own message with a token": {v1alpha1.CELRule{Expression: `false`, MessageExpression: `"a is " + input.a`}, `{"a": "` + token + `"}`, false,
			rules.Finding{Message: "expected false to be true"}},
		"an own message with a number that is a credential": {v1alpha1.CELRule{Expression: `false`, MessageExpression: `"a is " + string(input.token)`}, `{"token": 73912846}`, false,
			rules.Finding{Message: "expected false to be true"}},
		"an own message with what lies below a password": {v1alpha1.CELRule{Expression: `false`, MessageExpression: `"a is " + input.password.value`}, `{"password": {"value": "hunter2"}}`, false,
			rules.Finding{Message: "expected false to be true"}},
		"an own message with a password": {v1alpha1.CELRule{Expression: `false`, MessageExpression: `"a is " + input.password`}, `{"password": "hunter2"}`, false,
			rules.Finding{Message: "expected false to be true"}},
	} {
		t.Run(name, func(t *testing.T) {
			rule := compile(t, v1alpha1.Rule{CEL: &tc.rule})
			if rule.Err() != nil {
				t.Fatal(rule.Err())
			}
			var options []rules.DecodeOption
			if tc.secret {
				options = append(options, rules.FromSecret())
			}
			got := run(t, rule, decode(t, tc.payload, options...))
			if diff := cmp.Diff([]rules.Finding{tc.want}, got.Findings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestKeyOfASecret: a key that is a value of a Secret is not named, even where the expression has the same word.
func TestKeyOfASecret(t *testing.T) {
	rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: `input.m[input.password] == "hunter2"`}})
	if rule.Err() != nil {
		t.Fatal(rule.Err())
	}
	got := run(t, rule, decode(t, `{"m": {}, "password": "hunter2"}`, rules.FromSecret()))
	if got.Outcome != "error" || strings.Contains(got.Problem, "hunter2") || !strings.Contains(got.Problem, "no such key: the payload has no such member") {
		t.Errorf("%s %q", got.Outcome, got.Problem)
	}
}

func TestFields(t *testing.T) {
	for expression, want := range map[string][]string{
		`input.a.b > 0`: {"$.a.b"},
		`has(input.a) && input.a > 0 && input["x-y"][0] == 1`:         {`$.a`, `$["x-y"][0]`},
		`input.items.all(i, i.qty > 0 && i.tags.exists(g, g == "x"))`: {"$.items[*].qty", "$.items[*].tags[*]"},
		`input.items.all(i, true)`:                                    {"$.items"},
		`cel.bind(x, input.a, x.b > 0)`:                               {"$.a.b"},
		`input.?a.?b.orValue(0) == 0`:                                 {"$.a.b"},
		`input.m[input.k] == 1`:                                       {"$.k", "$.m"},
		`now > timestamp("2026-01-01T00:00:00Z")`:                     nil,
		`input.labels.all(k, v, v != "") && size(input) > 1`:          {"$", "$.labels[*]"},
	} {
		rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
		if rule.Err() != nil {
			t.Errorf("%s: %v", expression, rule.Err())
			continue
		}
		if diff := cmp.Diff(want, rule.Fields); diff != "" {
			t.Errorf("%s: %s", expression, diff)
		}
	}
}

func TestCostIsReported(t *testing.T) {
	if got := evaluate(t, `input.a > 0`, `{"a": 1}`); got.Cost == 0 || got.Cost > 10 {
		t.Errorf("a simple expression cost %d", got.Cost)
	}
	if got := evaluate(t, `input.all(i, i > 0)`, `[1,2,3,4,5,6,7,8,9]`); got.Cost < 30 || got.Cost > 200 {
		t.Errorf("a loop over 9 items cost %d", got.Cost)
	}
}
