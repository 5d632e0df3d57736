package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
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

const (
	// patience is how long to wait for what takes moments on an idle machine.
	patience = time.Minute
	// mark ends the output of a command.
	mark = "--end-of-command--"
)

var (
	hereDocument = regexp.MustCompile(`<<([A-Z]+)\n$`)
	consoleBlock = regexp.MustCompile("(?ms)^```console$\n(.*?)^```$")
	goBlock      = regexp.MustCompile("(?ms)^```go$\n(.*?)^```$")
	namedBlock   = regexp.MustCompile("(?ms)^```yaml$\n(# ([a-z-]+\\.yaml)$.*?)^```$")
	resetToken   = regexp.MustCompile(`ckr_[0-9A-Za-z_]+`)
	exportLine   = regexp.MustCompile(`(?m)^  (export (?:KUBECONFIG|PATH|CHECKY)=.*)$`)
)

// TestConsole does what the documentation shows: it starts `checky up` and types what stands behind each $, and the output has to
// be the one that is shown, in which ... stands for anything. A YAML block whose first line is a comment with a file's name is that file.
func TestConsole(t *testing.T) {
	bin := t.TempDir()
	build(t, bin)
	up := startUp(t, bin)
	s := startShell(t)
	s.ports = strings.NewReplacer("127.0.0.1:8081", freeAddress(t), "127.0.0.1:9090", freeAddress(t))
	for _, export := range exportLine.FindAllStringSubmatch(up.String(), -1) {
		s.run(export[1])
	}
	s.run("export PATH=" + bin + ":$PATH")

	for _, page := range consolePages {
		text := read(t, filepath.Join(root, page.path))
		if page.section != "" {
			_, text, _ = strings.Cut(text, "\n"+page.section+"\n")
			text, _, _ = strings.Cut(text, "\n## ")
		}
		for _, file := range namedBlock.FindAllStringSubmatch(text, -1) {
			if err := os.WriteFile(filepath.Join(s.dir, file[2]), []byte(file[1]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, block := range consoleBlock.FindAllStringSubmatch(text, -1) {
			for _, step := range stepsOf(t, block[1]) {
				s.try(up, step)
			}
		}
		for i, program := range goBlock.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(program[1], "package main") {
				s.runProgram(i, program[1])
			}
		}
	}
}

// step is one command, and what it is said to print.
type step struct{ command, output string }

// stepsOf reads a block. A command goes on behind a backslash, and up to the end of a here document.
func stepsOf(t *testing.T, block string) []step {
	t.Helper()
	var steps []step
	goesOn, document := false, ""
	for line := range strings.Lines(block) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(steps) - 1
		switch {
		case document != "":
			steps[last].command += line
			if line == document+"\n" {
				document = ""
			}
		case isCommand:
			steps = append(steps, step{command: command})
			goesOn = strings.HasSuffix(command, "\\\n")
			if begins := hereDocument.FindStringSubmatch(command); begins != nil {
				document = begins[1]
			}
		case last < 0:
			t.Fatalf("a console block begins with output: %s", line)
		case goesOn:
			steps[last].command += line
			goesOn = strings.HasSuffix(line, "\\\n")
		default:
			steps[last].output += line
		}
	}
	return steps
}

// try runs a step and compares.
func (s *shell) try(up *output, step step) {
	s.t.Helper()
	command := s.ports.Replace(step.command)
	if strings.Contains(command, "ckr_...") {
		command = strings.ReplaceAll(command, "ckr_...", up.await(s.t, resetToken))
	}
	out, code := s.run(command)
	if code != "0" {
		s.t.Errorf("%sended with %s and printed\n%s", command, code, out)
	} else if !expected(step.output).MatchString(out) {
		s.t.Errorf("%sprinted\n%s\nand was said to print\n%s", command, out, step.output)
	}
}

// expected is the pattern of an output: ... is anything in a line, and as a line of its own any lines.
func expected(output string) *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimSpace(output) + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if line == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `[^\n]*`) + `\n`)
	}
	pattern.WriteString(`\z`)
	return regexp.MustCompile(pattern.String())
}

// runProgram runs a Go program of a page, with what the shell has exported.
func (s *shell) runProgram(number int, program string) {
	t := s.t
	t.Helper()
	file := filepath.Join(t.TempDir(), fmt.Sprintf("program%d.go", number))
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	environment, _ := s.run("env")
	command := exec.CommandContext(t.Context(), "go", "run", file)
	command.Dir, command.Env = root, strings.Split(environment, "\n")
	out, err := command.CombinedOutput()
	if err != nil || len(out) == 0 {
		t.Errorf("go run of\n%s\n%v\n%s", program, err, out)
	}
	t.Logf("the program printed\n%s", out)
}

// shell is a bash that keeps what it is told, in a folder of its own beside which the checkout's config lies.
type shell struct {
	t     *testing.T
	dir   string
	in    io.Writer
	lines chan string
	ports *strings.Replacer // addresses of the documentation, which may be taken here
}

func startShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	config, err := filepath.Abs(filepath.Join(root, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(config, filepath.Join(dir, "config")); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile")
	command.Dir = dir
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it left running ends with it
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, dir: dir, in: in, lines: make(chan string)}
	go func() {
		defer close(s.lines)
		for reader := bufio.NewReader(out); ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			s.lines <- line
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		for line := range s.lines {
			t.Logf("left unread: %s", line)
		}
		_ = command.Wait() // Its exit code is that of the last command.
	})
	s.run("exec 2>&1; set -o pipefail")
	return s
}

// run types a command, and gives what it prints, without empty lines at either end, and its exit code.
func (s *shell) run(command string) (output, code string) {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\n%s %%s\\n' $?\n", strings.TrimRight(command, "\n"), mark); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	late := time.After(patience)
	for {
		select {
		case <-late:
			s.t.Fatalf("the shell does not come back from\n%s\n%s", command, b.String())
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("the shell ended in\n%s\n%s", command, b.String())
			}
			if code, ended := strings.CutPrefix(line, mark+" "); ended {
				return strings.Trim(b.String(), "\n") + "\n", strings.TrimSpace(code)
			}
			b.WriteString(strings.ReplaceAll(line, "\r\n", "\n"))
		}
	}
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
