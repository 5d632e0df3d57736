package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/checky-dev/checky/rules"
)

// documented is a compiler whose modules' documentation the goldens show.
func documented() *rules.Compiler {
	return rules.NewCompiler([]rules.Module{
		{
			Name: "range", Summary: "Checks that each selected number lies between two bounds.",
			Params: []rules.Param{
				{Name: "min", Type: "number", Doc: "The least value allowed."},
				{Name: "mode", Type: "a | b", Doc: "How: a | b."},
			},
			Example: "{name: range, params: {field: $.amount, min: 0}}",
		},
		{Name: "any", Summary: "Checks anything.", FieldDefault: "$", Example: "{name: any}"},
		{Name: "own", Summary: "Documents its field itself.", Params: []rules.Param{{Name: "field", Type: "JSONPath", Doc: "What it may be."}}, Example: "{name: own}"},
	}, nil, nil, nil)
}

func TestListRules(t *testing.T) {
	t.Chdir(checkFixtures)
	for name, tc := range map[string]struct {
		reason, output string
		modules        []string
	}{
		"rules.txt":       {"a line each", "text", nil},
		"rules-named.txt": {"parameters of those that are named, in that order", "text", []string{"range", "any"}},
		"rules.json":      {"for programs", "json", nil},
		"rules.md":        {"for the documentation", "markdown", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := listRules(&b, tc.output, documented(), tc.modules); err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			goldenCheck(t, name, b.String())
		})
	}
}

func TestListRulesRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		output string
		module string
		want   string
	}{
		"UnknownModule": {"text", "nothing", `there is no module "nothing"`},
		"UnknownFormat": {"xml", "range", `-o "xml": give text, json or markdown`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := listRules(&b, tc.output, documented(), []string{tc.module})
			if err == nil || !strings.Contains(err.Error(), tc.want) || b.Len() > 0 {
				t.Errorf("error is %v, output %q; want an error with %q", err, b.String(), tc.want)
			}
		})
	}
}

// Every module that ships is documented in full.
func TestRulesOfTheProgram(t *testing.T) {
	code, out, errOut := runChecky(t, "", "rules", "-o", "markdown")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	for _, want := range []string{"## range\n", "## secrets\n", "| `field` | JSONPath |", "```yaml\nmodule: {name: range,"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
}
