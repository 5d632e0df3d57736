package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// sarifSchema is where the OASIS publishes the schema.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// levels are SARIF's words for severities. It has none above error.
var levels = map[v1alpha1.Severity]string{
	v1alpha1.SeverityInfo:     "note",
	v1alpha1.SeverityWarning:  "warning",
	v1alpha1.SeverityError:    "error",
	v1alpha1.SeverityCritical: "error",
}

// unevaluated begins the rule IDs of inputs that could not be evaluated at all; the condition's reason follows.
const unevaluated = "checky/"

// writeSARIF writes one run: a rule for each rule that was run, with the passages that help as its help, and a result for
// each finding of those that did not pass, at the line of the payload.
func writeSARIF(w io.Writer, r *Report, _ Options) error {
	out := sarif.NewReport()
	out.Schema = sarifSchema
	run := sarif.NewRun()
	driver := sarif.NewToolComponent().WithName("checky").WithVersion(r.Version)
	run.WithTool(sarif.NewTool().WithDriver(driver)).WithColumnKind("unicodeCodePoints")
	succeeded := true
	for i := range r.Inputs {
		in := &r.Inputs[i]
		succeeded = succeeded && in.Verdict.Phase != v1alpha1.PhaseError
		addInput(run, in)
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(succeeded).WithExitCode(r.ExitCode)
	for i := range r.Inputs {
		if notification := left(&r.Inputs[i]); notification != nil {
			invocation.AddToolExecutionNotification(notification)
		}
	}
	run.AddInvocation(invocation)
	out.AddRun(run)
	encoder := json.NewEncoder(visible(w, jsonEscape))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func addInput(run *sarif.Run, in *Input) {
	byRule := in.results()
	for _, rule := range in.Rules {
		describeRule(run, rule, passagesOf(in, byRule[rule.ID]))
	}
	if in.Verdict.Batch != nil {
		addBatch(run, in)
		return
	}
	at := place{input: in.Name, locate: in.locate}
	for i := range in.Verdict.Results {
		addFinding(run, at, &in.Verdict.Results[i])
	}
	if len(in.Rules) == 0 {
		id := unevaluated + in.Reason
		describeRule(run, Rule{ID: id, Severity: v1alpha1.SeverityError, Message: "an input that could not be evaluated"}, nil)
		addResult(run, at, id, levels[v1alpha1.SeverityError], headline(in), "").
			WithProperties(at.properties().Add("outcome", v1alpha1.OutcomeError))
	}
}

// place is the payload that a result is about.
type place struct {
	input  string
	item   *v1alpha1.BatchItem // nil: it is the input itself
	locate func(pointer string) (file string, line int)
}

// name is that of a value in it.
func (p place) name(pointer string) string {
	if p.item == nil {
		return p.input + "#" + pointer
	}
	return fmt.Sprintf("%s[%d]#%s", p.input, p.item.Index, pointer)
}

func (p place) properties() *sarif.PropertyBag {
	bag := sarif.NewPropertyBag().Add("input", p.input)
	if p.item != nil {
		bag.Add("index", p.item.Index).Add("payload", itemName(p.item))
	}
	return bag
}

// addFinding adds what did not pass.
func addFinding(run *sarif.Run, at place, result *v1alpha1.Result) {
	if result.Outcome == v1alpha1.OutcomePass || result.Outcome == v1alpha1.OutcomeSkip {
		return
	}
	message := result.Message
	if result.Outcome == v1alpha1.OutcomeError {
		message = "could not be evaluated: " + message
	}
	addResult(run, at, result.Rule, levels[result.Severity], message, result.Path).
		WithProperties(at.properties().Add("outcome", result.Outcome).Add("severity", result.Severity))
}

// describeRule adds a rule, or to its help if it is there already.
func describeRule(run *sarif.Run, rule Rule, passages []string) {
	known := run.GetRuleIndex(rule.ID) >= 0
	d := run.AddRule(rule.ID)
	if !known {
		text := rule.Message
		switch {
		case text != "":
		case rule.Kind != "":
			text = "a rule of kind " + rule.Kind
		default:
			text = rule.ID
		}
		d.WithShortDescription(sarif.NewMultiformatMessageString().WithText(text))
		d.WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(levels[rule.Severity]))
	}
	for _, passage := range passages {
		switch {
		case d.Help == nil:
			d.WithHelp(sarif.NewMultiformatMessageString().WithText(passage))
		case !strings.Contains(*d.Help.Text, passage):
			d.Help.WithText(*d.Help.Text + "\n" + passage)
		}
	}
}

func addResult(run *sarif.Run, at place, id, level, message, pointer string) *sarif.Result {
	if message == "" {
		message = "the rule did not pass"
	}
	result := sarif.NewRuleResult(id).WithRuleIndex(run.GetRuleIndex(id)).WithLevel(level).WithMessage(sarif.NewTextMessage(message))
	location := sarif.NewLocation().AddLogicalLocation(sarif.NewLogicalLocation().
		WithKind("value").WithFullyQualifiedName(at.name(pointer)))
	if file, line := at.locate(pointer); file != "" {
		place := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(fileURI(file)))
		if line > 0 {
			place.WithRegion(sarif.NewRegion().WithStartLine(line))
		}
		location.WithPhysicalLocation(place)
	}
	run.AddResult(result.AddLocation(location))
	return result
}

// fileURI is a path as a URI reference: relative where the path is.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}
