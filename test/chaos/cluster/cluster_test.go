package cluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCrash(t *testing.T) {
	before := "panic: of an earlier start\n"
	for name, tc := range map[string]struct{ log, want, reason string }{
		"Panic":  {"{\"msg\":\"x\"}\npanic: runtime error: index out of range\n\ngoroutine 1\n", "panic: runtime error: index out of range", "Go's own words"},
		"Fatal":  {"fatal error: all goroutines are asleep - deadlock!\n", "fatal error: all goroutines are asleep - deadlock!", "not a panic, and worse"},
		"Spoken": {"{\"msg\":\"panic: no\"}\n", "", "a line of the log that speaks of one"},
		"None":   {"", "", "it ended in silence"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(before+tc.log), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := crash(path, int64(len(before))); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestScrape(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# HELP go_goroutines x\ngo_goroutines 42\nleader_election_master_status{name=\"checky controller\"} 1\na{x=\"1\"} 2\na{x=\"2\"} 3e2\n"))
	}))
	defer server.Close()
	c := &Cluster{web: server.Client(), metrics: map[string]string{"p": server.URL}}
	got, err := c.scrape(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{"go_goroutines": 42, "leader_election_master_status": 1, "a": 302}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPortsAreGivenOnce(t *testing.T) {
	given := map[int]bool{}
	for range 10 {
		ports, err := freePorts(3)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range ports {
			if given[port] || port < firstPort || port > lastPort {
				t.Errorf("port %d", port)
			}
			given[port] = true
		}
	}
}

// TestAnEmptyDiskIsNotFilled holds that a disk which was not mounted is never written to: it would be the machine's own.
func TestAnEmptyDiskIsNotFilled(t *testing.T) {
	var none disk
	if _, err := none.fill(); err == nil {
		t.Error("it was filled")
	}
}
