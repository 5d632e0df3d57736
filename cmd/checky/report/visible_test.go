package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

// TestNothingDrivesATerminal: whatever a verdict holds, no format writes a character that a terminal acts on, and what a
// program reads is what was there.
func TestNothingDrivesATerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hostile := rapid.StringOfN(rapid.OneOf(
			rapid.Rune(),
			rapid.SampledFrom([]rune{0, '\a', '\b', '\r', '\x1b', 0x7f, 0x85, 0x9b, 0x202e, 0x2066, '[', '2', 'J', ';', 'm', '\n', '\t'}),
		), 1, 40, -1).Draw(t, "text")
		in := failure()
		in.Name = hostile
		in.Verdict.Explanation = hostile
		for i := range in.Verdict.Results {
			in.Verdict.Results[i].Message, in.Verdict.Results[i].Path = hostile, "/"+hostile
		}
		in.Verdict.Passages[0].Text = hostile
		r := &Report{Inputs: []Input{in, in}}
		for _, format := range Formats() {
			var out bytes.Buffer
			if err := Write(&out, format, r, Options{}); err != nil {
				t.Fatal(err)
			}
			for _, c := range out.String() {
				if c != '\n' && program.Steers(c) {
					t.Fatalf("%s holds %U:\n%q", format, c, out.String())
				}
			}
			switch format {
			case "json":
				var list []struct{ v1alpha1.Verdict }
				if err := json.Unmarshal(out.Bytes(), &list); err != nil || list[0].Explanation != hostile {
					t.Fatalf("%q became %q: %v", hostile, list[0].Explanation, err)
				}
			case "sarif":
				if !json.Valid(out.Bytes()) {
					t.Fatalf("no JSON: %q", out.String())
				}
			case "junit":
				var suites junitSuites
				if err := xml.NewDecoder(strings.NewReader(out.String())).Decode(&suites); err != nil {
					t.Fatalf("no XML: %v\n%q", err, out.String())
				}
			}
		}
	})
}
