package rules

import (
	"reflect"
	"strings"
	"testing"
)

// slowly decodes as Decode does where quick gives up.
func slowly(text []byte) (root any, short bool, err error) {
	d := &decoder{text: text, whole: string(text)}
	return d.readSlowly()
}

// FuzzQuick: what quick takes, the library takes too, and gives the same value.
func FuzzQuick(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -2.50, 0, true, false, null], "b": {"c": "\u00e9\n", "": {}}, "d": []}`, "\"\u00e9\"", "\"\xff\"", `"\ud800"`, "\"a\tb\"", `"\x"`, `"\`, `"`,
		"01", "-", "1.", ".5", "1e5", "-0", `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, "[1,]", "[,1]", "{,}", `{"a" 1}`, `{"a":1,}`, "[1 2]", "tru", "nul", "truex", " [ ] ", "[]]", "\ufeff1",
		strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("7", 65),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q := quick{}
		root, ok := q.read(string(text))
		if !ok {
			return
		}
		want, short, err := slowly(text)
		if err != nil {
			t.Fatalf("%q is read though it should not: %v", text, err)
		}
		if !reflect.DeepEqual(want, root) || q.short != short { // cmp.Diff takes exponential time on 64 levels
			t.Errorf("%q is read as %#v, short numbers %t; want %#v, %t", text, root, q.short, want, short)
		}
	})
}

// TestQuickTakesTheOrdinary: what payloads are like needs no second pass.
func TestQuickTakesTheOrdinary(t *testing.T) {
	for reason, text := range map[string]string{
		"an order":      `{"id":"A-1001","amount":119.98,"items":[{"sku":"X1","price":59.99}],"gift":false,"note":null}`,
		"white space":   "{\r\n\t\"a\" : [ 1 , 2 ]\n}\n",
		"escapes":       `{"text": "two\nlines, \"quoted\", caf\u00e9"}`,
		"other letters": `{"name": "Jörg", "города": ["東京"]}`,
		"empty":         `{"a": {}, "b": [], "": ""}`,
	} {
		q := quick{}
		if _, ok := q.read(text); !ok || !q.short {
			t.Errorf("%s: read %t, short numbers %t", reason, ok, q.short)
		}
	}
}

// TestDecodingLeavesNothing: a decoder that is used again holds nothing of the text before, also where that was wrong.
func TestDecodingLeavesNothing(t *testing.T) {
	d := &decoder{}
	for _, text := range []string{`[1, {"a": "secret", "b": [2`, `{"a": {"b": [1, 2, 3]}}`} {
		d.text, d.whole = []byte(text), text
		_, _, _ = d.read()
		d.forget()
		for _, item := range d.quick.items[:cap(d.quick.items)] {
			if item != nil {
				t.Errorf("%q leaves an item", text)
			}
		}
		for _, m := range d.quick.members[:cap(d.quick.members)] {
			if m.name != "" || m.value != nil {
				t.Errorf("%q leaves a member", text)
			}
		}
		if d.text != nil || d.whole != "" || d.quick.text != "" {
			t.Errorf("%q is left", text)
		}
	}
}
