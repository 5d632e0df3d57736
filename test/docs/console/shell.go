package console

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mark ends the output of a command.
const mark = "--end-of-command--"

// Shell is a bash that keeps what it is told.
type Shell struct {
	t        testing.TB
	patience time.Duration
	in       io.Writer
	lines    chan string
}

// Start starts one in a folder, with an environment, that ends with the test. No command may take longer than patience.
func Start(t testing.TB, dir string, environment []string, patience time.Duration) *Shell {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile")
	command.Dir, command.Env = dir, environment
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
	s := &Shell{t: t, patience: patience, in: in, lines: make(chan string)}
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
	s.Run("exec 2>&1; set -o pipefail")
	return s
}

// Run types a command, and gives what it prints, without empty lines at either end, and its exit code.
func (s *Shell) Run(command string) (output, code string) {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\n%s %%s\\n' $?\n", strings.TrimRight(command, "\n"), mark); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	late := time.After(s.patience)
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

// Try runs a step. The test fails unless its command succeeds and prints what it is said to.
func (s *Shell) Try(step Step) {
	s.t.Helper()
	out, code := s.Run(step.Command)
	if code != "0" {
		s.t.Errorf("%sended with %s and printed\n%s", step.Command, code, out)
	} else if !step.Printed(out) {
		s.t.Errorf("%sprinted\n%s\nand was said to print\n%s", step.Command, out, step.Output)
	}
}
