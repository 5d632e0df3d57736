package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// standIn is a controller that gives each Check the status that its input spells out. It works under the real one's role.
func standIn(ctx context.Context, cfg *rest.Config) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	events, err := c.Watch(ctx, &v1alpha1.CheckList{})
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		check, ok := event.Object.(*v1alpha1.Check)
		if !ok || check.Status.ObservedGeneration == check.Generation {
			continue
		}
		var input struct {
			v1alpha1.Verdict
			Reason, Message string
		}
		if err := json.Unmarshal(check.Spec.Input.Raw, &input); err != nil {
			return err
		}
		check.Status = v1alpha1.CheckStatus{ObservedGeneration: check.Generation, Verdict: input.Verdict}
		complete := metav1.Condition{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonEvaluated}
		if input.Reason != "" {
			complete.Status, complete.Reason, complete.Message = metav1.ConditionFalse, input.Reason, input.Message
		}
		meta.SetStatusCondition(&check.Status.Conditions, complete)
		if err := c.Status().Update(ctx, check); err != nil {
			return err
		}
	}
	return nil
}

// idle is a controller that does nothing.
func idle(ctx context.Context, _ *rest.Config) error {
	<-ctx.Done()
	return nil
}

func TestDemo(t *testing.T) {
	cases := map[string]struct {
		reason     string
		opts       demoOptions
		golden     string
		wantErr    string
		wantOutput string // somewhere in it
	}{
		"AsExpected": {
			reason: "every sample comes to its phase: the verdicts are shown, and the demo succeeds, also without an alert daemon",
			opts:   demoOptions{samples: "testdata/demo", timeout: time.Minute, controller: standIn},
			golden: "testdata/demo.golden",
		},
		"NoVerdicts": {
			reason:     "without verdicts in time, it shows what there is and fails",
			opts:       demoOptions{samples: "testdata/demo", timeout: 3 * time.Second, controller: idle},
			wantErr:    "not as expected: passes, fails, waits",
			wantOutput: "0 of 3 as expected",
		},
		"ControllerFails": {
			reason: "a controller that ends takes the demo along",
			opts: demoOptions{samples: "testdata/demo", timeout: time.Minute, controller: func(context.Context, *rest.Config) error {
				return errors.New("no more coffee")
			}},
			wantErr: "controller: no more coffee",
		},
		"Unmarked": {
			reason:  "a sample without its expected phase is refused before anything starts",
			opts:    demoOptions{samples: "testdata/unmarked", timeout: time.Minute, controller: idle},
			wantErr: "check unmarked: annotation checky.dev/expected-phase",
		},
		"NoSamples": {
			reason:  "neither does it succeed with nothing to show",
			opts:    demoOptions{samples: t.TempDir(), timeout: time.Minute, controller: idle},
			wantErr: "there is no Check among them",
		},
		"NoTime": {
			reason:  "a timeout of nothing is a mistake",
			opts:    demoOptions{samples: "testdata/demo", controller: idle},
			wantErr: "--timeout",
		},
	}
	t.Setenv("PATH", t.TempDir()) // there is no alert daemon in it
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := tc.opts.run(t.Context(), &out, testLog{t})
			switch {
			case tc.wantErr == "" && err != nil:
				t.Fatalf("%s: %v", tc.reason, err)
			case tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)):
				t.Fatalf("%s: got %v", tc.reason, err)
			}
			if !strings.Contains(out.String(), tc.wantOutput) {
				t.Errorf("%s: got %q", tc.reason, out.String())
			}
			if tc.golden != "" {
				golden(t, tc.golden, out.String())
			}
		})
	}
}

// TestUp runs it as a user does, and pastes the lines that it prints for the facade into a shell.
func TestUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := filepath.Join(t.TempDir(), "data")
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	told := &waitWriter{want: "Ctrl-C stops it.", found: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		opts := upOptions{dataDir: dir, kubeconfig: kubeconfig, address: "127.0.0.1:0", controller: embeddedController, facade: embeddedFacade}
		done <- opts.run(ctx, told, testLog{t})
	}()
	select {
	case <-told.found:
	case err := <-done:
		t.Fatalf("it ended: %v", err)
	}
	for _, want := range []string{"export KUBECONFIG=" + kubeconfig, "kept in " + dir, "kubectl get checks"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q is not said:\n%s", want, told)
		}
	}
	pasteCurlLines(t, told.String())
	if _, err := os.Stat(kubeconfig); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("being stopped is no error, and yet: %v", err)
	}
	// Nothing holds the folder any more.
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := cp.Stop(); err != nil {
		t.Error(err)
	}
}

// pasteCurlLines runs what is printed for the facade.
func pasteCurlLines(t *testing.T, told string) {
	t.Helper()
	_, lines, found := strings.Cut(told, "and check something:")
	if !found {
		t.Fatalf("nothing is said of the facade:\n%s", told)
	}
	lines, _, _ = strings.Cut(lines, "It keeps")
	lines, _, _ = strings.Cut(lines, "The objects are kept")
	out, err := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", lines).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`{"message":`, `"status":"failure"`, `"path":"/amount"`, `{"checks":[{"id":"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in what the lines print:\n%s", want, out)
		}
	}
}

// waitWriter closes found once want was written.
type waitWriter struct {
	want  string
	found chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

func (w *waitWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := strings.Contains(w.text.String(), w.want)
	n, err := w.text.Write(p)
	if !had && strings.Contains(w.text.String(), w.want) {
		close(w.found)
	}
	return n, err
}

func (w *waitWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// testLog shows progress only where a test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

var _ io.Writer = testLog{}

// TestInterrupted stops it while the servers start: nothing is said of them.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := &waitWriter{want: "starting etcd", found: make(chan struct{})}
	go func() {
		<-begun.found
		cancel()
	}()
	err := runEmbedded(ctx, embeddedOptions{dataDir: t.TempDir(), controller: embeddedController, log: begun}, func(context.Context, embedded) error {
		return errors.New("it went on")
	})
	if !errors.Is(err, errInterrupted) || strings.TrimSpace(err.Error()) != "interrupted" {
		t.Errorf("got %v", err)
	}
}

// TestUpAddress refuses addresses that are not this machine's own, before a server is started.
func TestUpAddress(t *testing.T) {
	for _, address := range []string{"0.0.0.0:8080", ":8080", "192.0.2.1:8080", "8080", "checky.example.com:80"} {
		err := upOptions{address: address}.run(t.Context(), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "--bind-address: ") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:8080", "localhost:0", "[::1]:8080"} {
		if err := requireLoopback(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWrap(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   []string
	}{
		"Empty":      {reason: "nothing is one empty line", want: []string{""}},
		"Fits":       {reason: "a line that fits is left alone", text: "one two", want: []string{"one two"}},
		"Exact":      {reason: "the bound itself still fits", text: "12345 7890", want: []string{"12345 7890"}},
		"Breaks":     {reason: "one that does not is broken between words", text: "12345 78901", want: []string{"12345", "78901"}},
		"LongWord":   {reason: "a word is never broken", text: "a 123456789012 b", want: []string{"a", "123456789012", "b"}},
		"Indented":   {reason: "a continued line is indented as its first", text: "  ab cd ef gh", want: []string{"  ab cd ef", "  gh"}},
		"ListItem":   {reason: "a list item is continued below its text", text: " - ab cd ef", want: []string{" - ab cd", "   ef"}},
		"Paragraphs": {reason: "line ends stay, and none is added at the end", text: "a\n\nb\n", want: []string{"a", "", "b"}},
		"Characters": {reason: "characters are counted, not bytes", text: "ääääääääää b", want: []string{"ääääääääää", "b"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, wrap(tc.text, 10)); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}
