package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/config"
)

// expectedPhaseAnnotation of a sample Check is the phase that it should come to: Success, Failure or Error, or Pending for one
// that waits for something which the samples leave out.
const expectedPhaseAnnotation = "checky.dev/expected-phase"

// demoOptions are the flags of `checky demo`, and what it runs.
type demoOptions struct {
	samples    string // folder of manifests; empty: those in the binary
	timeout    time.Duration
	controller controllerFunc
	facade     facadeFunc // nil: what it does over HTTP is left out
	alertd     string     // the alert daemon's program; empty: the one that is found, if one is
	quiet      func()     // called when the verdicts are in; nil: nothing is
}

// newDemoCommand is `checky demo`: the samples, judged in a control plane of their own.
func newDemoCommand() *cobra.Command {
	opts := demoOptions{controller: embeddedController, facade: embeddedFacade([]string{"127.0.0.1:0"}, io.Discard)}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Apply the sample Checks to an API server on this machine, and show their verdicts",
		Long: `Run Kubernetes' API server and Checky on this machine, apply the sample Checks as a user would, print every verdict with its
explanation, have a passing and a failing payload checked over HTTP, have a critical failure heard and print what was recorded, and stop.
The exit code is 0 only if every sample came to the phase that its annotation ` + expectedPhaseAnnotation + ` names, and
both payloads and the recording to what was expected.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			// The verdicts are what it is for: of the controller, only errors are shown, and none once it is stopped
			// in the middle of starting watches.
			log := &mutableWriter{to: cmd.ErrOrStderr()}
			opts.quiet = func() { log.muted.Store(true) }
			program.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})))
			return opts.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&opts.samples, "samples", "", "folder of manifests to apply (default: those that ship with Checky)")
	cmd.Flags().StringVar(&opts.alertd, "alertd", "", "the alert daemon's program (default: checky-alertd beside this one or in PATH; without any, no tone is recorded)")
	cmd.Flags().DurationVar(&opts.timeout, "timeout", 2*time.Minute, "how long the verdicts may take, once the control plane runs")
	return cmd
}

// run applies the samples, waits, and prints the verdicts to out; progress goes to log.
func (o demoOptions) run(ctx context.Context, out, log io.Writer) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout: %s is not above 0", o.timeout)
	}
	samples, err := o.open()
	if err != nil {
		return err
	}
	objects, err := controlplane.Manifests(samples, ".")
	if err != nil {
		return fmt.Errorf("samples: %w", err)
	}
	wanted, err := expectations(objects)
	if err != nil {
		return fmt.Errorf("samples: %w", err)
	}
	return runEmbedded(ctx, embeddedOptions{controller: o.controller, facade: o.facade, log: log}, func(ctx context.Context, e embedded) error {
		ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("after %s (--timeout)", o.timeout))
		defer cancel()
		if err := o.apply(ctx, e.ControlPlane, samples, objects, log); err != nil {
			return fmt.Errorf("apply the samples: %w", err)
		}
		fmt.Fprintf(log, "waiting for %d verdicts\n", len(wanted))
		checks, err := awaitVerdicts(ctx, e.RESTConfig(), wanted)
		if err != nil {
			return err
		}
		if err := printVerdicts(out, wanted, checks, columns(out)); err != nil {
			return err
		}
		if e.facade != "" {
			err = demoREST(ctx, e.facade, out, columns(out))
		}
		if err == nil {
			err = o.tone(ctx, e, out)
		}
		if o.quiet != nil {
			o.quiet()
		}
		return err
	})
}

// tone has a failure heard, where there is a daemon to do so.
func (o demoOptions) tone(ctx context.Context, e embedded, out io.Writer) error {
	program := o.alertd
	if program == "" {
		found, err := findAlertd()
		if err != nil {
			fmt.Fprint(out, missingTone(err))
			return nil
		}
		program = found
	}
	return demoTone(ctx, e, program, out)
}

// open returns the folder of samples.
func (o demoOptions) open() (fs.FS, error) {
	if o.samples != "" {
		return os.DirFS(o.samples), nil
	}
	return fs.Sub(config.Files, "samples")
}

// apply does what a user does, with kubectl where there is one.
func (o demoOptions) apply(ctx context.Context, cp *controlplane.ControlPlane, samples fs.FS, objects []*unstructured.Unstructured, log io.Writer) error {
	kubectl := cp.KubectlPath()
	if kubectl == "" {
		return controlplane.Install(ctx, cp.RESTConfig(), objects)
	}
	dir := filepath.Join(cp.Dir(), "samples")
	if err := os.CopyFS(dir, samples); err != nil {
		return err
	}
	fmt.Fprintf(log, "kubectl apply -f %s\n", shown(o.samples))
	cmd := exec.CommandContext(ctx, kubectl, "apply", "--kubeconfig", cp.Kubeconfig(), "--cache-dir", filepath.Join(cp.Dir(), "kubectl"), "-f", dir) //nolint:gosec // the kubectl beside the servers
	cmd.Stdout, cmd.Stderr = log, log
	return cmd.Run()
}

func shown(samples string) string {
	if samples == "" {
		return "config/samples"
	}
	return samples
}

// mutableWriter drops what is written once it is muted. A level would not do: errors are logged at any.
type mutableWriter struct {
	to    io.Writer
	muted atomic.Bool
}

func (w *mutableWriter) Write(p []byte) (int, error) {
	if w.muted.Load() {
		return len(p), nil
	}
	return w.to.Write(p)
}

// sample is a Check that is expected to come to a phase.
type sample struct {
	namespace, name string
	phase           v1alpha1.Phase
}

// expectations reads the expected phase off each Check among the objects.
func expectations(objects []*unstructured.Unstructured) ([]sample, error) {
	var wanted []sample
	for _, object := range objects {
		if object.GroupVersionKind() != v1alpha1.GroupVersion.WithKind("Check") {
			continue
		}
		check := &v1alpha1.Check{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, check); err != nil {
			return nil, fmt.Errorf("check %s: %w", object.GetName(), err)
		}
		phase := v1alpha1.Phase(check.Annotations[expectedPhaseAnnotation])
		if !phase.Finished() && phase != v1alpha1.PhasePending {
			return nil, fmt.Errorf("check %s: annotation %s is %q: set it to Success, Failure, Error or Pending", check.Name, expectedPhaseAnnotation, phase)
		}
		namespace := check.Namespace
		if namespace == "" {
			namespace = "default"
		}
		wanted = append(wanted, sample{namespace: namespace, name: check.Name, phase: phase})
	}
	if len(wanted) == 0 {
		return nil, errors.New("there is no Check among them")
	}
	return wanted, nil
}
