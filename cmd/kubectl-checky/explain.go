package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
)

func newExplainCommand(s *session) *cobra.Command {
	output := "text"
	command := &cobra.Command{
		Use:   "explain NAME",
		Short: "Tell a Check's verdict in full, or what it waits for",
		Long: `Tell a Check's verdict in full: what failed and where, the lines of the knowledge file that help, when it was checked, its
conditions, and the key of its alert. Of a Check without a verdict, tell what it waits for and what to do.

The exit code is 0 whatever the verdict: -o json prints it as the Check's status has it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.explain(cmd.Context(), args[0], output, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: s.completeChecks(1),
	}
	command.Flags().StringVarP(&output, "output", "o", output, "format: "+strings.Join(reportFormats(), ", "))
	complete(command, "output", reportFormats()...)
	return command
}

func (s *session) explain(ctx context.Context, name, output string, out, errOut io.Writer) error {
	if !slices.Contains(reportFormats(), output) {
		return fmt.Errorf("-o %q: give %s", output, strings.Join(reportFormats(), ", "))
	}
	c, err := s.open(errOut)
	if err != nil {
		return err
	}
	check, err := c.check(ctx, name)
	if err != nil {
		return err
	}
	report := &reporting.Report{Inputs: []reporting.Input{inputOf(check)}, Version: program.Version()}
	if output == "text" {
		return writeExplanation(out, check, report, c.now())
	}
	if output == "name" {
		return writeNames(out, []*v1alpha1.Check{check})
	}
	return writeAs(out, output, report)
}

// check reads a Check by its name, which may have the kind before it as kubectl's have.
func (c *cluster) check(ctx context.Context, name string) (*v1alpha1.Check, error) {
	name, err := checkName(name)
	if err != nil {
		return nil, err
	}
	check := &v1alpha1.Check{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, check); err != nil {
		return nil, told(err)
	}
	return check, nil
}

// checkName takes NAME, check/NAME, chk/NAME and the like.
func checkName(given string) (string, error) {
	kind, name, ok := strings.Cut(given, "/")
	if !ok {
		kind, name = "check", given
	}
	if kinds := []string{"check", "checks", "chk", "check.checky.dev", "checks.checky.dev"}; !slices.Contains(kinds, strings.ToLower(kind)) {
		return "", fmt.Errorf("%q: name a Check, as in order-1 or check/order-1", given)
	}
	return name, validName(name)
}

// writeExplanation writes the report's block, and below it what a report of many leaves out.
func writeExplanation(out io.Writer, k *v1alpha1.Check, r *reporting.Report, now time.Time) error {
	var b strings.Builder
	if k.Status.Phase.Finished() {
		if err := reporting.Write(&b, "text", r, reporting.Options{Color: program.Colored(out)}); err != nil {
			return err
		}
		if !finished(k) {
			b.WriteString("\nIts spec has changed since: " + waitsFor(k) + "\n")
		}
	} else {
		fmt.Fprintf(&b, "Pending  %s/%s: %s\n", k.Namespace, k.Name, waitsFor(k))
	}
	if err := writeFacts(&b, k, now); err != nil {
		return err
	}
	writePassages(&b, k.Status.Passages)
	if err := writeConditions(&b, k.Status.Conditions); err != nil {
		return err
	}
	_, err := io.WriteString(out, trimLines(b.String()))
	return err
}

// writeFacts writes when it was checked, and the keys that it goes by.
func writeFacts(b *strings.Builder, k *v1alpha1.Check, now time.Time) error {
	if !k.Status.Phase.Finished() {
		return nil
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, oneLine(fmt.Sprintf(format, args...)))
	}
	if completed := k.Status.CompletionTime; completed != nil {
		row("Checked", "%s (%s ago)", completed.UTC().Format(time.RFC3339), duration.HumanDuration(now.Sub(completed.Time)))
	}
	if alert := k.Status.Alert; alert != nil {
		row("Alert", "%s, %s", alert.Severity, alert.Key)
		row("Acknowledged", "%s", acknowledgedBy(k))
	}
	if k.Status.InputDigest != "" {
		row("Payload", "%s", k.Status.InputDigest)
	}
	if k.Status.RulesDigest != "" {
		row("Rules", "%s", k.Status.RulesDigest)
	}
	return table.Flush()
}

func writePassages(b *strings.Builder, passages []v1alpha1.Passage) {
	if len(passages) == 0 {
		return
	}
	b.WriteString("\nPassages\n")
	for i := range passages {
		p := &passages[i]
		title := ""
		if p.Title != "" {
			title = p.Title + ": "
		}
		fmt.Fprintf(b, "  [%s] %s\n", oneLine(p.ID), oneLine(title+p.Text))
	}
}

func writeConditions(b *strings.Builder, conditions []metav1.Condition) error {
	if len(conditions) == 0 {
		return nil
	}
	b.WriteString("\nConditions\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i := range conditions {
		c := &conditions[i]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Type, c.Status, c.Reason, oneLine(c.Message))
	}
	return table.Flush()
}

// acknowledgedBy is what the annotation says, and whether it was said of this failure.
func acknowledgedBy(k *v1alpha1.Check) string {
	by := k.Annotations[v1alpha1.AcknowledgedByAnnotation]
	switch {
	case by == "":
		return "no"
	case strings.Contains(by, alertMark) && !strings.HasSuffix(by, markOf(k.Status.Alert)):
		return clip(by, maxBy) + ": an earlier failure"
	}
	return clip(by, 2*maxBy)
}

// oneLine makes a text fit into a line of a terminal.
func oneLine(s string) string { return strings.Join(strings.Fields(program.Printable(s)), " ") }

// clip cuts a text for people at so many characters.
func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

// trimLines takes the spaces away that tables leave behind their last columns.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
