package controlplane

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledOwnerLeavesNothing starts a control plane in another process, kills that with SIGKILL, and waits
// until neither a process nor the temporary data is left.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.CommandContext(t.Context(), program)
	owner.Env = append(os.Environ(), ownerEnv+"=1")
	owner.Stderr = os.Stderr
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err, owner.Wait())
	}
	dir := strings.TrimSpace(line)
	if got := len(processesNaming(t, dir)); got != 4 {
		t.Errorf("%d processes name %s while it runs, want 2 servers and 2 supervisors", got, dir)
	}

	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()

	waitFor(t, func() bool {
		_, err := os.Stat(dir)
		return len(processesNaming(t, dir)) == 0 && errors.Is(err, fs.ErrNotExist)
	})
}

// TestKilledSupervisorTakesItsServerAlong: nothing but the kernel can clean up after a supervisor that was killed.
func TestKilledSupervisorTakesItsServerAlong(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "watched") // a name to find the server by
	if err := os.WriteFile(mark, []byte("ready"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := launch(launchOptions{name: "server", command: []string{"tail", "-f", mark}, logFile: mark + ".log"})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		text, err := os.ReadFile(p.logFile)
		return err == nil && bytes.Contains(text, []byte("ready"))
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	waitFor(t, func() bool { return len(processesNaming(t, mark)) == 0 })
}

// waitFor polls until done, or fails after more time than stopping may take.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(4 * stopGrace)
	for !done() {
		select {
		case <-time.After(pollInterval):
		case <-deadline:
			t.Fatal("still not so")
		}
	}
}

// processesNaming lists the processes whose command line contains a text.
func processesNaming(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(text)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}
