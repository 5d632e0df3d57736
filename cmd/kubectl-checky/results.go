package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// maxFollowed is how many Checks results -w knows the last verdict of. Past them the one that changed longest ago is forgotten: its
// next change is printed even if its verdict is the same.
const maxFollowed = 50_000

// resultsOptions are the flags of `kubectl checky results`.
type resultsOptions struct {
	watch, all bool
	selector   string
	phase      string
	since      time.Duration
	rule       string
	output     string
}

var (
	phases = []string{
		string(v1alpha1.PhasePending), string(v1alpha1.PhaseSuccess), string(v1alpha1.PhaseFailure), string(v1alpha1.PhaseError),
	}
	listFormats = []string{"wide", "json", "yaml", "name"}
)

func newResultsCommand(s *session) *cobra.Command {
	o := &resultsOptions{}
	command := &cobra.Command{
		Use:   "results",
		Short: "List verdicts, or follow them as they come",
		Long: `List the Checks of a namespace with their verdicts, or with -w go on with a line for each verdict that comes or changes.

FAILED counts the rules that failed or could not be evaluated among those that apply; WORST is the rule that matters most.`,
		Example: `  kubectl checky results --phase Failure
  kubectl checky results -A -w --rule orders/amount-range`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.results(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := command.Flags()
	flags.BoolVarP(&o.watch, "watch", "w", false, "go on, with a line for each verdict that comes or changes")
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "of all namespaces")
	flags.StringVarP(&o.selector, "selector", "l", "", "of Checks with these labels, as in app=shop,tier!=test")
	flags.StringVar(&o.phase, "phase", "", "of this phase: "+strings.Join(phases, ", "))
	flags.DurationVar(&o.since, "since", 0, "verdicts not older than this, for instance 1h")
	flags.StringVar(&o.rule, "rule", "", "of Checks in which this rule failed, warned or could not be evaluated, as in orders/amount-range")
	flags.StringVarP(&o.output, "output", "o", "", "format: "+strings.Join(listFormats, ", "))
	complete(command, "phase", phases...)
	complete(command, "output", listFormats...)
	return command
}

// listOptions are what the API server selects by.
func (o *resultsOptions) listOptions(namespace string) ([]client.ListOption, error) {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	var options []client.ListOption
	if !o.all {
		options = append(options, client.InNamespace(namespace))
	}
	if o.selector != "" {
		selector, err := labels.Parse(o.selector)
		if err != nil {
			bad("--selector: %w", err)
		} else {
			options = append(options, client.MatchingLabelsSelector{Selector: selector})
		}
	}
	switch {
	case o.phase == "":
	case !slices.Contains(phases, o.phase):
		bad("--phase %q: give %s", o.phase, strings.Join(phases, ", "))
	case !o.watch: // one that is followed has to be seen when it leaves the phase, too
		options = append(options, client.MatchingFields{"status.phase": o.phase})
	}
	if o.output != "" && !slices.Contains(listFormats, o.output) {
		bad("-o %q: give %s", o.output, strings.Join(listFormats, ", "))
	}
	if o.since < 0 {
		bad("--since: give a time above 0, for instance 1h")
	}
	return options, errors.Join(problems...)
}

// wants says whether a Check is one of those that were asked for.
func (o *resultsOptions) wants(k *v1alpha1.Check, now time.Time) bool {
	if o.phase != "" && string(k.Status.Phase) != o.phase {
		return false
	}
	if o.since > 0 {
		at := k.CreationTimestamp.Time
		if k.Status.CompletionTime != nil {
			at = k.Status.CompletionTime.Time
		}
		if now.Sub(at) > o.since {
			return false
		}
	}
	if o.rule == "" {
		return true
	}
	for r := range resultsOf(&k.Status.Verdict) {
		if r.Rule == o.rule && r.Outcome != v1alpha1.OutcomePass && r.Outcome != v1alpha1.OutcomeSkip {
			return true
		}
	}
	return false
}

func (s *session) results(ctx context.Context, o *resultsOptions, out, errOut io.Writer) error {
	c, err := s.open(errOut)
	if err != nil {
		return err
	}
	options, err := o.listOptions(c.namespace)
	if err != nil {
		return err
	}
	p := newListPrinter(out, o.output, o.all, c.now)
	if o.watch {
		return c.followResults(ctx, o, p, options)
	}
	printed := 0
	_, err = c.eachCheck(ctx, func(k *v1alpha1.Check) error {
		if !o.wants(k, c.now()) {
			return nil
		}
		printed++
		return ended(false, p.check(k))
	}, options...)
	var own *ownError
	if errors.As(err, &own) {
		return own.error
	}
	if err != nil {
		return told(err)
	}
	if err := p.end(); err != nil || printed > 0 || !p.tabular() {
		return err
	}
	where := "namespace " + c.namespace
	if o.all {
		where = "the cluster"
	}
	_, err = fmt.Fprintf(errOut, "No such Checks in %s.\n", where)
	return err
}

// followResults prints those that are there, and then each verdict that comes or changes, until Ctrl-C.
func (c *cluster) followResults(ctx context.Context, o *resultsOptions, p *listPrinter, options []client.ListOption) error {
	known, err := lru.New[types.UID, string](maxFollowed)
	if err != nil {
		return err
	}
	p.stream = true
	f := &follower{
		cluster: c, options: options,
		changed: func(k *v1alpha1.Check) (bool, error) {
			facts := factsOf(k)
			if last, ok := known.Get(k.UID); ok && last == facts {
				return false, nil
			}
			known.Add(k.UID, facts)
			if !o.wants(k, c.now()) {
				return false, nil
			}
			return false, cmp.Or(p.check(k), p.flush())
		},
		deleted: func(k *v1alpha1.Check) (bool, error) {
			known.Remove(k.UID)
			return false, nil
		},
		listed: func() (bool, error) { return false, p.flush() },
	}
	err = f.follow(ctx, "")
	var own *ownError
	switch {
	case ctx.Err() != nil:
		return p.end()
	case errors.As(err, &own):
		return own.error
	}
	return told(err)
}

// factsOf are what one verdict differs from another by: a verdict reached anew that says the same is none.
func factsOf(k *v1alpha1.Check) string {
	if !finished(k) {
		return "Pending"
	}
	key := ""
	if k.Status.Alert != nil {
		key = k.Status.Alert.Key
	}
	return strings.Join([]string{string(k.Status.Phase), key, k.Status.InputDigest, k.Status.RulesDigest}, " ")
}
