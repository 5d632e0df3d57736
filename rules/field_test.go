package rules

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// callOn begins a rule over a payload.
func callOn(p *Payload) *Call {
	return NewCall(context.Background(), p, time.Time{})
}

// selected lists what a path selects, as "POINTER VALUE".
func selected(t testing.TB, f *Field, p *Payload) []string {
	t.Helper()
	var list []string
	if err := f.Each(callOn(p), func(c *Call, n Node) error {
		list = append(list, c.Pointer(n)+" "+string(Canonical(n.Value)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

const fieldPayload = `{"a": {"b/c": [1, {"d~": null}], "": 2}, "x": [{"k": "p", "v": 1}, {"k": "q", "v": 2}, 7], "z": {"b": 1, "a": 2}}`

func TestEach(t *testing.T) {
	for path, want := range map[string][]string{
		"$":                        {` {"a":{"":2,"b/c":[1,{"d~":null}]},"x":[{"k":"p","v":1},{"k":"q","v":2},7],"z":{"a":2,"b":1}}`},
		"$.a['b/c'][1]['d~']":      {"/a/b~1c/1/d~0 null"},
		"$.a['']":                  {"/a/ 2"},
		"$.x[-1]":                  {"/x/2 7"},
		"$.x[-4]":                  nil,
		"$.x[3]":                   nil,
		"$.x.k":                    nil,
		"$.z[0]":                   nil,
		"$.a.b":                    nil,
		"$.z.*":                    {"/z/a 2", "/z/b 1"},
		"$.x[*].v":                 {"/x/0/v 1", "/x/1/v 2"},
		"$.x[?@.k == 'q'].v":       {"/x/1/v 2"},
		"$.x[?match(@.k, '[p]')]":  {`/x/0 {"k":"p","v":1}`},
		"$.x[?search(@.k, '.')].v": {"/x/0/v 1", "/x/1/v 2"},
		"$..v":                     {"/x/0/v 1", "/x/1/v 2"},
		"$..['d~']":                {"/a/b~1c/1/d~0 null"},
		"$.x[0:2].k":               {`/x/0/k "p"`, `/x/1/k "q"`},
	} {
		t.Run(path, func(t *testing.T) {
			f, err := CompileField(path)
			if err != nil {
				t.Fatal(err)
			}
			got := selected(t, f, decode(t, fieldPayload))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			some, err := f.Selects(callOn(decode(t, fieldPayload)))
			if err != nil || some != (len(want) > 0) {
				t.Errorf("Selects is %t, %v", some, err)
			}
		})
	}
}

// TestWalkAgreesWithLibrary: paths that are walked here select what the library selects, at the same places.
func TestWalkAgreesWithLibrary(t *testing.T) {
	steps := rapid.SampledFrom([]string{".a", "['b/c']", "['']", "[0]", "[1]", "[-1]", "[*]", ".x", ".z", ".k"})
	p := decode(t, fieldPayload)
	rapid.Check(t, func(rt *rapid.T) {
		path := "$" + strings.Join(rapid.SliceOfN(steps, 0, 4).Draw(rt, "steps"), "")
		f, err := CompileField(path)
		if err != nil {
			rt.Fatal(err)
		}
		library := *f
		library.walkable = false
		walked := selected(t, f, p)
		if diff := cmp.Diff(selected(t, &library, p), walked); diff != "" {
			rt.Fatalf("%s (-library +walk):\n%s", path, diff)
		}
		value, found, err := f.Get(callOn(p))
		if f.Singular() && (err != nil || found != (len(walked) == 1) || found && !strings.HasSuffix(walked[0], " "+string(Canonical(value)))) {
			rt.Fatalf("%s: Get gives %v, %t, %v, Each gives %v", path, value, found, err, walked)
		}
		if !f.Singular() && found {
			rt.Fatalf("%s may select several values, but Get gives %v", path, value)
		}
	})
}

func TestGetDuringAVisit(t *testing.T) {
	each, _ := CompileField("$.x[*].v")
	other, _ := CompileField("$.z.b")
	var got []string
	err := each.Each(callOn(decode(t, fieldPayload)), func(c *Call, n Node) error {
		value, found, err := other.Get(c)
		got = append(got, fmt.Sprintf("%s %v %t", c.Pointer(n), value, found))
		return err
	})
	if diff := cmp.Diff([]string{"/x/0/v 1 true", "/x/1/v 1 true"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestFieldShape(t *testing.T) {
	for path, want := range map[string]struct {
		singular              bool
		pointer, parent, name string
	}{
		"$":                  {true, "", "", ""},
		"$.a":                {true, "/a", "$", "a"},
		"$['a/b'][0].c":      {true, "/a~1b/0/c", `$["a/b"][0]`, "c"},
		"$.a[-1].b":          {true, "/a", `$["a"][-1]`, "b"},
		"$.a[*].b":           {false, "/a", `$["a"][*]`, "b"},
		"$.a[*]":             {false, "/a", "", ""},
		"$.a..b":             {false, "/a", "", ""},
		"$..a.b":             {false, "", `$..["a"]`, "b"},
		"$.a[?@.x].b['c~d']": {false, "/a", `$["a"][?@["x"]]["b"]`, "c~d"},
		"$.a['b','c']":       {false, "/a", "", ""},
	} {
		t.Run(path, func(t *testing.T) {
			f, err := CompileField(path)
			if err != nil {
				t.Fatal(err)
			}
			parent, name, ok := f.Parent()
			text := ""
			if ok {
				text = parent.String()
			}
			if f.String() != path || f.Singular() != want.singular || f.Pointer() != want.pointer || text != want.parent || name != want.name {
				t.Errorf("singular %t, pointer %q, parent %q, name %q, want %+v", f.Singular(), f.Pointer(), text, name, want)
			}
		})
	}
	long, err := CompileField("$" + strings.Repeat(".a", 500))
	if err != nil {
		t.Fatal(err)
	}
	if parent, name, ok := long.Parent(); !ok || name != "a" || !parent.Singular() {
		t.Error("a long path has no parent")
	}
}

func TestFieldBounds(t *testing.T) {
	for path, want := range map[string]string{
		"":                              "is not a JSONPath (RFC 9535)",
		"a":                             "is not a JSONPath (RFC 9535)",
		"$.":                            "is not a JSONPath (RFC 9535)",
		"$[?":                           "is not a JSONPath (RFC 9535)",
		"$" + strings.Repeat(".a", 512): "the JSONPath has 1025 bytes, at most 1024 are allowed",
		"$..a..b":                       "has more than one descendant segment",
		"$[?@..a]":                      "has a descendant segment (..) inside a filter",
		"$[?count($..a) > 1]":           "has a descendant segment (..) inside a filter",
		"$[?@[?@.a]]":                   "has a filter inside a filter",
		"$[?@" + strings.Repeat("[*,*]", 60) + "]":                  "selects each value more than 16 times over inside a filter",
		"$[?@.a && count($" + strings.Repeat("[0,1]", 5) + ") > 1]": "selects each value more than 16 times over inside a filter",
		"$" + strings.Repeat("[0,1]", 5):                            "selects each value more than 16 times over",
		"$[" + strings.Repeat("*,", 16) + "*]":                      "selects each value more than 16 times over",
		"$[?match(@.a, @.b)]":                                       "must be a literal",
		"$[?search(@.a, $.b)]":                                      "must be a literal",
		"$[?match(@.a, '(')]":                                       "is not a regular expression",
		"$[?match(@.a, '(abcdefgh){300}')]":                         "at most 2000",
		"$[?match(@.a)]":                                            "expected a value and a regular expression",
		"$[?nope(@.a)]":                                             "is not a JSONPath (RFC 9535)",
	} {
		if _, err := CompileField(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q gives %v, want %q", path, err, want)
		}
	}
	for _, path := range []string{"$[0,1][0,1][0,1][0,1]", "$..a", "$[?@.a == '..']", "$[?@.a == '?']", `$[?@.a == "\"..?"]`, "$[?match(@.a, 1)]", "$[?@['a,b'] == ',']", "$[?@[0,1][0,1][0,1][0,1] || $[0,1][0,1][0,1][0,1]]", "$['a','b'][?match(@['x'], 'p')]", "$" + strings.Repeat(".a", 511)} {
		if _, err := CompileField(path); err != nil {
			t.Errorf("%.60q: %v", path, err)
		}
	}
}

// TestFilterCost: what a filter may look at counts before it looks.
func TestFilterCost(t *testing.T) {
	large := decode(t, "["+strings.Repeat("1,", 50_000)+"1]")
	small := decode(t, "[1, 2, 3]")
	for _, path := range []string{"$[?count($.*) > 1]", "$[?match(@, '(a|b){100}')]", "$[?" + strings.Repeat("count(@.*) > 9 || ", 50) + "@]"} {
		f, err := CompileField(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Selects(callOn(large)); err == nil || !strings.Contains(err.Error(), "select fewer with its field") {
			t.Errorf("%.40s over a large payload gives %v", path, err)
		}
		if _, err := f.Selects(callOn(small)); err != nil {
			t.Errorf("%.40s over a small payload: %v", path, err)
		}
		below, err := CompileField(path + ".a")
		if err != nil {
			t.Fatal(err)
		}
		parent, _, _ := below.Parent()
		if _, err := parent.Selects(callOn(large)); err == nil {
			t.Errorf("the parent of %.40s.a costs nothing", path)
		}
	}
}

// TestSelectionCost: selecting everything many times over, or everything by long paths, counts before it is done. It would
// take seconds and gigabytes.
func TestSelectionCost(t *testing.T) {
	flat := strings.Repeat("0,", 100_000) + "0"
	deep := decode(t, strings.Repeat("[", 60)+flat+strings.Repeat("]", 60))
	wide := decode(t, "["+flat+"]")
	small := decode(t, fieldPayload)
	all := "$..[" + strings.Repeat("0:,", 15) + "0:]"
	for path, p := range map[string]*Payload{all: wide, "$..[0:]": deep, "$..[?@ == @]": deep, "$..[?@.*.*.*]": deep} {
		f, err := CompileField(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Selects(callOn(p)); err == nil || !strings.Contains(err.Error(), "select fewer with its field") {
			t.Errorf("%s over a large payload gives %v", path, err)
		}
		if _, err := f.Selects(callOn(small)); err != nil {
			t.Errorf("%s over a small payload: %v", path, err)
		}
	}
	orders := decode(t, `{"items":[`+strings.Repeat(`{"sku":"ABC-1234","qty":1,"price":9.99},`, 6000)+`{}]}`)
	for _, path := range []string{"$.items[*]['qty','price']", "$.items[0:].sku", "$.items[?@.qty > 1].price", "$..[?@.qty].price"} {
		f, err := CompileField(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Selects(callOn(orders)); err != nil {
			t.Errorf("%s over a large list of orders: %v", path, err)
		}
	}
}

func TestStepEnds(t *testing.T) {
	c := callOn(decode(t, "[]"))
	var err error
	for i := 0; i < 2*MaxSteps && err == nil; i++ {
		err = c.Step(1)
	}
	if err == nil {
		t.Error("a rule takes any number of steps")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c = NewCall(ctx, decode(t, "[]"), time.Time{})
	if err := c.Step(2 * stepsPerLook); !errors.Is(err, ErrTime) {
		t.Errorf("a cancelled call ends with %v", err)
	}
}

func TestWalkDoesNotAllocate(t *testing.T) {
	p := decode(t, fieldPayload)
	for _, path := range []string{"$", "$.a['b/c'][1]", "$.x[*].v"} {
		f, err := CompileField(path)
		if err != nil {
			t.Fatal(err)
		}
		c := callOn(p)
		visit := func(*Call, Node) error { return nil }
		if allocations := testing.AllocsPerRun(100, func() { _ = f.Each(c, visit) }); allocations > 0 {
			t.Errorf("%s: %v allocations", path, allocations)
		}
	}
}

// FuzzCompileField: a path that compiles selects from any payload without a panic, and each pointer leads
// to its value.
func FuzzCompileField(f *testing.F) {
	for _, path := range []string{"$", "$.a['b/c'][1]['d~']", "$..v", "$.x[?@.k == 'q' && !@.z]", "$.x[?match(@.k, '[p-q]')]", "$[0:5:2]", "$..[?length(@) > 1]", "$['a','b']", "$.x[-1]", `$["\ud83d\ude00"]`, "$[?@.a[?@.b]]", "$..a..b"} {
		f.Add(path, fieldPayload)
	}
	f.Fuzz(func(t *testing.T, path, payload string) {
		field, err := CompileField(path)
		if err != nil {
			return
		}
		p, err := Decode([]byte(payload))
		if err != nil {
			return
		}
		_ = field.Each(callOn(p), func(c *Call, n Node) error {
			value, found := at(p.Root(), c.Pointer(n))
			if !found || !Equal(value, n.Value) {
				t.Errorf("%s selects a value at %q that is not there", path, c.Pointer(n))
			}
			return nil
		})
	})
}

// at follows a JSON Pointer.
func at(value any, pointer string) (any, bool) {
	if pointer == "" {
		return value, true
	}
	tokens := strings.Split(pointer, "/")[1:]
	for _, token := range tokens {
		name := pointerUnescapes.Replace(token)
		found := false
		switch v := value.(type) {
		case map[string]any:
			value, found = v[name]
		case []any:
			index, err := strconv.Atoi(name)
			if found = err == nil && index < len(v); found {
				value = v[index]
			}
		}
		if !found {
			return nil, false
		}
	}
	return value, true
}
