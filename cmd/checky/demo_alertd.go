package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/measure"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// alertdAccount is the alert daemon's service account.
const alertdAccount = "checky-alertd"

// demoRoom labels the one Check that the demo's policy has sound: the samples fail in silence.
var demoRoom = map[string]string{"checky.dev/demo": "room"}

// demoTone has a failing Check heard: it runs the alert daemon against the demo's control plane, with ALSA's file plugin in place of a
// loudspeaker, and prints what was recorded.
func demoTone(ctx context.Context, e embedded, alertd string, out io.Writer) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.New(e.RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	policy := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "demo"}, Spec: v1alpha1.AlertPolicySpec{
		Selector: &metav1.LabelSelector{MatchLabels: demoRoom},
	}}
	if err := c.Create(ctx, policy); err != nil {
		return err
	}
	daemon, err := startAlertd(ctx, e, alertd)
	if err != nil {
		return err
	}
	defer daemon.stop()
	if _, err := daemon.await(ctx, "Watching"); err != nil {
		return err
	}
	check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Name: "server-room", Namespace: facadeChecks, Labels: demoRoom}, Spec: v1alpha1.CheckSpec{
		InputJSON: `{"sensor": "server-room", "celsius": 61.5}`,
		Rules: []v1alpha1.Rule{{
			Name: "celsius", Severity: v1alpha1.SeverityCritical,
			CEL: &v1alpha1.CELRule{Expression: "input.celsius < 45.0"}, Message: "a server room must stay below 45 degrees Celsius",
		}},
	}}
	if err := c.Create(ctx, check); err != nil {
		return err
	}
	wanted := sample{namespace: check.Namespace, name: check.Name, phase: v1alpha1.PhaseFailure}
	checks, err := awaitVerdicts(ctx, e.RESTConfig(), []sample{wanted})
	if err != nil {
		return err
	}
	verdict := time.Now()
	if !wanted.reached(checks[wanted.key()]) {
		return fmt.Errorf("check %s: it did not come to %s", check.Name, wanted.phase)
	}
	announced, err := daemon.await(ctx, "Announced")
	if err != nil {
		return err
	}
	return daemon.tell(out, check.Name, announced, verdict)
}

// alertd is a daemon that runs.
type alertd struct {
	command    *exec.Cmd
	recordings string
	stderr     io.Closer
	log        *bufio.Scanner
	patience   time.Duration
}

// startAlertd starts the daemon under its own role.
func startAlertd(ctx context.Context, e embedded, binary string) (*alertd, error) {
	dir := filepath.Join(e.Dir(), "alertd")
	recordings := filepath.Join(dir, "recordings")
	for _, folder := range []string{recordings, filepath.Join(dir, "state")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	cfg, err := serviceAccount(e.ControlPlane, alertdAccount)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, cfg, alertdAccount); err != nil {
		return nil, err
	}
	command, err := controlplane.Supervised(ctx, binary, "run", "--node-name=demo", "--state-dir="+filepath.Join(dir, "state"),
		"--device=record:"+recordings, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Env, "KUBECONFIG="+kubeconfig)
	return launchAlertd(command, recordings, alertdPatience)
}

// launchAlertd runs a daemon. It is told to end when the command's context ends, and killed if it does not end in time.
func launchAlertd(command *exec.Cmd, recordings string, patience time.Duration) (*alertd, error) {
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience
	stderr, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("checky-alertd: %w", err)
	}
	return &alertd{command: command, recordings: recordings, stderr: stderr, log: bufio.NewScanner(stderr), patience: patience}, nil
}

// alertdPatience is how long the daemon may take to end.
const alertdPatience = 10 * time.Second

// logLine is what the demo reads off a line of the daemon's log.
type logLine struct {
	Message string    `json:"msg"`
	Error   string    `json:"err"`
	Started time.Time `json:"started"`
	Policy  string    `json:"policy"`
	Tone    string    `json:"tone"`
	Node    string    `json:"node"`
}

// await reads the log up to a message. One that does not come is not waited for once the context has ended, even if the daemon goes on.
func (d *alertd) await(ctx context.Context, message string) (logLine, error) {
	defer context.AfterFunc(ctx, func() { _ = d.stderr.Close() })()
	last := "nothing"
	for d.log.Scan() {
		line := logLine{}
		last = d.log.Text()
		if json.Unmarshal(d.log.Bytes(), &line) == nil && line.Message == message {
			return line, nil
		}
	}
	if ctx.Err() != nil {
		return logLine{}, fmt.Errorf("checky-alertd did not say %q: %w; the last that it said: %s", message, context.Cause(ctx), last)
	}
	return logLine{}, fmt.Errorf("checky-alertd ended before it said %q; the last that it said: %s", message, last)
}

// tell prints what was recorded of an announcement.
func (d *alertd) tell(out io.Writer, check string, announced logLine, verdict time.Time) error {
	recordings, err := filepath.Glob(filepath.Join(d.recordings, "*.raw"))
	if err != nil {
		return err
	}
	if len(recordings) != 1 {
		return fmt.Errorf("expected one recording in %s, found %d", d.recordings, len(recordings))
	}
	file, err := os.Open(recordings[0])
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	samples, err := measure.ReadRaw(file, 1)
	if err != nil {
		return err
	}
	heard := measure.Analyse(samples, tone.SampleRate)
	fmt.Fprintf(out, "\nThe same heard: checky-alertd plays to ALSA's file plugin, and this was recorded of the failing check %s\n\n", check)
	fmt.Fprintf(out, "  pattern    %s, by the policy %s\n", heard.Pattern, announced.Policy)
	fmt.Fprintf(out, "  pulses     %d in %s\n", len(heard.Pulses), heard.Length.Round(time.Millisecond))
	fmt.Fprintf(out, "  frequency  %.0f Hz, dominant\n", heard.Dominant)
	fmt.Fprintf(out, "  delay      %s from the verdict to the sound; the policy waits 1s for others\n", announced.Started.Sub(verdict).Round(time.Millisecond))
	if heard.Pattern != string(v1alpha1.TonePatternHigh) {
		return fmt.Errorf("a critical failure sounds high, and what was recorded is %q", heard.Pattern)
	}
	return nil
}

// stop ends the daemon, and waits for it. One that does not end in time is killed, and what it left behind is not waited for.
func (d *alertd) stop() {
	_ = d.command.Cancel() // it may have ended
	defer time.AfterFunc(d.patience, func() {
		_ = d.command.Process.Kill()
		_ = d.stderr.Close()
	}).Stop()
	for d.log.Scan() { // what it says at its end is read, so that it is not kept from ending
		continue
	}
	_ = d.command.Wait() // how it ends is no longer of interest
}

// findAlertd looks for the daemon's program beside this one and in PATH.
func findAlertd() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "checky-alertd")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath("checky-alertd")
	if errors.Is(err, exec.ErrDot) || err != nil {
		return "", errors.New("checky-alertd is neither beside this program nor in PATH")
	}
	return path, nil
}

// missingTone is what the demo says where there is no daemon to run.
func missingTone(why error) string {
	return strings.Join([]string{
		"", "The tone is left out: " + why.Error() + ".", "Build it by `make alertd`, which needs a C compiler and ALSA's headers (Debian: gcc, libasound2-dev).", "",
	}, "\n")
}
