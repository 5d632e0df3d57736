package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFilterNumbers: filters compare numbers exactly, and find the values as they are written.
func TestFilterNumbers(t *testing.T) {
	for name, tc := range map[string]struct {
		path, payload string
		want          []string
	}{
		"past 2^53, above":             {"$[?@.p>9007199254740992].p", `[{"p":9007199254740993},{"p":9007199254740992}]`, []string{"/0/p 9007199254740993"}},
		"past 2^53, equal":             {"$[?@.p==9007199254740992].p", `[{"p":9007199254740993},{"p":9007199254740992}]`, []string{"/1/p 9007199254740992"}},
		"past 2^53, no comparison":     {"$[?@.s=='x'].p", `[{"p":9007199254740993,"s":"x"}]`, []string{"/0/p 9007199254740993"}},
		"long and alike":               {"$[?@.a==@.b]", `[{"a":12345678901234567891,"b":12345678901234567892}]`, nil},
		"long and alike, less":         {"$[?@.a<@.b].b", `[{"a":12345678901234567891,"b":12345678901234567892}]`, []string{"/0/b 12345678901234567892"}},
		"past the range, below":        {"$[?@.p<10].p", `[{"p":-1e400},{"p":1e400}]`, []string{"/0/p -1e400"}},
		"past the range, equal":        {"$[?@.p==@.q].p", `[{"p":1e400,"q":1e401},{"p":10e400,"q":1e401}]`, []string{"/1/p 1e401"}},
		"too small, above":             {"$[?@.p>0].p", `[{"p":1e-400},{"p":-1e-400},{"p":0}]`, []string{"/0/p 1e-400"}},
		"a count, almost":              {"$[?length(@.s)==@.n].n", `[{"s":"abc","n":3.00000000000000000001},{"s":"abc","n":3.0}]`, []string{"/1/n 3"}},
		"nested, as written":           {"$[?@.a==@.b].b", `[{"a":[1.0],"b":[1]},{"a":{"x":-0},"b":{"x":0}}]`, []string{"/0/b [1]", `/1/b {"x":0}`}},
		"nested, long":                 {"$[?@.a==@.b].b", `[{"a":[12345678901234567890],"b":[1234567890123456789e1]},{"a":[12345678901234567891],"b":[12345678901234567890]}]`, []string{"/0/b [12345678901234567890]"}},
		"tenths":                       {"$[?@.p==0.1 || @.p>=0.30000000000000004].p", `[{"p":0.10},{"p":0.3},{"p":0.31}]`, []string{"/0/p 0.1", "/2/p 0.31"}},
		"names that look like numbers": {"$[?@.a1e400<=2]['x','a1e400']", `[{"a1e400":1}]`, []string{"/0/a1e400 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := CompileField(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, selected(t, f, decode(t, tc.payload))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestFilterNumbersAsWritten: what a filter selects is the payload's own value.
func TestFilterNumbersAsWritten(t *testing.T) {
	f, err := CompileField("$[?@ > 1]")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Each(callOn(decode(t, `[2.50]`)), func(_ *Call, n Node) error {
		if fmt.Sprint(n.Value) != "2.50" {
			t.Errorf("selected %v", n.Value)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestFilterNumberRefused(t *testing.T) {
	for _, path := range []string{"$[?@.p==9007199254740993]", "$[?0.10000000000000001<@.p]", "$[?@.p>1e-400]", "$.a[?@.p==1][?@.q==9007199254740993].b"} {
		if _, err := CompileField(path); err == nil || !strings.Contains(err.Error(), "which filters would round") {
			t.Errorf("%s gives %v", path, err)
		}
	}
	// Between these two there is no other number that floating point knows.
	f, err := CompileField("$[?@.p>9007199254740992 && @.p<9007199254740994]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Selects(callOn(decode(t, `[{"p":9007199254740993}]`))); err == nil || !strings.Contains(err.Error(), "would round a number of the payload") {
		t.Errorf("no room gives %v", err)
	}
}

// TestFilterManyLongNumbers: numbers of 19 digits in a row, round ones among them, leave room for each. They are few enough for a slow
// machine to look at all of them within the time of a rule.
func TestFilterManyLongNumbers(t *testing.T) {
	var list []string
	for i := range 2_000 {
		list = append(list, fmt.Sprintf("12345678901777%05d", i))
	}
	f, err := CompileField("$[?@ > 1234567890177701000]")
	if err != nil {
		t.Fatal(err)
	}
	got := selected(t, f, decode(t, "["+strings.Join(list, ",")+"]"))
	if len(got) != 999 || got[0] != "/1001 1234567890177701001" {
		t.Errorf("%d are above, the first %.1q", len(got), got)
	}
}

// TestFilterOrder: the order of any two numbers is the exact one.
func TestFilterOrder(t *testing.T) {
	number := rapid.OneOf(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?`), rapid.StringMatching(`900719925474099[0-9](\.[05])?`))
	less, err := CompileField("$[?@.a < @.b]")
	if err != nil {
		t.Fatal(err)
	}
	equal, err := CompileField("$[?@.a == @.b]")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := number.Draw(rt, "a"), number.Draw(rt, "b")
		p := decode(t, fmt.Sprintf(`[{"a":%s,"b":%s}]`, a, b))
		x, _ := ParseDecimal(a)
		y, _ := ParseDecimal(b)
		order := x.Compare(y)
		isLess, errLess := less.Selects(callOn(p))
		isEqual, errEqual := equal.Selects(callOn(p))
		if errLess != nil || errEqual != nil || isLess != (order < 0) || isEqual != (order == 0) {
			rt.Fatalf("%s and %s: less %t (%v), equal %t (%v), the order is %d", a, b, isLess, errLess, isEqual, errEqual, order)
		}
	})
}
