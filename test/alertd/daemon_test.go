//go:build linux

package alertd_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/measure"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// room is where a daemon runs: the journal and the recordings outlive it.
type room struct {
	*cluster
	state, recordings string
	account, host     string          // whom the daemon comes as, and where it looks for the API server; empty: as deployed
	dress             func(*exec.Cmd) // changes what is run; nil: nothing does
}

func (c *cluster) room() *room {
	c.t.Helper()
	r := &room{cluster: c, state: c.t.TempDir(), recordings: c.t.TempDir()}
	return r
}

// daemon is one that runs: the real command, as a process of its own.
type daemon struct {
	*room
	command *exec.Cmd
	before  int           // how many recordings the room had when it started
	done    chan struct{} // closed when it has ended
	err     error         // how, once done is closed

	mu   sync.Mutex
	log  []line
	more chan struct{} // closed, and replaced, when there is more
}

// line is one of the daemon's log.
type line map[string]any

func (l line) text(key string) string {
	text, _ := l[key].(string)
	return text
}

// start runs the daemon, and returns when it watches the cluster. A flag that is given twice has the later value.
func (r *room) start(flags ...string) *daemon {
	r.t.Helper()
	d := r.launch(flags...)
	d.await("Watching", 1)
	return d
}

// launch runs the daemon, and does not wait for it.
func (r *room) launch(flags ...string) *daemon {
	r.t.Helper()
	kubeconfig := filepath.Join(r.t.TempDir(), "kubeconfig")
	cfg := r.as(cmp.Or(r.account, "checky-alertd"))
	cfg.Host = cmp.Or(r.host, cfg.Host)
	if err := controlplane.WriteKubeconfig(kubeconfig, cfg, "alertd"); err != nil {
		r.t.Fatal(err)
	}
	args := append([]string{
		"run", "--node-name=" + node, "--state-dir=" + r.state, "--device=record:" + r.recordings,
		"--metrics-bind-address=0", "--health-probe-bind-address=0",
	}, flags...)
	command := exec.CommandContext(context.WithoutCancel(r.t.Context()), controlplanetest.Build(r.t, "checky-alertd"), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	if r.dress != nil {
		r.dress(command)
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	d := &daemon{room: r, command: command, before: len(r.recorded()), done: make(chan struct{}), more: make(chan struct{})}
	if err := command.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		d.read(stderr)
		d.err = command.Wait()
		close(d.done)
	}()
	r.t.Cleanup(d.kill)
	r.t.Cleanup(d.tellOnFailure)
	return d
}

// read takes the log in until it ends.
func (d *daemon) read(log io.Reader) {
	scanner := bufio.NewScanner(log)
	for scanner.Scan() {
		l := line{}
		if json.Unmarshal(scanner.Bytes(), &l) != nil {
			l = line{"msg": scanner.Text()}
		}
		d.mu.Lock()
		d.log = append(d.log, l)
		close(d.more)
		d.more = make(chan struct{})
		d.mu.Unlock()
	}
}

// logged are the lines with a message so far.
func (d *daemon) logged(message string) []line {
	return d.lines(func(l line) bool { return l.text("msg") == message })
}

// lines are those so far that match.
func (d *daemon) lines(match func(line) bool) []line {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.log), func(l line) bool { return !match(l) })
}

// await returns the lines with a message once there are n of them.
func (d *daemon) await(message string, n int) []line {
	d.t.Helper()
	return d.awaitLines(d.t, fmt.Sprintf("%q", message), n, func(l line) bool { return l.text("msg") == message })
}

// awaitLines returns the lines that match once there are n of them. The test may be a part of the one that started the daemon.
func (d *daemon) awaitLines(t testing.TB, what string, n int, match func(line) bool) []line {
	t.Helper()
	timeout := time.After(patience)
	for {
		d.mu.Lock()
		more := d.more
		d.mu.Unlock()
		if lines := d.lines(match); len(lines) >= n {
			return lines
		}
		select {
		case <-more:
		case <-d.done:
			t.Fatalf("the daemon ended before it logged %s %d times: %v", what, n, d.err)
		case <-timeout:
			t.Fatalf("the daemon did not log %s %d times", what, n)
		}
	}
}

// announced waits for n announcements in all, and returns them.
func (d *daemon) announced(n int) []line {
	d.t.Helper()
	return d.await("Announced", n)
}

// kill ends the daemon with SIGKILL, if it still runs, and waits until it is gone.
func (d *daemon) kill() {
	_ = d.command.Process.Kill() // It may have ended.
	<-d.done
}

// stop ends the daemon in order.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.done:
	case <-time.After(patience):
		d.t.Fatal("the daemon does not end")
	}
	if d.err != nil {
		d.t.Errorf("the daemon ended with %v", d.err)
	}
}

func (d *daemon) tellOnFailure() {
	if !d.t.Failed() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var text strings.Builder
	for _, l := range d.log[max(0, len(d.log)-40):] {
		line, _ := json.Marshal(l)
		fmt.Fprintln(&text, string(line))
	}
	d.t.Logf("the daemon's log ends with:\n%s", text.String())
}

// heard measures every finished recording of the room, oldest first.
func (r *room) heard() []measure.Recording {
	r.t.Helper()
	var heard []measure.Recording
	for _, name := range r.recorded() {
		heard = append(heard, listen(r.t, name))
	}
	return heard
}

// recorded are the names of the finished recordings of the room, oldest first.
func (r *room) recorded() []string {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.recordings, "*.raw"))
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// listen measures a recording.
func listen(t testing.TB, name string) measure.Recording {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := measure.ReadRaw(file, 1)
	_ = file.Close() // it was only read
	if err != nil {
		t.Fatal(err)
	}
	return measure.Analyse(samples, tone.SampleRate)
}
