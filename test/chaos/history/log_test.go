package history

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	log, err := Begin(path, 7)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			log.Add(Entry{Call: &Call{Kind: Post, Via: "facade-0", Begin: time.Duration(i), Answer: None, Order: "o"}})
			log.Add(Entry{At: time.Hour, Seen: &Seen{Type: "ADDED", Kind: "Check", Verdict: &Verdict{Phase: "Success"}}})
		})
	}
	group.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	// The start's time has a part that is not written: what the clock that cannot be set said.
	kept := log.Entries()
	kept[0].Start.Wall = kept[0].Start.Wall.Round(0)
	if diff := cmp.Diff(kept, entries); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}

func TestAHistoryIsNotWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(path, 7); !os.IsExist(err) && (err == nil || !strings.Contains(err.Error(), "exists")) {
		t.Errorf("got %v", err)
	}
}

func TestABrokenLineIsTold(t *testing.T) {
	if _, err := Read(strings.NewReader("{}\n{\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestUnknown(t *testing.T) {
	for answer, want := range map[string]struct{ done, unknown bool }{
		"200": {done: true}, "202": {done: true}, "404": {}, "409": {}, "429": {}, "500": {unknown: true}, "503": {unknown: true}, None: {unknown: true},
	} {
		c := Call{Answer: answer}
		if c.Done() != want.done || c.Unknown() != want.unknown {
			t.Errorf("%s: done %t, unknown %t", answer, c.Done(), c.Unknown())
		}
	}
}
