package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// maxSilence is the longest --for: what is silent for longer wants another rule, or an AlertPolicy.
	maxSilence = 365 * 24 * time.Hour
	// maxSilenced is the most Checks that a Silence names, as its schema has it.
	maxSilenced = 100
)

// silenceOptions are the flags of `kubectl checky silence`.
type silenceOptions struct {
	selector, rule string
	severities     []string
	everything     bool
	period         time.Duration
	comment, by    string
	dryRun         string
	output         string

	list, allNamespaces bool
	end                 string
}

func newSilenceCommand(s *session) *cobra.Command {
	o := &silenceOptions{}
	command := &cobra.Command{
		Use:   "silence (CHECK... | -l SELECTOR | --rule RULE | --all) --for DURATION",
		Short: "Keep failing Checks from being announced for a time",
		Long: `Make a Silence, which keeps failing Checks of its namespace from being announced until it ends: those named, those with
certain labels, those that fail by a rule now (a Silence names Checks, so what fails by it later is announced), or all.

--list shows the Silences that are there, and --end ends one before its time.`,
		Example: `  kubectl checky silence order-1 order-2 --for 2h --comment "the importer is being mended"
  kubectl checky silence -l app=shop --severity info,warning --for 30m
  kubectl checky silence --list
  kubectl checky silence --end silence-x7k2p`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.silence(cmd.Context(), o, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: s.completeChecks(maxSilenced),
	}
	flags := command.Flags()
	flags.StringVarP(&o.selector, "selector", "l", "", "Checks with these labels, as in app=shop,tier!=test")
	flags.StringVar(&o.rule, "rule", "", "Checks that fail by this rule now, as in orders/amount-range")
	flags.BoolVar(&o.everything, "all", false, "all Checks of the namespace")
	flags.StringSliceVar(&o.severities, "severity", nil, "failures of these severities alone: "+strings.Join(severities, ", "))
	flags.DurationVar(&o.period, "for", 0, "how long, for instance 2h")
	flags.StringVar(&o.comment, "comment", "", "why")
	flags.StringVar(&o.by, "by", "", "who asks for it (default: the user that the cluster knows)")
	flags.StringVar(&o.dryRun, "dry-run", "none", "none, client (it only reads, and makes nothing) or server (the API server judges it, and does not keep it)")
	flags.StringVarP(&o.output, "output", "o", "", "format of the Silence: name, json, yaml")
	flags.BoolVar(&o.list, "list", false, "show the Silences that are there")
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "with --list: of all namespaces")
	flags.StringVar(&o.end, "end", "", "end the Silence of this name")
	flags.Lookup("dry-run").NoOptDefVal = "client"
	command.MarkFlagsMutuallyExclusive("list", "end", "for")
	command.MarkFlagsMutuallyExclusive("selector", "rule", "all", "list", "end")
	complete(command, "dry-run", "none", "client", "server")
	complete(command, "severity", severities...)
	complete(command, "output", "name", "json", "yaml")
	must(command.RegisterFlagCompletionFunc("end", s.completeObjects("Silence")))
	return command
}

func (o *silenceOptions) validate(args []string) error {
	var problems []error
	bad := func(format string, a ...any) { problems = append(problems, fmt.Errorf(format, a...)) }
	if !slices.Contains([]string{"", "name", "json", "yaml"}, o.output) {
		bad("-o %q: give name, json or yaml", o.output)
	}
	if !slices.Contains([]string{"none", "client", "server"}, o.dryRun) {
		bad("--dry-run %q: give none, client or server", o.dryRun)
	}
	making := !o.list && o.end == ""
	switch {
	case !making && len(args) > 0:
		bad("%q: --list and --end take no Checks", args[0])
	case making && o.selector == "" && o.rule == "" && !o.everything && len(args) == 0:
		bad("what is to be silent is missing: name Checks, or give -l, --rule or --all")
	case making && len(args) > 0 && (o.selector != "" || o.rule != "" || o.everything):
		bad("give either names of Checks, or one of -l, --rule and --all")
	}
	if making && (o.period < time.Second || o.period > maxSilence) {
		bad("--for: give a time from 1s to %s, for instance 2h", maxSilence)
	}
	if o.allNamespaces && !o.list {
		bad("-A: it goes with --list; a Silence is of one namespace")
	}
	return errors.Join(problems...)
}

func (s *session) silence(ctx context.Context, o *silenceOptions, args []string, out, errOut io.Writer) error {
	if err := o.validate(args); err != nil {
		return err
	}
	c, err := s.open(errOut)
	if err != nil {
		return err
	}
	switch {
	case o.list:
		return c.listSilences(ctx, o.allNamespaces, out, errOut)
	case o.end != "":
		return c.endSilence(ctx, o, out)
	}
	silence, err := c.newSilence(ctx, o, args)
	if err != nil {
		return err
	}
	if _, problems := alerts.CompileSilence(silence); len(problems) > 0 {
		return problems.ToAggregate()
	}
	if o.dryRun != "client" {
		var options []client.CreateOption
		if o.dryRun == "server" {
			options = append(options, client.DryRunAll)
		}
		if err := c.Create(ctx, silence, options...); err != nil {
			return told(err)
		}
	}
	return writeSilence(out, o, silence, c.now())
}

// newSilence makes the object that was asked for.
func (c *cluster) newSilence(ctx context.Context, o *silenceOptions, args []string) (*v1alpha1.Silence, error) {
	silence := &v1alpha1.Silence{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.namespace, GenerateName: "silence-", Labels: map[string]string{managedByLabel: pluginName},
		},
		Spec: v1alpha1.SilenceSpec{EndsAt: metav1.NewTime(c.now().Add(o.period).Truncate(time.Second)), Comment: o.comment},
	}
	silence.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Silence"))
	for _, severity := range o.severities {
		silence.Spec.Severities = append(silence.Spec.Severities, v1alpha1.Severity(severity))
	}
	var err error
	switch {
	case o.selector != "":
		if silence.Spec.Selector, err = metav1.ParseToLabelSelector(o.selector); err != nil {
			return nil, fmt.Errorf("--selector: %w", err)
		}
	case o.rule != "":
		if silence.Spec.Checks, err = c.failingBy(ctx, o.rule); err != nil {
			return nil, err
		}
	case !o.everything:
		if silence.Spec.Checks, err = c.named(ctx, args); err != nil {
			return nil, err
		}
	}
	silence.Spec.CreatedBy, err = c.who(ctx, o.by)
	return silence, err
}

// named are Checks that are there: a name that is none would be silent for nobody.
func (c *cluster) named(ctx context.Context, args []string) ([]string, error) {
	if len(args) > maxSilenced {
		return nil, fmt.Errorf("there are %d Checks, and a Silence names at most %d; give -l", len(args), maxSilenced)
	}
	var names []string
	for _, arg := range args {
		check, err := c.check(ctx, arg)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, check.Name) {
			names = append(names, check.Name)
		}
	}
	return names, nil
}

// failingBy are the names of the Checks that a rule fails, or that it could not be evaluated for.
func (c *cluster) failingBy(ctx context.Context, rule string) ([]string, error) {
	var names []string
	_, err := c.eachCheck(ctx, func(k *v1alpha1.Check) error {
		fails := slices.ContainsFunc(k.Status.Results, func(r v1alpha1.Result) bool {
			return r.Rule == rule && (r.Outcome == v1alpha1.OutcomeFail || r.Outcome == v1alpha1.OutcomeError)
		})
		if fails && k.Status.Alert != nil {
			names = append(names, k.Name)
		}
		if len(names) > maxSilenced {
			return &ownError{fmt.Errorf("--rule: more than %d Checks fail by it, and a Silence names no more; give -l or --all", maxSilenced)}
		}
		return nil
	}, client.InNamespace(c.namespace))
	var own *ownError
	switch {
	case errors.As(err, &own):
		return nil, own.error
	case err != nil:
		return nil, told(err)
	case len(names) == 0:
		return nil, fmt.Errorf("--rule: no Check of namespace %s fails by it now; name the rule as in orders/amount-range", c.namespace)
	}
	return names, nil
}

// writeSilence says what is silent, and until when.
func writeSilence(out io.Writer, o *silenceOptions, silence *v1alpha1.Silence, now time.Time) error {
	dry := ""
	if o.dryRun != "none" {
		dry = " (dry run)"
	}
	name := silence.Name
	if name == "" {
		name = silence.GenerateName
	}
	var err error
	switch o.output {
	case "name":
		_, err = fmt.Fprintf(out, "silence.checky.dev/%s\n", name)
	case "json", "yaml":
		silence.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Silence"))
		silence.ManagedFields = nil
		err = writeObject(out, o.output, silence)
	default:
		_, err = fmt.Fprintf(out, "silence.checky.dev/%s created%s: %s of namespace %s silent until %s (%s)\n", name, dry,
			oneLine(silenced(&silence.Spec)), silence.Namespace, silence.Spec.EndsAt.UTC().Format(time.RFC3339),
			duration.HumanDuration(silence.Spec.EndsAt.Sub(now)+time.Second))
	}
	return err
}

func writeObject(out io.Writer, format string, object any) error {
	text, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return err
	}
	if format == "json" {
		_, err = reporting.JSONWriter(out).Write(append(text, '\n'))
		return err
	}
	if text, err = toYAML(text); err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// silenced says in words which Checks a Silence is about.
func silenced(spec *v1alpha1.SilenceSpec) string {
	what := "all Checks"
	switch {
	case len(spec.Checks) == 1:
		what = "Check " + spec.Checks[0]
	case len(spec.Checks) > 1:
		what = fmt.Sprintf("%d Checks", len(spec.Checks))
	case spec.Selector != nil:
		what = "Checks with " + metav1.FormatLabelSelector(spec.Selector)
	}
	if len(spec.Severities) > 0 {
		words := make([]string, len(spec.Severities))
		for i, severity := range spec.Severities {
			words[i] = string(severity)
		}
		what += " (" + strings.Join(words, ", ") + ")"
	}
	return what
}

func (c *cluster) listSilences(ctx context.Context, all bool, out, errOut io.Writer) error {
	header := []string{"NAME", "STATE", "ENDS IN", "BY", "SILENT", "COMMENT"}
	var options []client.ListOption
	if all {
		header = append([]string{"NAMESPACE"}, header...)
	} else {
		options = append(options, client.InNamespace(c.namespace))
	}
	buffered := bufio.NewWriter(out)
	table, found := newColumns(buffered, header...), false
	_, err := each(ctx, c, func() *v1alpha1.SilenceList { return &v1alpha1.SilenceList{} },
		func(l *v1alpha1.SilenceList) []v1alpha1.Silence { return l.Items },
		func(s *v1alpha1.Silence) error {
			found = true
			ends := "-"
			if left := s.Spec.EndsAt.Sub(c.now()); left > 0 {
				ends = duration.HumanDuration(left)
			}
			row := []string{s.Name, string(s.Status.State), ends, s.Spec.CreatedBy, silenced(&s.Spec), s.Spec.Comment}
			if all {
				row = append([]string{s.Namespace}, row...)
			}
			return ended(false, table.add(row...))
		}, options...)
	if err != nil {
		return told(err)
	}
	if err := table.flush(); err != nil {
		return err
	}
	if !found {
		_, _ = fmt.Fprintln(errOut, "There are no Silences.")
	}
	return buffered.Flush()
}

// endSilence deletes a Silence: what still fails and was not announced before is announced then.
func (c *cluster) endSilence(ctx context.Context, o *silenceOptions, out io.Writer) error {
	name := strings.TrimPrefix(strings.TrimPrefix(o.end, "silence/"), "silence.checky.dev/")
	if err := validName(name); err != nil {
		return fmt.Errorf("--end: %w", err)
	}
	silence := &v1alpha1.Silence{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
	if err := c.Get(ctx, client.ObjectKeyFromObject(silence), silence); err != nil {
		return told(err)
	}
	dry := ""
	if o.dryRun != "none" {
		dry = " (dry run)"
	}
	if o.dryRun != "client" {
		options := []client.DeleteOption{client.Preconditions{UID: &silence.UID}}
		if o.dryRun == "server" {
			options = append(options, client.DryRunAll)
		}
		if err := c.Delete(ctx, silence, options...); err != nil {
			return told(err)
		}
	}
	_, err := fmt.Fprintf(out, "silence.checky.dev/%s ended%s: it kept %s silent\n", program.Printable(silence.Name), dry, oneLine(silenced(&silence.Spec)))
	return err
}
