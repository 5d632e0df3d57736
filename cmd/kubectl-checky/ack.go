package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

// ackAttempts is how often an acknowledgement is tried where others change the Check meanwhile.
const ackAttempts = 5

func newAckCommand(s *session) *cobra.Command {
	var (
		by   string
		undo bool
	)
	command := &cobra.Command{
		Use:   "ack NAME",
		Short: "Acknowledge a failing Check, so that its alert is not repeated",
		Long: `Acknowledge a failing Check: write into its annotation ` + v1alpha1.AcknowledgedByAnnotation + ` who has taken it on, and the beginning
of its alert's key. Alert daemons do not announce that failure again; another failure is announced once. --undo takes the
annotation away.

A Check that does not fail is refused: exit code 2.`,
		Example: `  kubectl checky ack order-1
  kubectl checky ack order-1 --undo`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.ack(cmd.Context(), args[0], by, undo, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: s.completeChecks(1),
	}
	command.Flags().StringVar(&by, "by", "", "who takes it on (default: the user that the cluster knows)")
	command.Flags().BoolVar(&undo, "undo", false, "take the acknowledgement away")
	command.MarkFlagsMutuallyExclusive("by", "undo")
	return command
}

func (s *session) ack(ctx context.Context, name, by string, undo bool, out, errOut io.Writer) error {
	c, err := s.open(errOut)
	if err != nil {
		return err
	}
	if !undo {
		if by, err = c.who(ctx, by); err != nil {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		check, err := c.check(ctx, name)
		if err != nil {
			return err
		}
		value, said, err := acknowledgement(check, by, undo)
		if err != nil {
			return err
		}
		err = c.annotate(ctx, check, value)
		switch {
		case apierrors.IsConflict(err) && attempt < ackAttempts: // it may be another failure now: look again
			continue
		case err != nil:
			return told(err)
		}
		_, err = fmt.Fprintln(out, program.Printable(said))
		return err
	}
}

// alertMark begins what an acknowledgement says of the failure. The value then differs from failure to failure, which the daemons
// go by.
const alertMark = " (alert "

// markedDigits are how many hexadecimal digits of an alert's key an acknowledgement holds.
const markedDigits = 12

func markOf(alert *v1alpha1.Alert) string {
	if alert == nil {
		return ""
	}
	digits := strings.TrimPrefix(alert.Key, "sha256:")
	return alertMark + digits[:min(len(digits), markedDigits)] + ")"
}

// acknowledgement is the annotation's value, none to take it away, and what to tell the user.
func acknowledgement(k *v1alpha1.Check, by string, undo bool) (value *string, said string, err error) {
	present, there := k.Annotations[v1alpha1.AcknowledgedByAnnotation]
	name := "check.checky.dev/" + k.Name
	switch {
	case undo && !there:
		return nil, name + " is not acknowledged", nil
	case undo:
		return nil, fmt.Sprintf("%s is no longer acknowledged by %s: its alert is repeated while it fails", name, oneLine(clip(present, 2*maxBy))), nil
	case !finished(k):
		return nil, "", fmt.Errorf("%s is Pending, and there is nothing to acknowledge before its verdict: %s", name, waitsFor(k))
	case k.Status.Alert == nil:
		return nil, "", fmt.Errorf("%s does not fail (%s), so there is nothing to acknowledge", name, k.Status.Phase)
	}
	text := by + markOf(k.Status.Alert)
	if there && present == text {
		return &text, fmt.Sprintf("%s is acknowledged already by %s", name, text), nil
	}
	return &text, fmt.Sprintf("%s acknowledged by %s: %s is not announced again", name, text, oneLine(worstOr(k))), nil
}

func worstOr(k *v1alpha1.Check) string {
	if rule := worst(&k.Status.Verdict); rule != "" {
		return rule
	}
	return "phase " + string(k.Status.Phase)
}

// annotate sets or takes away the acknowledgement of the Check as it was read: of a later state it is a conflict.
func (c *cluster) annotate(ctx context.Context, k *v1alpha1.Check, value *string) error {
	present, there := k.Annotations[v1alpha1.AcknowledgedByAnnotation]
	if value == nil && !there || value != nil && there && present == *value {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": k.ResourceVersion,
		"annotations":     map[string]*string{v1alpha1.AcknowledgedByAnnotation: value},
	}})
	if err != nil {
		return err
	}
	return c.Patch(ctx, k, client.RawPatch(types.MergePatchType, patch))
}
