package manifest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/rules"
)

// What is not JSON becomes no text of YAML by accident, on standard input no more than in a *.json file.
func TestSplitTellsTheFormat(t *testing.T) {
	const begins, lone = "; " + beginsAsJSON, "; " + loneValue
	cases := map[string]struct {
		reason, name, text string
		want               []string // the documents
	}{
		"JSON":              {"as it says", "stdin", ` {"a": 1}`, []string{`{"a":1}`}},
		"Scalar":            {"as good as any JSON", "stdin", "1.50\n", []string{"1.50"}},
		"YAML":              {"it begins with a name", "stdin", "a: NaN\n", []string{`{"a":"NaN"}`}},
		"YAMLList":          {"it begins with a dash", "stdin", "- a\n", []string{`["a"]`}},
		"NaN":               {"JSON has no such number", "stdin", `{"a":NaN}`, []string{"1: it is not JSON" + begins}},
		"Infinity":          {"JSON has no such number", "stdin", "[\n-Infinity]", []string{"2: it is not JSON" + begins}},
		"SingleQuotes":      {"of Python, most likely", "stdin", "{'a': 1}", []string{"1: it is not JSON" + begins}},
		"TrailingComma":     {"of JavaScript, most likely", "stdin", "{\"a\": 1,}", []string{"1: it is not JSON" + begins}},
		"TwoValues":         {"JSON lines", "stdin", "{}\n{}", []string{"2: there is more after the end of the value; a JSON file holds one value" + begins}},
		"LoneNaN":           {"JSON has no such number", "stdin", "NaN\n", []string{"1: it is not JSON" + lone}},
		"LoneInfinity":      {"JSON has no such number", "stdin", "-Infinity", []string{"1: it is not JSON" + lone}},
		"LoneText":          {"an error message in place of JSON", "stdin", "not found", []string{"1: it is not JSON" + lone}},
		"LoneSingleQuotes":  {"of Python, most likely", "stdin", "'a'", []string{"1: it is not JSON" + lone}},
		"OtherName":         {"it tells nothing either", "payload", "{a: NaN}", []string{"1: it is not JSON" + begins}},
		"JSONName":          {"the name tells", "a.json", "{a: NaN}", []string{"1: it is not JSON"}},
		"YAMLName":          {"the name tells", "a.YAML", "{a: NaN}", []string{`{"a":"NaN"}`}},
		"YAMLNameLone":      {"the name tells", "a.yml", "NaN", []string{`"NaN"`}},
		"Marked":            {"somebody means YAML", "stdin", "---\n{a: NaN}", []string{`{"a":"NaN"}`}},
		"MarkedLone":        {"somebody means YAML", "stdin", "--- NaN", []string{`"NaN"`}},
		"MarkedBelow":       {"somebody means YAML", "stdin", "# a comment\n---\nNaN", []string{`"NaN"`}},
		"ByteOrderMark":     {"no part of the value", "a.json", "\ufeff{}", []string{"{}"}},
		"ByteOrderMarkNaN":  {"it hides nothing", "stdin", "\ufeff{\"a\":NaN}", []string{"1: it is not JSON" + begins}},
		"ByteOrderMarkYAML": {"no part of the value", "a.yaml", "\ufeffa: 1", []string{`{"a":1}`}},
		"TwoMarks":          {"the second is part of the text", "a.json", "\ufeff\ufeff{}", []string{"1: it is not JSON"}},
		"Nothing":           {"there is no document", "stdin", " \n", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range Split(&File{Name: tc.name, Text: []byte(tc.text)}) {
				if d.Problem != nil {
					got = append(got, fmt.Sprintf("%d: %s", d.Problem.Line, d.Problem.Problem))
					continue
				}
				got = append(got, string(d.Root.JSON()))
				if bytes.Contains(d.Text, byteOrderMark) {
					t.Errorf("%s: the text has a byte order mark", tc.reason)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// Whatever a file holds: nothing panics, what is read is JSON within the limits, and every place has a line of the file.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", "a: 1", "{\"a\": [1, 2.50]}", "--- a\n--- b\n", laughs(), "a: &a [*a]", "\x00", "\xff\xfe", "? x\n: y", "- - - -", "a: |\n  b\n",
		"apiVersion: v1\nkind: List\nitems: [{a: 1}, 2]", "!!int 0x", "&a : *a", "%YAML 1.1\n---\nyes", "a: !<tag:yaml.org,2002:int> 3", "\ufeffa: 1", "{<<: {}}",
		"{\"a\": NaN}", "'a'", "\ufeff[1]", "a:\n\t- 1", "a: 1\n]", "a: *b",
	} {
		f.Add([]byte(seed), "x.yaml")
		f.Add([]byte(seed), "stdin")
	}
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		for _, d := range Split(&File{Name: name, Text: text}) {
			if d.Root == nil {
				if d.Problem == nil || d.Problem.Problem == "" {
					t.Fatal("a document that is not there has no problem")
				}
				continue
			}
			written := d.Root.JSON()
			again, err := ParseJSON(written)
			if err != nil {
				t.Fatalf("it is read as %.200q, which is not JSON: %v", written, err)
			}
			if !bytes.Equal(again.JSON(), written) {
				t.Fatalf("it changes when it is read again: %.200q", written)
			}
			if lines := 1 + bytes.Count(text, []byte{'\n'}) + bytes.Count(text, []byte{'\r'}); d.Root.Line < 0 || d.Root.Line > lines+bytes.Count(text, []byte("\u2028"))+bytes.Count(text, []byte("\u2029"))+bytes.Count(text, []byte("\u0085")) {
				t.Fatalf("line %d of %d", d.Root.Line, lines)
			}
			if len(written) <= rules.MaxPayloadBytes {
				_, _ = rules.Decode(written)
			}
		}
	})
}
