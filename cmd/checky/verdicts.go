package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

// Explanations are wrapped to the terminal's width within these bounds, or to defaultColumns where there is no terminal.
const (
	minColumns     = 60
	defaultColumns = 100
	maxColumns     = 140
)

// awaitVerdicts watches the Checks until each has come to its expected phase, or the context's deadline passes, and returns
// them as they are then. A phase that is not the expected one is waited out: the objects that a Check needs
// arrive in any order.
func awaitVerdicts(ctx context.Context, cfg *rest.Config, wanted []sample) (map[client.ObjectKey]*v1alpha1.Check, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	var checks map[client.ObjectKey]*v1alpha1.Check
	for {
		// A watch may end at any time; what it missed is listed.
		var list v1alpha1.CheckList
		if err := c.List(ctx, &list); err != nil {
			return outOfTime(ctx, checks, err)
		}
		checks = make(map[client.ObjectKey]*v1alpha1.Check, len(list.Items))
		for i := range list.Items {
			checks[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
		}
		events, err := c.Watch(ctx, &list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
		if err != nil {
			return outOfTime(ctx, checks, err)
		}
		done := follow(ctx, events, checks, wanted)
		events.Stop()
		if done || ctx.Err() != nil {
			return outOfTime(ctx, checks, nil)
		}
	}
}

// outOfTime returns the Checks where only the deadline ended the waiting, as it is the report that then tells what is amiss.
func outOfTime(ctx context.Context, checks map[client.ObjectKey]*v1alpha1.Check, err error) (map[client.ObjectKey]*v1alpha1.Check, error) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && checks != nil {
		return checks, nil
	}
	return checks, cmp.Or(ctx.Err(), err)
}

// follow keeps checks up to date from a watch until all are as wanted (true), or the watch ends or fails.
func follow(ctx context.Context, events watch.Interface, checks map[client.ObjectKey]*v1alpha1.Check, wanted []sample) bool {
	for {
		if !slices.ContainsFunc(wanted, func(s sample) bool { return !s.reached(checks[s.key()]) }) {
			return true
		}
		select {
		case event, ok := <-events.ResultChan():
			check, isCheck := event.Object.(*v1alpha1.Check)
			switch {
			case !ok || !isCheck:
				return false
			case event.Type == watch.Deleted:
				delete(checks, client.ObjectKeyFromObject(check))
			default:
				checks[client.ObjectKeyFromObject(check)] = check
			}
		case <-ctx.Done():
			return false
		}
	}
}

func (s sample) key() client.ObjectKey { return client.ObjectKey{Namespace: s.namespace, Name: s.name} }

// reached says whether a Check, nil if there is none, came to the sample's phase by a look at its present spec. It takes
// Pending only from a controller that said what it waits for.
func (s sample) reached(check *v1alpha1.Check) bool {
	if check == nil || check.Status.Phase != s.phase || check.Status.ObservedGeneration != check.Generation {
		return false
	}
	if s.phase.Finished() {
		return true
	}
	complete := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionComplete)
	return complete != nil && complete.Reason != v1alpha1.ReasonPending
}

// printVerdicts prints the verdicts in the order of the samples, and returns an error if one is not as expected.
func printVerdicts(out io.Writer, wanted []sample, checks map[client.ObjectKey]*v1alpha1.Check, width int) error {
	const indent = "    "
	rows := &strings.Builder{}
	table := tabwriter.NewWriter(rows, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "CHECK\tPHASE\tFAILED RULES\n")
	var wrong []string
	for _, s := range wanted {
		check := checks[s.key()]
		phase, failed := "(gone)", "-"
		if check != nil {
			phase = string(check.Status.Phase)
			failed = cmp.Or(strings.Join(check.Status.FailedRules(), ", "), "-")
		}
		if !s.reached(check) {
			wrong = append(wrong, s.name)
			phase += " (expected " + string(s.phase) + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.name, phase, failed)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text := &strings.Builder{}
	for i, row := range strings.Split(strings.TrimRight(rows.String(), "\n"), "\n") {
		fmt.Fprintln(text, strings.TrimRight(row, " "))
		if i == 0 {
			continue
		}
		for _, line := range wrap(explanation(checks[wanted[i-1].key()]), width-len(indent)) {
			fmt.Fprintln(text, strings.TrimRight(indent+line, " "))
		}
		fmt.Fprintln(text)
	}
	fmt.Fprintf(text, "%d of %d as expected\n", len(wanted)-len(wrong), len(wanted))
	if _, err := io.WriteString(out, text.String()); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return &program.ExitError{Code: program.ExitFailure, Err: fmt.Errorf("not as expected: %s", strings.Join(wrong, ", "))}
	}
	return nil
}

// explanation is the verdict's, or what the Check waits for.
func explanation(check *v1alpha1.Check) string {
	if check == nil {
		return "It is not there."
	}
	if check.Status.Explanation != "" {
		return check.Status.Explanation
	}
	complete := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionComplete)
	if complete == nil {
		return "The controller has not looked at it."
	}
	return complete.Message
}

// columns is how wide text may be on a writer.
func columns(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return defaultColumns
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return defaultColumns
	}
	return min(max(width, minColumns), maxColumns)
}

// wrap breaks text into lines of at most width characters, between words; a longer word stands alone. A continued line
// keeps the indentation, and that of a list item stands below the item's text.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		indent := paragraph[:len(paragraph)-len(strings.TrimLeft(paragraph, " "))]
		line := indent
		if strings.HasPrefix(paragraph[len(indent):], "- ") {
			indent += "  "
		}
		for i, word := range strings.Fields(paragraph) {
			switch {
			case i == 0:
				line += word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
				lines = append(lines, line)
				line = indent + word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}
