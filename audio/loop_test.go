//go:build linux

package audio

import (
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
	"github.com/checky-dev/checky/audio/trace"
)

// newLooper makes a loop that is not run, with a count of what it logs other than for debugging.
func newLooper(t *testing.T) (l *looper, lines *int) {
	t.Helper()
	metrics, err := trace.New(prometheus.NewRegistry(), func() int { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	lines = new(int)
	log := funcr.New(func(string, string) { *lines++ }, funcr.Options{})
	return &looper{
		daemon: &daemon{log: log, began: time.Now(), state: dispatch.New(dispatch.Options{}), metrics: metrics},
		timer:  time.NewTimer(time.Hour),
	}, lines
}

func TestJournalThatCannotBeWrittenIsToldOnce(t *testing.T) {
	l, lines := newLooper(t)
	path := filepath.Join(t.TempDir(), "journal.db")
	open := func() *journal.Journal {
		j, _, err := journal.Open(path, journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = j.Close() })
		return j
	}
	l.journal = open()
	if err := l.journal.Close(); err != nil { // from here on it refuses all
		t.Fatal(err)
	}
	remember := func(uid types.UID) *dispatch.Decision {
		return &dispatch.Decision{Remember: []dispatch.Entry{{UID: uid, Key: "key", State: dispatch.Announced, At: l.began}}}
	}
	for range 100 {
		l.write(remember("a"))
		l.write(&dispatch.Decision{})
	}
	if *lines != 1 {
		t.Errorf("%d lines for a storm of failures on a full disk", *lines)
	}
	if l.journaled() == nil {
		t.Error("readiness does not tell")
	}
	l.journal = open()
	l.write(remember("b"))
	if err := l.journaled(); err != nil || *lines != 2 {
		t.Errorf("%v; %d lines: that it is written again is told, too", err, *lines)
	}
}

func TestOverflowIsToldOnce(t *testing.T) {
	l, lines := newLooper(t)
	for range 100 {
		l.suppressed([]dispatch.Suppression{{Reason: dispatch.ReasonOverflow}, {Reason: dispatch.ReasonFlood}, {Reason: dispatch.ReasonOverflow}})
	}
	if *lines != 1 {
		t.Errorf("%d lines", *lines)
	}
}

func TestWhatHangsAtTheEndIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		l := &looper{daemon: &daemon{log: logr.Discard(), began: began, state: dispatch.New(dispatch.Options{})}}
		done, once := make(chan dispatch.Result, 1), sync.Once{}
		l.playing = &playing{
			announcement: &dispatch.Announcement{ID: 1}, done: done,
			cancel: func() { once.Do(func() { done <- dispatch.Interrupted }) },
		}
		l.end()
		if lasted := time.Since(began); lasted != endPatience {
			t.Errorf("it took %s", lasted)
		}
	})
}

func TestOptionsNameTheFlag(t *testing.T) {
	good := DefaultOptions()
	good.NodeName = "node-1"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]func(o *Options){
		"--node-name: set it, or NODE_NAME in the environment, to the name of the node that this daemon runs on": func(o *Options) { o.NodeName = "" },
		"--namespace: it is no name that a namespace can have":                                                   func(o *Options) { o.Namespace = "A" },
		"--max-age: 0s is not between 1s and 24h0m0s":                                                            func(o *Options) { o.MaxAge = 0 },
		"--max-age: 25h0m0s is not between 1s and 24h0m0s":                                                       func(o *Options) { o.MaxAge = 25 * time.Hour },
		"--flood-threshold: 0 is not between 1 and 1000":                                                         func(o *Options) { o.FloodThreshold = 0 },
		"--metrics-bind-address: expected HOST:PORT, or 0 for none: address 9090: missing port in address":       func(o *Options) { o.MetricsAddress = "9090" },
		"--health-probe-bind-address: expected HOST:PORT, or 0 for none: missing port in address":                func(o *Options) { o.HealthAddress = "" },
	}
	for want, change := range cases {
		o := good
		change(&o)
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
