package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// entry is the nth one: announced, n seconds after the beginning.
func entry(n int) dispatch.Entry {
	return dispatch.Entry{
		UID: types.UID(fmt.Sprintf("6f1c2d3e-0000-4000-8000-%012d", n)), Key: "sha256:" + strings.Repeat(fmt.Sprintf("%08x", n), 8),
		Since: began, State: dispatch.Announced, At: began.Add(time.Duration(n) * time.Second),
	}
}

func entriesOf(from, to int) []dispatch.Entry {
	var entries []dispatch.Entry
	for n := from; n < to; n++ {
		entries = append(entries, entry(n))
	}
	return entries
}

func open(t testing.TB, path string, o Options) (*Journal, []dispatch.Entry) {
	t.Helper()
	j, entries, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, entries
}

// reopen closes a journal and says what its file holds.
func reopen(t testing.TB, j *Journal, o Options) (*Journal, []dispatch.Entry) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, entries := open(t, j.path, o)
	if err := again.Recovered(); err != nil {
		t.Fatal(err)
	}
	return again, entries
}

func apply(t testing.TB, j *Journal, remember []dispatch.Entry, forget ...types.UID) {
	t.Helper()
	if err := j.Apply(remember, forget); err != nil {
		t.Fatal(err)
	}
}

func TestEntriesOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, entries := open(t, path, Options{})
	if len(entries) != 0 || j.Recovered() != nil {
		t.Fatalf("a new journal holds %d entries; %v", len(entries), j.Recovered())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	held := entry(1)
	held.State, held.Acknowledged = dispatch.Held, "Zoë on call"
	held.At = held.At.In(time.FixedZone("somewhere", 3600))
	apply(t, j, []dispatch.Entry{entry(3), held, entry(2), entry(4)})
	apply(t, j, nil, entry(2).UID, "never there")
	j, entries = reopen(t, j, Options{})
	if diff := cmp.Diff([]dispatch.Entry{held, entry(3), entry(4)}, entries); diff != "" {
		t.Error(diff)
	}
	if j.Len() != 3 {
		t.Errorf("Len is %d, want 3", j.Len())
	}
	both := entry(5)
	apply(t, j, []dispatch.Entry{both}, both.UID)
	if j.Len() != 3 {
		t.Error("what is to be kept and dropped at once is kept")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Apply(entriesOf(7, 8), nil); err == nil {
		t.Error("a closed journal takes entries")
	}
	if err := j.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestTheLeastNeededGo(t *testing.T) {
	held := func(n int) dispatch.Entry {
		e := entry(n)
		e.State = dispatch.Held
		return e
	}
	cases := map[string]struct {
		reason string
		apply  []dispatch.Entry
		want   []dispatch.Entry
	}{
		"oldest": {
			reason: "of the announced ones the oldest goes, in whatever order they come",
			apply:  []dispatch.Entry{entry(5), entry(1), entry(4), entry(2), entry(3)},
			want:   entriesOf(2, 6),
		},
		"held": {
			reason: "one that was not heard yet is kept before those that were",
			apply:  []dispatch.Entry{held(1), entry(2), entry(3), entry(4), entry(5)},
			want:   []dispatch.Entry{held(1), entry(3), entry(4), entry(5)},
		},
		"all held": {
			reason: "the bound holds nevertheless",
			apply:  []dispatch.Entry{held(1), held(2), held(3), held(4), held(5)},
			want:   []dispatch.Entry{held(2), held(3), held(4), held(5)},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := Options{MaxEntries: 4}
			j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), o)
			for _, e := range c.apply {
				apply(t, j, []dispatch.Entry{e})
			}
			j, one := reopen(t, j, o)
			if diff := cmp.Diff(c.want, one); diff != "" {
				t.Errorf("%s, one by one: %s", c.reason, diff)
			}
			for _, e := range c.want {
				apply(t, j, nil, e.UID)
			}
			apply(t, j, c.apply)
			_, atOnce := reopen(t, j, o)
			if diff := cmp.Diff(c.want, atOnce); diff != "" {
				t.Errorf("%s, at once: %s", c.reason, diff)
			}
		})
	}
}

func TestFewerFitThanThereAre(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	apply(t, j, entriesOf(0, 100))
	j, entries := reopen(t, j, Options{MaxEntries: 10})
	if diff := cmp.Diff(entriesOf(90, 100), entries); diff != "" {
		t.Error(diff)
	}
	apply(t, j, entriesOf(100, 101))
	_, entries = reopen(t, j, Options{})
	if diff := cmp.Diff(entriesOf(91, 101), entries); diff != "" {
		t.Errorf("what was too much is in the file still: %s", diff)
	}
}

func TestEntriesThatCannotBeKept(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(e *dispatch.Entry)
	}{
		"no uid":    {"bbolt has no empty keys", func(e *dispatch.Entry) { e.UID = "" }},
		"long uid":  {"strings are bounded", func(e *dispatch.Entry) { e.UID = types.UID(strings.Repeat("u", maxUID+1)) }},
		"no key":    {"an entry without one says nothing", func(e *dispatch.Entry) { e.Key = "" }},
		"long key":  {"strings are bounded", func(e *dispatch.Entry) { e.Key = strings.Repeat("k", MaxKey+1) }},
		"no UTF-8":  {"JSON would make another key of it", func(e *dispatch.Entry) { e.Key = "\x80" }},
		"state":     {"there are two", func(e *dispatch.Entry) { e.State = "Lost" }},
		"far times": {"RFC 3339 ends with the year 9999", func(e *dispatch.Entry) { e.At = e.At.AddDate(9000, 0, 0) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
			bad := entry(2)
			c.change(&bad)
			if err := j.Apply([]dispatch.Entry{entry(1), bad}, nil); err == nil {
				t.Errorf("it is kept: %s", c.reason)
			}
			if j.Len() != 0 {
				t.Error("what came with it is kept")
			}
			apply(t, j, entriesOf(3, 4))
		})
	}
}

func TestOneDaemonForEachJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, _ := open(t, path, Options{})
	_, _, err := Open(path, Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("a second one: %v, want one that names the file and --state-dir", err)
	}
	opened := make(chan error, 1)
	go func() {
		second, _, err := Open(path, Options{})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	apply(t, j, entriesOf(0, 1))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("one that waited for the first to end: %v", err)
	}
}

// TestWaitingForAFileThatIsReplaced has one daemon wait for the lock of a file in whose place the other puts a new one.
func TestWaitingForAFileThatIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	old, err := acquire(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		_, _, err := Open(path, Options{LockTimeout: 200 * time.Millisecond})
		waited <- err
	}()
	j := &Journal{path: path}
	if err := j.begin(old); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := <-waited; !errors.Is(err, ErrInUse) {
		t.Errorf("%v, want ErrInUse: the lock that came free is of a file that is gone", err)
	}
}

func TestPlacesWhereNoJournalCanBe(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"folder": nil, "missing/journal.db": fs.ErrNotExist} {
		_, _, err := Open(filepath.Join(folder, name), Options{})
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Open(os.DevNull, Options{}); err == nil {
		t.Error("a device was taken for a file")
	}
}

func TestAcknowledgementsAreCutOff(t *testing.T) {
	cases := map[string]struct{ reason, by, want string }{
		"between characters": {"an ä has two bytes", strings.Repeat("ä", dispatch.MaxAcknowledged), strings.Repeat("ä", dispatch.MaxAcknowledged/2)},
		"not within one":     {"the last ä would have been cut in two", "x" + strings.Repeat("ä", dispatch.MaxAcknowledged), "x" + strings.Repeat("ä", dispatch.MaxAcknowledged/2-1)},
		"no UTF-8":           {"JSON would make three bytes of one", strings.Repeat("a\x80", 2), "a?a?"},
		"escaped":            {"JSON makes six bytes of each", strings.Repeat("\x01", dispatch.MaxAcknowledged), strings.Repeat("\x01", dispatch.MaxAcknowledged)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
			e := entry(1)
			e.Key, e.Acknowledged = strings.Repeat("\x01", MaxKey), c.by
			apply(t, j, []dispatch.Entry{e})
			_, entries := reopen(t, j, Options{})
			e.Acknowledged = c.want
			if diff := cmp.Diff([]dispatch.Entry{e}, entries); diff != "" {
				t.Errorf("%s: %s", c.reason, diff)
			}
			if got := dispatch.ClipAcknowledged(c.by); got != c.want {
				t.Errorf("clipped: %q", got)
			}
		})
	}
}
