package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseYAMLScalars(t *testing.T) {
	cases := map[string]struct {
		reason, yaml, want string
	}{
		"Integer":         {"as written", "42", "42"},
		"Plus":            {"JSON has no plus sign", "+42", "42"},
		"Negative":        {"as written", "-42", "-42"},
		"NegativeZero":    {"as written", "-0", "-0"},
		"Past64Bits":      {"no digit is lost", "12345678901234567890123", "12345678901234567890123"},
		"Decimal":         {"the zero at the end stays", "1.10", "1.10"},
		"ManyDigits":      {"no rounding to a float", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
		"Huge":            {"legal JSON, past any float", "1e400", "1e400"},
		"HugeUpper":       {"as written", "-1E+400", "-1E+400"},
		"NoWhole":         {"JSON wants a digit before the point", "-.5", "-0.5"},
		"NoFraction":      {"JSON wants a digit after the point", "5.", "5"},
		"NoFractionExp":   {"JSON wants a digit after the point", "5.e3", "5e3"},
		"Hex":             {"written as a decimal", "0x1F", "31"},
		"HexPast64Bits":   {"no digit is lost", "0xFFFFFFFFFFFFFFFFFF", "4722366482869645213695"},
		"NegativeHex":     {"written as a decimal", "-0x1F", "-31"},
		"Octal":           {"YAML 1.2's octal", "0o17", "15"},
		"Binary":          {"written as a decimal", "0b101", "5"},
		"Underscores":     {"YAML 1.1's separators", "1_000_000", "1000000"},
		"UnderscoreFloat": {"YAML 1.1's separators", "1_000.5", "1000.5"},
		"QuotedNumber":    {"quotes make a string", `"42"`, `"42"`},
		"SingleQuoted":    {"quotes make a string", "'1e3'", `"1e3"`},
		"TaggedString":    {"the tag makes a string", "!!str 42", `"42"`},
		"TaggedInt":       {"the tag fits", `!!int 42`, "42"},
		"TaggedQuotedInt": {"the tag goes before the quotes", `!!int "42"`, "42"},
		"Version":         {"two points are no number", "1.2.3", `"1.2.3"`},
		"Date":            {"times stay strings", "2026-01-31", `"2026-01-31"`},
		"Timestamp":       {"times stay strings", "2026-01-31T12:00:00Z", `"2026-01-31T12:00:00Z"`},
		"Sexagesimal":     {"not in YAML 1.2", "12:30:45", `"12:30:45"`},
		"BigString":       {"letters in it", "0x1G", `"0x1G"`},
		"True":            {"a boolean", "True", "true"},
		"False":           {"a boolean", "false", "false"},
		"Yes":             {"a string in YAML 1.2", "yes", `"yes"`},
		"On":              {"a string in YAML 1.2", "on", `"on"`},
		"No":              {"Norway", "NO", `"NO"`},
		"Null":            {"null", "null", "null"},
		"Tilde":           {"null", "~", "null"},
		"QuotedNull":      {"quotes make a string", `"null"`, `"null"`},
		"Empty":           {"an empty value is null", "{a: }", `{"a":null}`},
		"Names":           {"JSON's names are strings", "{1: a, true: b, 1.0: c}", `{"1":"a","true":"b","1.0":"c"}`},
		"QuotedMergeKey":  {"just a name", `{"<<": 1}`, `{"<<":1}`},
		"Alias":           {"written out", "{a: &x [1, 2], b: *x}", `{"a":[1,2],"b":[1,2]}`},
		"AliasedName":     {"the scalar is the name", "{a: &x k, *x : 2}", `{"a":"k","k":2}`},
		"Block":           {"line feeds are kept", "|\n  a\n  b\n", `"a\nb\n"`},
		"Escapes":         {"written as JSON does", `"\u00e9\t\x07"`, `"é\t\u0007"`},
		"Comment":         {"left out", "a: 1 # one", `{"a":1}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			roots, err := ParseYAML([]byte(tc.yaml))
			if err != nil || len(roots) != 1 {
				t.Fatalf("%s: ParseYAML(%q) = %d documents, %v", tc.reason, tc.yaml, len(roots), err)
			}
			if diff := cmp.Diff(tc.want, string(roots[0].JSON())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// laughs is a billion laughs in half a kilobyte.
func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestParseYAMLRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, yaml string
		want         Error
	}{
		"Infinity":        {"JSON has none", "a: 1\nb: -.Inf", Error{Line: 2, Problem: "JSON has no infinity and no not-a-number; write null or a string"}},
		"NotANumber":      {"JSON has none", "a: .nan", Error{Line: 1, Problem: "JSON has no infinity and no not-a-number; write null or a string"}},
		"LeadingZeros":    {"readers disagree", "a: 0777", Error{Line: 1, Problem: "a number with leading zeros is octal to some readers and decimal to others; leave the zeros out, write 0o for octal, or quote it"}},
		"DuplicateKey":    {"one would win silently", "a: 1\nb: 2\n\"a\": 3", Error{Line: 3, Problem: "the same name stands twice in one mapping, first on line 1; keep one of them"}},
		"MergeKey":        {"not in YAML 1.2", "a: &a {b: 1}\nc:\n  <<: *a", Error{Line: 3, Problem: "merge keys (<<) are not part of YAML 1.2; write the members out"}},
		"OwnTag":          {"it could mean anything", "a: !secret x", Error{Line: 1, Problem: "a tag, which is what begins with !, is not known; leave it out, or write the value as a string, number, boolean or null; where the ! belongs to a text, quote it"}},
		"OwnTagMapping":   {"it could mean anything", "a: !secret {}", Error{Line: 1, Problem: "a tag, which is what begins with !, is not known; leave it out; where the ! belongs to a text, quote it"}},
		"Password":        {"it is not repeated", "password: !hunter2", Error{Line: 1, Problem: "a tag, which is what begins with !, is not known; leave it out, or write the value as a string, number, boolean or null; where the ! belongs to a text, quote it"}},
		"BinaryTag":       {"JSON has no bytes", "a: !!binary aGk=", Error{Line: 1, Problem: "the tag !!binary is not known; leave it out, or write the value as a string, number, boolean or null"}},
		"SetTag":          {"JSON has no sets", "a: !!set {b: }", Error{Line: 1, Problem: "the tag !!set is not known; leave it out"}},
		"WrongTag":        {"the tag lies", "a: !!int x", Error{Line: 1, Problem: "the value does not fit its tag !!int"}},
		"ListAsName":      {"JSON's names are strings", "? [a]\n: 1", Error{Line: 1, Problem: "a name must be a string; JSON has no other names"}},
		"NoName":          {"most likely a slip", "{? : 1}", Error{Line: 1, Problem: `a name is missing; write "" for an empty one`}},
		"SelfAlias":       {"it would never end", "a: &a\n  b: *a", Error{Line: 2, Problem: "the alias *a leads into itself; write its value out"}},
		"BillionLaughs":   {"it would not fit in memory", laughs(), Error{Line: 1, Problem: tooManyValues}},
		"LongLaughs":      {"few values, much text", "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [*a, *a, *a, *a, *a, *a, *a, *a]", Error{Line: 1, Problem: tooMuchText}},
		"Deep":            {"past MaxDepth", strings.Repeat("[", 101) + strings.Repeat("]", 101), Error{Line: 1, Problem: tooDeep}},
		"DeepBlock":       {"past MaxDepth", strings.Repeat("- ", 102) + "a", Error{Line: 1, Problem: tooDeep}},
		"LongHex":         {"its conversion would take long", "a: 0x" + strings.Repeat("f", 2000), Error{Line: 1, Problem: "a number that is not decimal may have at most 1024 digits; write it as a decimal, or as a string"}},
		"InvalidUTF8":     {"JSON text must be UTF-8", "a: 1\nb: \xff", Error{Line: 2, Problem: "it is not valid UTF-8; save the file as UTF-8"}},
		"TooManyDocs":     {"past MaxDocuments", strings.Repeat("--- a\n", MaxDocuments+1), Error{Line: MaxDocuments + 1, Problem: tooManyDocuments}},
		"ManyValues":      {"past MaxValues", "[" + strings.Repeat("1,", MaxValues) + "1]", Error{Line: 1, Problem: tooManyValues}},
		"UnknownAlias":    {"it stands for nothing", "b: 1\na: *b", Error{Line: 2, Problem: "it is not YAML: an alias, which is what begins with *, leads to no anchor; where the * belongs to a text, quote it"}},
		"NUL":             {"not a character of YAML", "# a\na: \x00", Error{Line: 2, Problem: "it is not YAML: control characters are not allowed"}},
		"VeryDeep":        {"the library's own limit", strings.Repeat("[", 1<<20), Error{Line: 1, Problem: "it is not YAML: exceeded max depth of 10000"}},
		"Syntax":          {"told by the library", "a: b: c", Error{Line: 1, Problem: "it is not YAML: mapping values are not allowed in this context"}},
		"SyntaxBelow":     {"the scanner counts lines from 1", "a: 1\nb: c: d", Error{Line: 2, Problem: "it is not YAML: mapping values are not allowed in this context"}},
		"Parser":          {"the parser counts lines from 0", "a: 1\n]", Error{Line: 2, Problem: "it is not YAML: did not find expected key"}},
		"ParserFirst":     {"the first line is left out", "[1", Error{Line: 1, Problem: "it is not YAML: did not find expected ',' or ']'"}},
		"ParserIndent":    {"the line that stands out", "a:\n  - x\n y: 1", Error{Line: 3, Problem: "it is not YAML: did not find expected key"}},
		"Tab":             {"it is not to be seen", "a: 1\nb:\n\t- 1", Error{Line: 3, Problem: "it is not YAML: a tab indents the line; indent with spaces"}},
		"TabFirst":        {"on line 1, too", "\ta: 1", Error{Line: 1, Problem: "it is not YAML: a tab indents the line; indent with spaces"}},
		"TabAfterSpaces":  {"it is not to be seen", "a:\n  b: 1\n \tc: 2", Error{Line: 3, Problem: "it is not YAML: a tab indents the line; indent with spaces"}},
		"TabInList":       {"it is not to be seen", "a: |\n\ttext", Error{Line: 2, Problem: "it is not YAML: a tab indents the line; indent with spaces"}},
		"Reserved":        {"the characters are not generally known", "a: 1\nb: @c", Error{Line: 2, Problem: "it is not YAML: a text begins with a character that YAML keeps for itself, such as @, %, a backtick or a tab; quote the text"}},
		"LongTag":         {"a message is short", "a: !" + strings.Repeat("x", 1<<20) + " 1", Error{Line: 1, Problem: "a tag, which is what begins with !, is not known; leave it out, or write the value as a string, number, boolean or null; where the ! belongs to a text, quote it"}},
		"EmptyTagMapping": {"not a mapping's tag", "!!str {a: 1}", Error{Line: 1, Problem: "the tag !!str is not known; leave it out"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseYAML([]byte(tc.yaml))
			expect(t, tc.reason, tc.want, err)
		})
	}
}

// expect compares an error with the one that is wanted.
func expect(t *testing.T, reason string, want Error, err error) {
	t.Helper()
	got := (*Error)(nil)
	if !errors.As(err, &got) {
		t.Fatalf("%s: error is %v, want an *Error", reason, err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func TestParseYAMLDocuments(t *testing.T) {
	roots, err := ParseYAML([]byte("# only a comment\n---\na: 1\n---\n---\nnull\n--- # nothing\n---\n- b\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range roots {
		got = append(got, fmt.Sprintf("%d %s", r.Line, r.JSON()))
	}
	if diff := cmp.Diff([]string{`3 {"a":1}`, "6 null", `9 ["b"]`}, got); diff != "" {
		t.Errorf("documents with their lines (-want +got):\n%s", diff)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		want         Error
	}{
		"DuplicateName": {"one would win silently", "{\"a\": 1,\n\n\"a\": 2}", Error{Line: 3, Problem: "the same name stands twice in one object; keep one of them"}},
		"CutOff":        {"most likely a copy that failed", "{\"a\":\n", Error{Line: 2, Problem: "it ends in the middle of a value; was it cut off?"}},
		"Empty":         {"nothing to read", " \n", Error{Line: 1, Problem: "it is empty; give one JSON value"}},
		"Two":           {"a file is one value", "1\n2", Error{Line: 2, Problem: "there is more after the end of the value; a JSON file holds one value"}},
		"Rubbish":       {"no JSON", "{a: 1}", Error{Line: 1, Problem: "it is not JSON"}},
		"Deep":          {"past MaxDepth", strings.Repeat("[", 101) + strings.Repeat("]", 101), Error{Line: 1, Problem: tooDeep}},
		"ManyValues":    {"past MaxValues", "[" + strings.Repeat("1,", MaxValues) + "1]", Error{Line: 1, Problem: tooManyValues}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseJSON([]byte(tc.text))
			expect(t, tc.reason, tc.want, err)
		})
	}
}

func TestLineOf(t *testing.T) {
	const text = "a:\n  b/c: 1\n  \"~\":\n  - x\n  - y: |\n      {}\nd: 2\n"
	roots, err := ParseYAML([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	root := roots[0]
	for pointer, want := range map[string]int{
		"": 1, "/a": 1, "/a/b~1c": 2, "/a/~0": 3, "/a/~0/0": 4, "/a/~0/1": 5, "/a/~0/1/y": 5, "/d": 7,
		"/a/~0/9": 3, "/missing": 1, "/d/x": 7, "/a/~0/-1": 3, "x": 1,
	} {
		if got := root.LineOf(pointer); got != want {
			t.Errorf("LineOf(%q) = %d, want %d", pointer, got, want)
		}
	}
	for path, want := range map[string]int{"": 1, "a.~[1].y": 5, "a.~[7].y": 3, "d": 7} {
		if got := root.LineOfField(path); got != want {
			t.Errorf("LineOfField(%q) = %d, want %d", path, got, want)
		}
	}
	if n := root.At("a.~[1].y"); n == nil || !n.Block || n.Text != "{}\n" {
		t.Errorf("At gives %+v, want the block", n)
	}
	if n := root.At("a.~[2].y"); n != nil {
		t.Errorf("At gives %+v for an item that is not there", n)
	}
}

// values draws JSON values as YAML can write them too: in flow style, JSON is YAML but for a few escapes.
func values() *rapid.Generator[any] {
	return rapid.Deferred(func() *rapid.Generator[any] {
		scalar := rapid.OneOf(
			rapid.Just[any](nil),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?`), func(s string) any { return json.Number(s) }),
			rapid.Map(rapid.StringMatching(`[ -~é漢]{0,12}`), func(s string) any { return s }),
		)
		return rapid.OneOf(scalar,
			rapid.Map(rapid.SliceOfN(values(), 0, 3), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z~/ ]{1,6}`), values(), 0, 3), func(m map[string]any) any { return m }),
		)
	})
}

// JSON text is YAML, and both ways of reading it give the same value.
func TestYAMLReadsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(values().Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, err := ParseJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		fromYAML, err := ParseYAML(append([]byte("--- "), text...))
		if err != nil || len(fromYAML) != 1 {
			t.Fatalf("%s: %d documents, %v", text, len(fromYAML), err)
		}
		if got := fromYAML[0].JSON(); !bytes.Equal(got, fromJSON.JSON()) {
			t.Fatalf("%s is read as YAML as %s", text, got)
		}
	})
}
