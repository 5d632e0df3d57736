package journal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func sizeOf(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestFileStaysSmall writes the same few keys over and over.
func TestFileStaysSmall(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	apply(t, j, entriesOf(0, 100))
	first := sizeOf(t, j.path)
	for n := range 1500 {
		e := entry(n % 100)
		e.At = began.Add(time.Duration(n) * time.Hour)
		apply(t, j, append(entriesOf(n%90, n%90+10), e))
	}
	if size := sizeOf(t, j.path); size > 3*first {
		t.Errorf("%d bytes after the first 100 entries, %d after 1500 changes to them", first, size)
	}
}

// TestFileIsWrittenAnew leaves a large file with little in it.
func TestFileIsWrittenAnew(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	apply(t, j, entriesOf(0, 20_000))
	full := sizeOf(t, j.path)
	j, _ = reopen(t, j, Options{})
	if size := sizeOf(t, j.path); size != full {
		t.Errorf("%d bytes became %d, though all are in use", full, size)
	}
	var forget []types.UID
	for n := range 19_000 {
		forget = append(forget, entry(n).UID)
	}
	apply(t, j, nil, forget...)
	if err := os.WriteFile(j.path+temporarySuffix, []byte("what an earlier attempt left"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, entries := reopen(t, j, Options{})
	if size := sizeOf(t, j.path); size > compactAbove || size >= full/4 || len(entries) != 1000 {
		t.Errorf("%d bytes with 20,000 entries became %d with %d", full, size, len(entries))
	}
	if _, err := os.Stat(j.path + temporarySuffix); err == nil {
		t.Error("a file is left behind")
	}
	apply(t, j, entriesOf(0, 1), entry(19_000).UID)
	if _, entries = reopen(t, j, Options{}); len(entries) != 1000 {
		t.Errorf("%d entries after that", len(entries))
	}
}

func benchmarkApply(b *testing.B, held, each int) {
	j, _ := open(b, filepath.Join(b.TempDir(), "journal.db"), Options{})
	apply(b, j, entriesOf(0, held))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch := entriesOf(n%(held-each+1), n%(held-each+1)+each)
		if err := j.Apply(batch, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply1(b *testing.B)          { benchmarkApply(b, 1000, 1) }
func BenchmarkApply100(b *testing.B)        { benchmarkApply(b, 1000, 100) }
func BenchmarkApply1Of50000(b *testing.B)   { benchmarkApply(b, 50_000, 1) }
func BenchmarkApply100Of50000(b *testing.B) { benchmarkApply(b, 50_000, 100) }

// BenchmarkApplyEvicts applies an entry that another has to make room for.
func BenchmarkApplyEvicts(b *testing.B) {
	j, _ := open(b, filepath.Join(b.TempDir(), "journal.db"), Options{})
	apply(b, j, entriesOf(0, DefaultMaxEntries))
	b.ReportAllocs()
	for n := DefaultMaxEntries; b.Loop(); n++ {
		if err := j.Apply(entriesOf(n, n+1), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen50000(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	j, _ := open(b, path, Options{})
	apply(b, j, entriesOf(0, 50_000))
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		j, _, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
