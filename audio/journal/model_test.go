package journal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/audio/dispatch"
)

// model is what a journal is to hold.
type model map[types.UID]dispatch.Entry

func (m model) apply(remember []dispatch.Entry, forget []types.UID, bound int) {
	for _, e := range remember {
		m[e.UID] = e
	}
	for _, uid := range forget {
		delete(m, uid)
	}
	for len(m) > bound {
		var least *dispatch.Entry
		for _, e := range m {
			if least == nil || goesBefore(e, *least) {
				least = &e
			}
		}
		delete(m, least.UID)
	}
}

func goesBefore(a, b dispatch.Entry) bool {
	switch {
	case a.State != b.State:
		return a.State == dispatch.Announced
	case !a.At.Equal(b.At):
		return a.At.Before(b.At)
	}
	return a.UID < b.UID
}

func (m model) entries() []dispatch.Entry {
	entries := []dispatch.Entry{}
	for _, uid := range slices.Sorted(maps.Keys(m)) {
		entries = append(entries, m[uid])
	}
	return entries
}

// TestJournalIsAMap compares a journal with a map, over any order of changes and restarts: of a few entries, which bbolt keeps in one
// page, and of hundreds, which make a tree.
func TestJournalIsAMap(t *testing.T) {
	t.Run("a page", func(t *testing.T) { testJournalIsAMap(t, 12, 8) })
	t.Run("a tree", func(t *testing.T) { testJournalIsAMap(t, 400, 150) })
}

func testJournalIsAMap(t *testing.T, uids, atOnce int) {
	folder := t.TempDir()
	uid := rapid.Custom(func(t *rapid.T) types.UID {
		return types.UID(fmt.Sprint("uid-", rapid.IntRange(0, uids).Draw(t, "uid")))
	})
	anEntry := rapid.Custom(func(t *rapid.T) dispatch.Entry {
		return dispatch.Entry{
			UID: uid.Draw(t, "uid"), Key: "k" + strings.Repeat("x", rapid.IntRange(0, MaxKey-1).Draw(t, "key")),
			Since: began.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "since")) * time.Second),
			State: rapid.SampledFrom([]dispatch.EntryState{dispatch.Held, dispatch.Announced}).Draw(t, "state"),
			At:    began.Add(time.Duration(rapid.Int64Range(-9, 9).Draw(t, "at"))), Acknowledged: rapid.StringN(0, 20, dispatch.MaxAcknowledged).Draw(t, "by"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(folder, "journal.db")
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		o := Options{MaxEntries: rapid.IntRange(1, uids+2).Draw(t, "bound")}
		want := model{}
		j, _, err := Open(path, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				remember := rapid.SliceOfN(anEntry, 0, atOnce).Draw(t, "remember")
				forget := rapid.SliceOfN(uid, 0, atOnce).Draw(t, "forget")
				if err := j.Apply(remember, forget); err != nil {
					t.Fatal(err)
				}
				want.apply(remember, forget, o.MaxEntries)
			},
			"reopen": func(t *rapid.T) {
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				var entries []dispatch.Entry
				if j, entries, err = Open(path, o); err != nil || j.Recovered() != nil {
					t.Fatal(err, j.Recovered())
				}
				if diff := cmp.Diff(want.entries(), append([]dispatch.Entry{}, entries...)); diff != "" {
					t.Fatal(diff)
				}
			},
			"": func(t *rapid.T) {
				if j.Len() != len(want) {
					t.Fatalf("Len is %d, want %d", j.Len(), len(want))
				}
			},
		})
	})
}
