package report

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Run is what a report says of how it came about.
type Run struct {
	CPU    string
	Cores  int
	Memory float64 // bytes
	Kernel string
	Go     string
	// Load is the machine's load average of the last minute when the run began, without the run's own.
	Load float64
	// Commit is the checkout's, with "+" where files differ from it.
	Commit string
	// Command is what to type to have it again.
	Command string
	Began   time.Time
	Took    time.Duration
}

// ThisMachine describes the machine and the checkout at root. What cannot be found out is left empty.
func ThisMachine(ctx context.Context, root string) Run {
	r := Run{Cores: runtime.NumCPU(), Go: runtime.Version(), Began: time.Now().UTC().Truncate(time.Second)}
	r.CPU = field("/proc/cpuinfo", "model name")
	if kib, err := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64); err == nil {
		r.Memory = kib * 1024
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(load), &r.Load)
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		r.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	r.Commit = git(ctx, root, "rev-parse", "--short=12", "HEAD")
	if r.Commit != "" && git(ctx, root, "status", "--porcelain", "--untracked-files=no") != "" {
		r.Commit += "+"
	}
	return r
}

// field is the first value of a name in a file of lines "name : value".
func field(path, name string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func git(ctx context.Context, root string, args ...string) string {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output() //nolint:gosec // fixed arguments and the checkout's folder
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Versions are the versions that the program was built with of the modules named, "name version" by name.
func Versions(modules ...string) []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var found []string
	for _, dependency := range info.Deps {
		if slices.Contains(modules, dependency.Path) {
			found = append(found, dependency.Path+" "+dependency.Version)
		}
	}
	slices.Sort(found)
	return found
}
