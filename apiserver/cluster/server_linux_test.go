package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
)

// TestServerStops stops a real kube-apiserver, and then kills it. It has a control plane of its own, for no other test
// would get on with one that does this.
func TestServerStops(t *testing.T) {
	others := descendants(t, os.Getpid(), "kube-apiserver") // the tests' shared one, where it runs
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	definitions, err := controlplane.Manifests(config.Files, "crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	if err := controlplane.Install(t.Context(), cp.RESTConfig(), definitions); err != nil {
		t.Fatal(err)
	}
	servers := slices.DeleteFunc(descendants(t, os.Getpid(), "kube-apiserver"), func(pid int) bool { return slices.Contains(others, pid) })
	if len(servers) != 1 {
		t.Fatalf("%d API servers were started, want 1", len(servers))
	}
	pid := servers[0]

	t.Run("SIGSTOP and SIGCONT", func(t *testing.T) {
		w := newWorld(t, cp.RESTConfig(), cp.RESTConfig())
		w.before()
		halt(t, pid)
		caught := w.write("caught")
		w.leave()
		w.during()
		w.isAway(<-caught)
		send(t, pid, syscall.SIGCONT)
		w.change()
		w.after()
		w.stop()
	})
	t.Run("SIGKILL and restart", func(t *testing.T) {
		w := newWorld(t, cp.RESTConfig(), cp.RESTConfig())
		w.before()
		command := commandLine(t, pid)
		send(t, pid, syscall.SIGKILL)
		w.leave()
		w.during()
		supervised(t, command)
		w.change()
		w.after()
		w.stop()
	})
}

// descendants are the processes of a name that a process has started, directly or not.
func descendants(t *testing.T, ancestor int, name string) []int {
	t.Helper()
	parents := make(map[int]int)
	var found []int
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(entry)
		if err != nil {
			continue // it has ended since
		}
		// PID (NAME) STATE PARENT ...; the name may contain anything (proc(5)).
		opening, closing := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
		pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:opening])))
		if err != nil {
			t.Fatal(err)
		}
		var state string
		var parent int
		if _, err := fmt.Sscan(string(text[closing+1:]), &state, &parent); err != nil {
			t.Fatal(err)
		}
		parents[pid] = parent
		if string(text[opening+1:closing]) == name {
			found = append(found, pid)
		}
	}
	return slices.DeleteFunc(found, func(pid int) bool {
		for pid > 0 && pid != ancestor {
			pid = parents[pid]
		}
		return pid != ancestor
	})
}

func commandLine(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	var command []string
	for argument := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte{0}), []byte{0}) {
		command = append(command, string(argument))
	}
	return command
}

func send(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
}

// halt stops a process, and returns when all of its threads have stopped: kill(2) returns before that, and on a busy machine long before.
func halt(t *testing.T, pid int) {
	t.Helper()
	send(t, pid, syscall.SIGSTOP)
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, patience, true, func(context.Context) (bool, error) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			return false, fmt.Errorf("process %d has no threads: %w", pid, err)
		}
		return !slices.ContainsFunc(threads, func(thread string) bool { return runs(thread) }), nil
	})
	if err != nil {
		t.Fatalf("stop process %d: %v", pid, err)
	}
}

// runs tells by a thread's stat file whether the thread has neither stopped nor ended.
func runs(stat string) bool {
	text, err := os.ReadFile(stat)
	if err != nil {
		return false // it has ended since
	}
	_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
	return !bytes.HasPrefix(state, []byte("T"))
}

// supervised runs a command until the test ends, and not a moment longer, whatever ends the test.
func supervised(t *testing.T, command []string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := append([]string{controlplane.SuperviseArgument, "-log", filepath.Join(dir, "log"), "-temporary", dir, "--"}, command...)
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Env = append(os.Environ(), "CHECKY_SUPERVISOR=1")
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = alive.Close()
		_ = cmd.Wait()
	})
}
