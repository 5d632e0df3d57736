package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/checky/records"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// checkOptions are the flags of `checky check`.
type checkOptions struct {
	files, ruleFiles []string
	output           string
	knowledge        string
	failOn           string
	namespace        string
	color            string
	now              string
	records          records.Options
}

func newCheckCommand() *cobra.Command {
	o := checkOptions{}
	command := &cobra.Command{
		Use:   "check -f FILE [-r FILE]...",
		Short: "Check payloads, Checks or files of many payloads, without a cluster",
		Long: `Check payloads, or Checks as one would apply them, and print the verdicts that they would get in a cluster.

-f takes payloads, and Checks with all that they refer to: rule sets, ConfigMaps, Secrets, other objects. A Check is evaluated
with its own rules. Every other document is a payload, and is checked with all rule sets that -r names; but where
a Check is given, an object with an apiVersion and a kind is none, since Checks refer to it.
-r takes RuleSets, ClusterRuleSets, and plain lists of rules under the name rules.
A folder stands for its *.yaml, *.yml and *.json files, and - for standard input.

A *.json file is JSON, and a *.yaml or *.yml file is YAML. Standard input and files of other names are JSON where they begin with
{ or [ or hold a lone value, so that a slip such as NaN is an error and no text; else, or below a line ---, they are YAML.

A *.ndjson or *.jsonl file has a payload on each line, and a *.csv file one in each record below its header: --input-format says it of
standard input and of files of other names. Such a file is one batch, of any length, with one verdict on all of its payloads, which
tells how many failed and which are the worst. Cells of CSV that are JSON numbers, true or false are that, empty ones are left out, and
all others are strings. Ctrl-C ends with what was checked so far, and exit code 2.

-o json prints what the status of the Check would hold, times and conditions left out: one object, or a list with names
where there are several inputs, several -f or a folder.

Exit code 0: all verdicts are Success. 1: at least one is Failure. 2, which goes before 1: something could not be
evaluated: a verdict is Error, a rule does not compile, or a file or a flag is wrong. What a cluster would wait for,
such as a rule set that is missing, is an Error here.`,
		Example: `  checky check -f order.json -r orders.yaml
  kubectl get deployment web -o json | checky check -f - -r workloads.yaml -o sarif
  checky check -f config/samples/
  checky check -f orders.ndjson -f orders.csv -r orders.yaml --name-field '$.id'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q: name files with -f, and rules with -r", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), builtin.New(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&o.files, "file", "f", nil, "payload, Check or folder; - reads standard input; can be given several times")
	flags.StringArrayVarP(&o.ruleFiles, "rules", "r", nil, "rule set or folder; - reads standard input; can be given several times")
	flags.StringVarP(&o.output, "output", "o", "text", "format: "+strings.Join(reporting.Formats(), ", "))
	flags.StringVar(&o.knowledge, "knowledge", "", "knowledge file to explain with (default: the one built in)")
	flags.StringVar(&o.failOn, "fail-on", "", "lowest severity that fails a payload: info, warning, error or critical (default: error); Checks have spec.failOn")
	flags.StringVarP(&o.namespace, "namespace", "n", "default", "namespace of objects that do not say theirs")
	flags.StringVar(&o.color, "color", "auto", "color the text: auto (on a terminal, unless NO_COLOR is set), always or never")
	o.records.BindFlags(flags)
	flags.StringVar(&o.now, "now", "", "time that expressions see as now, as in 2026-01-31T12:00:00Z (default: the present)")
	return command
}

// validate checks the flags, and gives the time of --now.
func (o *checkOptions) validate() (now time.Time, err error) {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(o.files) == 0 {
		bad("-f is missing: give a payload, a Check or a folder")
	}
	if err := o.records.Validate(o.files); err != nil {
		problems = append(problems, err)
	}
	if !slices.Contains(reporting.Formats(), o.output) {
		bad("-o %q: give %s", o.output, strings.Join(reporting.Formats(), ", "))
	}
	severities := []v1alpha1.Severity{"", v1alpha1.SeverityInfo, v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical}
	if !slices.Contains(severities, v1alpha1.Severity(o.failOn)) {
		bad("--fail-on %q: give info, warning, error or critical", o.failOn)
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.color) {
		bad("--color %q: give auto, always or never", o.color)
	}
	if o.namespace == "" {
		bad("--namespace is empty: give a name, or leave the flag out")
	}
	now = time.Now()
	if o.now != "" {
		if now, err = time.Parse(time.RFC3339, o.now); err != nil {
			bad("--now %q: give a time as in 2026-01-31T12:00:00Z", o.now)
		}
	}
	return now, errors.Join(problems...)
}

// knowledgeTimeout is how long the searches of one verdict may take. Nobody queues behind the command line, so it is
// longer than the controller's: a slow machine gives the same explanation.
const knowledgeTimeout = 10 * time.Second

func (o *checkOptions) run(ctx context.Context, compiler *rules.Compiler, in io.Reader, out, errOut io.Writer) error {
	now, err := o.validate()
	if err != nil {
		return err
	}
	bundle, files, err := o.load(in)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, err) // one FILE:LINE: PROBLEM a line, for editors
		return &program.ExitError{Code: program.ExitUsage}
	}
	defer records.CloseAll(files)
	if err := o.validateTargets(bundle, len(files)); err != nil {
		return err
	}
	knowledge, err := o.openKnowledge()
	if err != nil {
		return err
	}
	defer knowledge.Close() //nolint:errcheck // it was only read
	g := &gatherer{
		bundle:  bundle,
		library: engine.NewLibrary(compiler),
		engine:  &engine.Engine{Retriever: knowledge, RetrievalTimeout: knowledgeTimeout},
		failOn:  v1alpha1.Severity(o.failOn),
		now:     now,
	}
	for _, note := range notes(bundle) {
		_, _ = fmt.Fprintln(errOut, note)
	}
	problems := g.compile()
	result := &reporting.Report{List: o.listed(), Version: program.Version()}
	result.Inputs, err = g.evaluateAll(ctx, files, errOut)
	if err != nil {
		problems = append(problems, err)
	}
	result.ExitCode = reporting.ExitCode(result.Inputs)
	if len(problems) > 0 {
		// A rule that does not compile counts as one that could not be evaluated, also where another rule failed. So does what was left
		// out at Ctrl-C.
		result.ExitCode = program.ExitUsage
		_, _ = fmt.Fprintln(errOut, errors.Join(problems...))
	}
	if len(result.Inputs) > 0 {
		if err := reporting.Write(out, o.output, result, reporting.Options{Color: o.colored(out)}); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if result.ExitCode != 0 {
		return &program.ExitError{Code: result.ExitCode}
	}
	return nil
}

// load reads the files, but for those of many payloads, which it opens.
func (o *checkOptions) load(in io.Reader) (*manifest.Bundle, []*records.File, error) {
	documents, many := o.records.Split(o.files)
	loader := manifest.Loader{Reader: &manifest.Reader{Stdin: in}, Schemas: manifest.NewSchemas(config.Files), Namespace: o.namespace}
	bundle, err := loader.Load(documents, o.ruleFiles)
	files, unopened := o.records.OpenAll(many, in, slices.Contains(o.ruleFiles, "-"))
	if err := errors.Join(err, unopened); err != nil {
		records.CloseAll(files)
		return nil, nil, err
	}
	return bundle, files, nil
}

// validateTargets refuses what would be left out silently.
func (o *checkOptions) validateTargets(bundle *manifest.Bundle, files int) error {
	if files > 0 {
		return nil
	}
	if len(bundle.Targets) == 0 {
		return errors.New("-f: there is no payload and no Check in the files; rule sets are named with -r")
	}
	isPayload := func(t manifest.Target) bool { return t.Check == nil }
	if slices.ContainsFunc(bundle.Targets, isPayload) {
		return nil
	}
	if o.failOn != "" {
		return errors.New("--fail-on is for payloads, and there are only Checks; set spec.failOn")
	}
	for _, set := range bundle.Sets {
		if set.Kind == "" {
			return fmt.Errorf("-r %s: a plain list of rules is for payloads, and there are only Checks; make it a RuleSet that they name", set.File.Name)
		}
	}
	return nil
}

// searchable is a knowledge file in use.
type searchable interface {
	rag.Retriever
	io.Closer
}

// openKnowledge gives the knowledge file of the flag. One that is named is read at once, so that what is wrong with it is told
// whatever the verdicts.
func (o *checkOptions) openKnowledge() (searchable, error) {
	if o.knowledge == "" {
		return &builtinKnowledge{}, nil
	}
	return openKnowledge("--knowledge", o.knowledge, rag.Options{})
}

// listed says whether JSON is a list whatever the number of inputs: several -f, or a folder.
func (o *checkOptions) listed() bool {
	if len(o.files) > 1 {
		return true
	}
	info, err := os.Stat(o.files[0])
	return err == nil && info.IsDir()
}

func (o *checkOptions) colored(out io.Writer) bool {
	return o.color == "always" || o.color == "auto" && program.Colored(out)
}
