//go:build linux

package alertd_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serving is the flag that has a daemon serve its metrics, at a port of its own.
const serving = "--metrics-bind-address=127.0.0.1:0"

// metrics are those of a daemon at one time, as it serves them.
type metrics string

// metrics asks a daemon that was started with serving.
func (d *daemon) metrics() metrics {
	d.t.Helper()
	address := d.awaitLines(d.t, "where metrics are served", 1, func(l line) bool {
		return l.text("msg") == "Serving" && l.text("what") == "metrics"
	})[0].text("address")
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return metrics(text)
}

// sum is that of a metric's values over the series that have the labels, each written NAME="VALUE".
func (m metrics) sum(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	found, total := false, 0.0
	for line := range strings.Lines(string(m)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if of, _, _ := strings.Cut(series, "{"); of != name || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(series, l) }) {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", series, err)
		}
		found, total = true, total+number
	}
	if !found {
		t.Fatalf("there is no metric %s with %q", name, labels)
	}
	return total
}

// metric is a sum of the metrics at this time.
func (d *daemon) metric(name string, labels ...string) float64 {
	d.t.Helper()
	return d.metrics().sum(d.t, name, labels...)
}

// until waits until something holds, and looks again and again; what nobody tells of can be found out in no other way.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func (d *daemon) pid() int { return d.command.Process.Pid }

// proc is the path of what the kernel tells of a process.
func proc(pid int, parts ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(pid)}, parts...)...)
}

// children are the processes that the daemon started and has not waited for yet.
func (d *daemon) children() []int {
	d.t.Helper()
	lists, err := filepath.Glob(proc(d.pid(), "task", "*", "children"))
	if err != nil {
		d.t.Fatal(err)
	}
	var pids []int
	for _, name := range lists {
		text, err := os.ReadFile(name) // a thread may have ended meanwhile
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				d.t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// status is a field of /proc/PID/status; empty where there is no such process.
func status(pid int, field string) string {
	text, err := os.ReadFile(proc(pid, "status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ended tells whether a process has: at most its exit code is left for whoever started it.
func ended(pid int) bool {
	state := status(pid, "State")
	return state == "" || state[0] == 'Z' || state[0] == 'X'
}

// stopped tells whether each of the daemon's threads is.
func (d *daemon) stopped() bool {
	tasks, err := filepath.Glob(proc(d.pid(), "task", "*", "status"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err == nil && !strings.Contains(string(text), "\nState:\tT") {
			return false
		}
	}
	return true
}

// usage is what a daemon takes of its machine.
type usage struct {
	resident    int // KiB
	descriptors int
	goroutines  int
	heap        int   // KiB that are allocated, garbage included
	journal     int64 // bytes of its file
}

func (u usage) String() string {
	return fmt.Sprintf("%d KiB resident, %d KiB of heap, %d descriptors, %d goroutines, a journal of %d bytes",
		u.resident, u.heap, u.descriptors, u.goroutines, u.journal)
}

// usage measures a daemon that was started with serving.
func (d *daemon) usage() usage {
	d.t.Helper()
	var u usage
	fields := strings.Fields(status(d.pid(), "VmRSS"))
	if len(fields) != 2 {
		d.t.Fatalf("the daemon's resident memory is unknown: %q", fields)
	}
	var err error
	if u.resident, err = strconv.Atoi(fields[0]); err != nil {
		d.t.Fatal(err)
	}
	metrics := d.metrics()
	u.goroutines, u.heap = int(metrics.sum(d.t, "go_goroutines")), int(metrics.sum(d.t, "go_memstats_heap_alloc_bytes"))>>10
	open, err := os.ReadDir(proc(d.pid(), "fd"))
	if err != nil {
		d.t.Fatal(err)
	}
	u.descriptors = len(open)
	if info, err := os.Stat(filepath.Join(d.state, "journal.db")); err == nil {
		u.journal = info.Size()
	}
	return u
}
