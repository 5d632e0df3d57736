package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/records"
)

// runOptions are the flags of `kubectl checky run`.
type runOptions struct {
	files, ruleFiles          []string
	ruleSets, clusterRuleSets []string
	failOn                    string
	ttl                       time.Duration
	name, generateName        string
	timeout                   time.Duration
	output                    string
	keep, remove              bool
	records                   records.Options
}

func newRunCommand(s *session) *cobra.Command {
	o := &runOptions{}
	command := &cobra.Command{
		Use:   "run -f FILE [--rule-set NAME]... [-r FILE]...",
		Short: "Have payloads checked by the cluster, and print the verdicts",
		Long: `Make a Check of each payload, wait for its verdict, and print it as checky check does.

-f takes JSON and YAML files, folders of them, and - for standard input. Every digit of a number counts. Rules are those of --rule-set
and --cluster-rule-set, and those in the files of -r, which become the Check's own; with none of them the rule sets
apply that are the namespace's default.

A *.ndjson or *.jsonl file has a payload on each line, and a *.csv file one in each record below its header: --input-format says it of
standard input and of files of other names. Such a file becomes one Check of all its payloads, or several where they are more than
one Check takes (1000, or 768 KiB), and is told as one verdict.

The Checks stay, until --ttl or the operator's own time to live is over; --rm deletes them once their verdicts are printed.

Exit code 0: all verdicts are Success. 1: at least one is Failure. 2, which goes before 1: one is Error, there was none
within --timeout, or something was refused.`,
		Example: `  kubectl checky run -f order.json --rule-set orders
  kubectl checky run -f orders.ndjson --rule-set orders --name-field '$.id'
  kubectl get deployment web -o json | kubectl checky run -f - --cluster-rule-set workloads --rm -o sarif`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), o, cmd.Flags().Changed("ttl"), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := command.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "payload, or folder of them; - reads standard input; can be given several times")
	flags.StringArrayVarP(&o.ruleFiles, "rules", "r", nil, "file with rules for these Checks alone: a rule set, or a list named rules; can be given several times")
	flags.StringSliceVar(&o.ruleSets, "rule-set", nil, "RuleSet of the namespace; can be given several times")
	flags.StringSliceVar(&o.clusterRuleSets, "cluster-rule-set", nil, "ClusterRuleSet; can be given several times")
	o.records.BindFlags(flags)
	flags.StringVar(&o.failOn, "fail-on", "", "lowest severity that fails a payload: info, warning, error or critical (default: error)")
	flags.DurationVar(&o.ttl, "ttl", 0, "how long the Check is kept after its verdict, for instance 1h (default: the operator's)")
	flags.StringVar(&o.name, "name", "", "name of the Check, where there is one payload (default: made from the file's)")
	flags.StringVar(&o.generateName, "generate-name", "", "what the names of the Checks begin with (default: made from the file's)")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "how long to wait for all of the verdicts")
	flags.StringVarP(&o.output, "output", "o", "text", "format: "+strings.Join(reportFormats(), ", "))
	flags.BoolVar(&o.keep, "keep", true, "leave the Checks there")
	flags.BoolVar(&o.remove, "rm", false, "delete the Checks once their verdicts are printed")
	command.MarkFlagsMutuallyExclusive("keep", "rm")
	command.MarkFlagsMutuallyExclusive("name", "generate-name")
	complete(command, "output", reportFormats()...)
	complete(command, "fail-on", severities...)
	complete(command, "input-format", records.Formats()...)
	must(command.RegisterFlagCompletionFunc("rule-set", s.completeObjects("RuleSet")))
	must(command.RegisterFlagCompletionFunc("cluster-rule-set", s.completeObjects("ClusterRuleSet")))
	return command
}

var severities = []string{
	string(v1alpha1.SeverityInfo), string(v1alpha1.SeverityWarning), string(v1alpha1.SeverityError), string(v1alpha1.SeverityCritical),
}

func (o *runOptions) validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(o.files) == 0 {
		bad("-f is missing: give a payload")
	}
	if err := o.records.Validate(o.files); err != nil {
		problems = append(problems, err)
	}
	if !slices.Contains(reportFormats(), o.output) {
		bad("-o %q: give %s", o.output, strings.Join(reportFormats(), ", "))
	}
	if o.failOn != "" && !slices.Contains(severities, o.failOn) {
		bad("--fail-on %q: give %s", o.failOn, strings.Join(severities, ", "))
	}
	if o.ttl < 0 || o.ttl > math.MaxInt32*time.Second || o.ttl%time.Second != 0 {
		bad("--ttl: give whole seconds, from 0s to %s", math.MaxInt32*time.Second)
	}
	if o.timeout <= 0 {
		bad("--timeout: give a time above 0, for instance 1m")
	}
	if !o.keep && !o.remove {
		bad("--keep=false: give --rm")
	}
	if o.name != "" {
		for _, problem := range validation.IsDNS1123Subdomain(o.name) {
			bad("--name: %s", problem)
		}
	}
	return errors.Join(problems...)
}

// run creates the Checks, awaits their verdicts and prints them.
func (s *session) run(ctx context.Context, o *runOptions, hasTTL bool, in io.Reader, out, errOut io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	c, err := s.open(errOut)
	if err != nil {
		return err
	}
	reader := newReader(in)
	orders, checks, err := o.orders(reader)
	if err != nil {
		return err
	}
	if o.name != "" && checks > 1 {
		return fmt.Errorf("--name: there are %d Checks to make; give --generate-name", checks)
	}
	own, err := inlineRules(reader, o.ruleFiles, c.namespace)
	if err != nil {
		return err
	}
	spec := o.spec(own)
	if hasTTL {
		seconds := int32(o.ttl / time.Second) //nolint:gosec // validate bounds it
		spec.TTLSecondsAfterFinished = &seconds
	}
	r := &runner{cluster: c, options: o, errOut: errOut}
	if o.remove {
		defer r.removeAll(ctx)
	}
	if err := r.create(ctx, orders, spec); err != nil {
		return err
	}
	report, err := r.await(ctx, orders)
	if err != nil {
		return err
	}
	return writeReport(out, o.output, report, r.checks)
}

// spec is what the Checks have in common.
func (o *runOptions) spec(own []v1alpha1.Rule) v1alpha1.CheckSpec {
	spec := v1alpha1.CheckSpec{Rules: own, FailOn: v1alpha1.Severity(o.failOn)}
	for _, name := range o.ruleSets {
		spec.RuleSets = append(spec.RuleSets, v1alpha1.RuleSetReference{Kind: v1alpha1.KindRuleSet, Name: name})
	}
	for _, name := range o.clusterRuleSets {
		spec.RuleSets = append(spec.RuleSets, v1alpha1.RuleSetReference{Kind: v1alpha1.KindClusterRuleSet, Name: name})
	}
	return spec
}
