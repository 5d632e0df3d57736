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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// managedByLabel on a Check says that the plugin made it.
	managedByLabel = "app.kubernetes.io/managed-by"
	pluginName     = "kubectl-checky"
	// removal is how long the deletion of --rm may take, also after Ctrl-C.
	removal = 10 * time.Second
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

The Checks stay, until --ttl or the operator's own time to live is over; --rm deletes them once their verdicts are printed.

Exit code 0: all verdicts are Success. 1: at least one is Failure. 2, which goes before 1: one is Error, there was none
within --timeout, or something was refused.`,
		Example: `  kubectl checky run -f order.json --rule-set orders
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
	list, err := payloads(reader, o.files)
	if err != nil {
		return err
	}
	if o.name != "" && len(list) > 1 {
		return fmt.Errorf("--name: there are %d payloads; give --generate-name", len(list))
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
	if err := r.create(ctx, list, spec); err != nil {
		return err
	}
	report, err := r.await(ctx, list)
	if err != nil {
		return err
	}
	return writeReport(out, o.output, report)
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

// runner has a run's Checks.
type runner struct {
	cluster *cluster
	options *runOptions
	errOut  io.Writer
	checks  []*v1alpha1.Check // in the order of the payloads
}

func (r *runner) create(ctx context.Context, list []payload, spec v1alpha1.CheckSpec) error {
	for i := range list {
		check := &v1alpha1.Check{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: r.cluster.namespace, Name: r.options.name, GenerateName: r.options.generateName,
				Labels: map[string]string{managedByLabel: pluginName},
			},
			Spec: *spec.DeepCopy(),
		}
		if check.Name == "" && check.GenerateName == "" {
			check.GenerateName = prefixOf(list[i].name)
		}
		check.Spec.InputJSON = string(list[i].text)
		if err := r.cluster.Create(ctx, check); err != nil {
			switch {
			case ctx.Err() != nil:
				return fmt.Errorf("interrupted while the Check of %s was created: look for it by `kubectl get checks%s -l %s=%s`%s",
					list[i].name, r.cluster.flags, managedByLabel, pluginName, r.left())
			case apierrors.IsAlreadyExists(err):
				return fmt.Errorf("--name: there is a Check %s already; give another, or --generate-name", check.Name)
			}
			return fmt.Errorf("%s: the Check was not created: %w%s", list[i].name, told(err), r.left())
		}
		r.checks = append(r.checks, check)
		if program.Terminal(r.errOut) {
			_, _ = fmt.Fprintf(r.errOut, "check.checky.dev/%s created\n", check.Name)
		}
	}
	return nil
}

// left names the Checks that stay behind where not all was done.
func (r *runner) left() string {
	if r.options.remove || len(r.checks) == 0 {
		return ""
	}
	names := make([]string, len(r.checks))
	for i, check := range r.checks {
		names[i] = "check/" + check.Name
	}
	return fmt.Sprintf("; there stay in namespace %s: %s", r.cluster.namespace, strings.Join(names, " "))
}

// await waits for every verdict, one Check after the other: the rest goes on meanwhile.
func (r *runner) await(ctx context.Context, list []payload) (*reporting.Report, error) {
	waiting, cancel := context.WithTimeout(ctx, r.options.timeout)
	defer cancel()
	report := &reporting.Report{List: len(r.options.files) > 1, Version: program.Version()}
	for i, check := range r.checks {
		final, err := r.cluster.verdict(waiting, check)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, fmt.Errorf("interrupted: Check %s/%s has no verdict yet%s", check.Namespace, check.Name, r.next(check))
		case waiting.Err() != nil:
			return nil, fmt.Errorf("no verdict within %s: Check %s/%s is Pending: %s%s",
				r.options.timeout, check.Namespace, check.Name, waitsFor(final), r.next(check))
		default:
			return nil, fmt.Errorf("check.checky.dev/%s: %w%s", check.Name, told(err), r.left())
		}
		input := inputOf(final)
		input.Locate = list[i].locate
		report.Inputs = append(report.Inputs, input)
	}
	return report, nil
}

// next says how to go on with a Check that stays.
func (r *runner) next(check *v1alpha1.Check) string {
	if r.options.remove {
		return ""
	}
	text := fmt.Sprintf("; it stays, and `kubectl checky explain %s%s` tells how it stands", check.Name, r.cluster.flags)
	if len(r.checks) > 1 {
		text += r.left()
	}
	return text
}

// verdict waits for a Check's. With an error it gives the Check as it was seen last.
func (c *cluster) verdict(ctx context.Context, check *v1alpha1.Check) (*v1alpha1.Check, error) {
	last, seen := check, false
	f := &follower{
		cluster: c,
		options: []client.ListOption{client.InNamespace(check.Namespace), client.MatchingFields{"metadata.name": check.Name}},
		changed: func(k *v1alpha1.Check) (bool, error) {
			if k.UID != check.UID {
				return false, errReplaced
			}
			last, seen = k, true
			return finished(k), nil
		},
		deleted: func(k *v1alpha1.Check) (bool, error) {
			last = k
			if finished(k) { // kept for no time
				return true, nil
			}
			return false, errDeleted
		},
		reached: true,
	}
	f.listed = func() (bool, error) {
		if !seen {
			return false, errDeleted
		}
		seen = false
		return false, nil
	}
	if finished(check) {
		return check, nil
	}
	return last, f.follow(ctx, check.ResourceVersion)
}

var (
	errDeleted  = errors.New("it was deleted before it had a verdict")
	errReplaced = errors.New("it was deleted before it had a verdict, and another took its name")
)

// finished tells whether a verdict is there, and of the spec as it is.
func finished(k *v1alpha1.Check) bool {
	return k.Status.Phase.Finished() && k.Status.ObservedGeneration >= k.Generation
}

// removeAll deletes the Checks, whatever became of the rest.
func (r *runner) removeAll(ctx context.Context) {
	ctx, cancel := detached(ctx, removal)
	defer cancel()
	for _, check := range r.checks {
		uid := check.UID
		err := r.cluster.Delete(ctx, check, client.Preconditions{UID: &uid})
		if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			_, _ = fmt.Fprintf(r.errOut, "kubectl-checky: Check %s/%s was not deleted: %s\n", check.Namespace, check.Name, program.Printable(told(err).Error()))
		}
	}
}
