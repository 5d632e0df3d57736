package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// runner has a run's Checks.
type runner struct {
	cluster *cluster
	options *runOptions
	errOut  io.Writer
	checks  []*v1alpha1.Check // in the order of the payloads
}

func (r *runner) create(ctx context.Context, orders []order, spec v1alpha1.CheckSpec) error {
	for i := range orders {
		for j := range orders[i].inputs {
			if err := r.createOne(ctx, &orders[i].inputs[j], spec); err != nil {
				return err
			}
			orders[i].inputs[j].many = nil // the API server has them
		}
	}
	return nil
}

func (r *runner) createOne(ctx context.Context, in *input, spec v1alpha1.CheckSpec) error {
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.cluster.namespace, Name: r.options.name, GenerateName: r.options.generateName,
			Labels: map[string]string{managedByLabel: pluginName},
		},
		Spec: *spec.DeepCopy(),
	}
	if check.Name == "" && check.GenerateName == "" {
		check.GenerateName = prefixOf(in.name)
	}
	check.Spec.InputJSON, check.Spec.Inputs = in.text, in.many
	if err := r.cluster.Create(ctx, check); err != nil {
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted while the Check of %s was created: look for it by `kubectl get checks%s -l %s=%s`%s",
				in.name, r.cluster.flags, managedByLabel, pluginName, r.left())
		case apierrors.IsAlreadyExists(err):
			return fmt.Errorf("--name: there is a Check %s already; give another, or --generate-name", check.Name)
		}
		return fmt.Errorf("%s: the Check was not created: %w%s", in.name, told(err), r.left())
	}
	r.checks = append(r.checks, check)
	if program.Terminal(r.errOut) {
		_, _ = fmt.Fprintf(r.errOut, "check.checky.dev/%s created\n", check.Name)
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
func (r *runner) await(ctx context.Context, orders []order) (*reporting.Report, error) {
	waiting, cancel := context.WithTimeout(ctx, r.options.timeout)
	defer cancel()
	report := &reporting.Report{List: len(r.options.files) > 1, Version: program.Version()}
	next := 0
	for i := range orders {
		finals := make([]*v1alpha1.Check, len(orders[i].inputs))
		for j := range finals {
			var err error
			if finals[j], err = r.awaitOne(ctx, waiting, r.checks[next]); err != nil {
				return nil, err
			}
			next++
		}
		report.Inputs = append(report.Inputs, orders[i].verdict(finals))
	}
	return report, nil
}

// awaitOne waits for one verdict, while waiting lasts.
func (r *runner) awaitOne(ctx, waiting context.Context, check *v1alpha1.Check) (*v1alpha1.Check, error) {
	final, err := r.cluster.verdict(waiting, check)
	switch {
	case err == nil:
		return final, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted: Check %s/%s has no verdict yet%s", check.Namespace, check.Name, r.next(check))
	case waiting.Err() != nil:
		return nil, fmt.Errorf("no verdict within %s: Check %s/%s is Pending: %s%s",
			r.options.timeout, check.Namespace, check.Name, waitsFor(final), r.next(check))
	}
	return nil, fmt.Errorf("check.checky.dev/%s: %w%s", check.Name, told(err), r.left())
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
