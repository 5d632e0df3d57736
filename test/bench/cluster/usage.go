package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is how many units of processor time in /proc make a second: USER_HZ, which is 100 for every Linux program.
const ticks = 100

// Usage is what a process has taken of the machine.
type Usage struct {
	// CPU is processor time so far, of the process and its threads, to 10 ms.
	CPU time.Duration
	// Peak is the most resident memory since the start or ResetPeak, Anon what is resident of the process's own, in bytes: heap and
	// stacks, and not the program's file.
	Peak, Anon int64
	// Descriptors are open files and connections.
	Descriptors int
}

// Used is what a process has taken so far.
func Used(pid int) (Usage, error) {
	var u Usage
	stat, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		return u, err
	}
	// The name, in parentheses, may have spaces; user and system time are the 12th and 13th field after it.
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return u, fmt.Errorf("/proc/%d/stat is not as it should be", pid)
	}
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(n) * time.Second / ticks
	}
	status, err := os.ReadFile(proc(pid, "status"))
	if err != nil {
		return u, err
	}
	var problems error
	for name, to := range map[string]*int64{"VmHWM": &u.Peak, "RssAnon": &u.Anon} {
		var err error
		*to, err = kilobytes(status, name)
		problems = errors.Join(problems, err)
	}
	open, err := os.ReadDir(proc(pid, "fd"))
	u.Descriptors = len(open)
	return u, errors.Join(problems, err)
}

// kilobytes reads a line of /proc/PID/status, such as "VmHWM:   1234 kB", and returns bytes.
func kilobytes(status []byte, name string) (int64, error) {
	for line := range strings.Lines(string(status)) {
		value, is := strings.CutPrefix(line, name+":")
		if !is {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("the kernel does not tell %s", name)
}

// ResetPeak has Usage.Peak begin anew: clear_refs takes 5 for that (proc_pid_clear_refs(5)).
func ResetPeak(pid int) error {
	return os.WriteFile(proc(pid, "clear_refs"), []byte("5"), 0)
}

func proc(pid int, parts ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(pid)}, parts...)...)
}

// Server is a process of the control plane.
type Server struct {
	Name string
	PID  int
	args []string
}

// findServer looks for the process of one of the control plane's programs, which its supervisor has started: it is the one whose first
// argument is the program and whose others name the data folder.
func findServer(name, assets, dir string) (*Server, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		if args[0] != filepath.Join(assets, name) || !bytes.Contains(text, []byte(dir+"/")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		return &Server{Name: name, PID: pid, args: args[1:]}, err
	}
	return nil, fmt.Errorf("%s does not run", name)
}

// flag is the value of one of the server's flags, given as --NAME=VALUE.
func (s *Server) flag(name string) (string, error) {
	for _, arg := range s.args {
		if value, is := strings.CutPrefix(arg, "--"+name+"="); is {
			return value, nil
		}
	}
	return "", fmt.Errorf("%s was started without --%s", s.Name, name)
}
