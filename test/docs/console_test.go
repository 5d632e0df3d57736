package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/checky-dev/checky/test/docs/console"
)

// consolePages are the pages whose console blocks are run as they stand, in this order, in one shell beside `checky up`: all of a
// page, or a section. Those about alerts come first, while nothing else fails.
var consolePages = []struct{ path, section string }{
	{"docs/alerts.md", ""},
	{"README.md", "## Heard in the room"},
	{"README.md", "## Over HTTP"},
	{"docs/rest.md", ""},
	{"docs/operations.md", ""},
	{"docs/start.md", "## Without a cluster"},
	{"docs/kubectl.md", ""},
}

// patience is how long to wait for what takes moments on an idle machine.
const patience = time.Minute

var (
	goBlock    = regexp.MustCompile("(?ms)^```go$\n(.*?)^```$")
	resetToken = regexp.MustCompile(`ckr_[0-9A-Za-z_]+`)
	exportLine = regexp.MustCompile(`(?m)^  (export (?:KUBECONFIG|PATH|CHECKY)=.*)$`)
)

// TestConsole does what the documentation shows: it starts `checky up` and types what stands behind each $, and the output has to
// be the one that is shown, in which ... stands for anything. A YAML block whose first line is a comment with a file's name is that file.
func TestConsole(t *testing.T) {
	bin := t.TempDir()
	build(t, bin)
	up := startUp(t, bin)
	s := newShell(t)
	s.ports = strings.NewReplacer("127.0.0.1:8081", freeAddress(t), "127.0.0.1:9090", freeAddress(t))
	for _, export := range exportLine.FindAllStringSubmatch(up.String(), -1) {
		s.Run(export[1])
	}
	s.Run("export PATH=" + bin + ":$PATH")

	for _, page := range consolePages {
		text := read(t, filepath.Join(root, page.path))
		if page.section != "" {
			text = console.Section(text, page.section)
		}
		for name, content := range console.Files(text) {
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		steps, err := console.Steps(text)
		if err != nil {
			t.Fatalf("%s: %v", page.path, err)
		}
		for _, step := range steps {
			s.try(up, step)
		}
		for i, program := range goBlock.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(program[1], "package main") {
				s.runProgram(i, program[1])
			}
		}
	}
}

// try runs a step and compares.
func (s *shell) try(up *output, step console.Step) {
	s.t.Helper()
	step.Command = s.ports.Replace(step.Command)
	if strings.Contains(step.Command, "ckr_...") {
		step.Command = strings.ReplaceAll(step.Command, "ckr_...", up.await(s.t, resetToken))
	}
	s.Try(step)
}

// runProgram runs a Go program of a page, with what the shell has exported.
func (s *shell) runProgram(number int, program string) {
	t := s.t
	t.Helper()
	file := filepath.Join(t.TempDir(), fmt.Sprintf("program%d.go", number))
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	environment, _ := s.Run("env")
	command := exec.CommandContext(t.Context(), "go", "run", file)
	command.Dir, command.Env = root, strings.Split(environment, "\n")
	out, err := command.CombinedOutput()
	if err != nil || len(out) == 0 {
		t.Errorf("go run of\n%s\n%v\n%s", program, err, out)
	}
	t.Logf("the program printed\n%s", out)
}

// shell is one in a folder of its own, beside which the checkout's config lies.
type shell struct {
	*console.Shell
	t     *testing.T
	dir   string
	ports *strings.Replacer // addresses of the documentation, which may be taken here
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	config, err := filepath.Abs(filepath.Join(root, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(config, filepath.Join(dir, "config")); err != nil {
		t.Fatal(err)
	}
	return &shell{Shell: console.Start(t, dir, os.Environ(), patience), t: t, dir: dir}
}

// build builds the commands into a folder.
func build(t *testing.T, dir string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "./cmd/checky", "./cmd/checky-alertd", "./cmd/kubectl-checky")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// freeAddress is a loopback address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// startUp runs `checky up` until the test ends. It returns once it has said that it is up.
func startUp(t *testing.T, bin string) *output {
	t.Helper()
	dir := t.TempDir()
	out, log := &output{}, &output{}
	command := exec.CommandContext(t.Context(), filepath.Join(bin, "checky"), "up", "--bind-address", "127.0.0.1:0")
	command.Env = append(os.Environ(), "TMPDIR="+dir)
	command.Stdout, command.Stderr = out, log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = time.Minute
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // It ends by a signal.
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // It may have ended.
		<-ended
		if t.Failed() {
			t.Logf("checky up printed\n%s\nand logged\n%s", out, log)
		}
	})
	out.await(t, regexp.MustCompile(`Ctrl-C stops it`))
	return out
}

// output keeps what is written to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// await returns the last match of a pattern in what was written, once there is one.
func (o *output) await(t *testing.T, pattern *regexp.Regexp) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if found := pattern.FindAllString(o.String(), -1); len(found) > 0 {
			return found[len(found)-1]
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing matches %s in\n%s", pattern, o)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
