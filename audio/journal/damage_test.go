package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

// bytesOf are a journal's file with so many entries, some of which were dropped again.
func bytesOf(t testing.TB, entries int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	j, _, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, j, entriesOf(0, entries))
	for n := range 4 {
		apply(t, j, nil, entry(n).UID)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamagedFiles(t *testing.T) {
	whole := bytesOf(t, 300)
	changed := func(change func(b []byte)) []byte {
		b := bytes.Clone(whole)
		change(b)
		return b
	}
	pageSize := int(order.Uint32(whole[headerSize+8:]))
	lost := map[string][]byte{
		"text":           []byte("this is no journal\n"),
		"zeros":          make([]byte, 32<<10),
		"a single byte":  {0},
		"cut off":        whole[:len(whole)/2],
		"a page is left": whole[:pageSize],
		"heads are left": whole[:2*pageSize],
		"both heads are lost": changed(func(b []byte) {
			b[headerSize+20] ^= 1
			b[pageSize+headerSize+20] ^= 1
		}),
		"data are lost":       changed(func(b []byte) { clear(b[2*pageSize:]) }),
		"every page is one":   changed(func(b []byte) { copyPages(b, pageSize) }),
		"another's database":  foreign(t),
		"larger than allowed": make([]byte, 1),
	}
	for name, data := range lost {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			if err := os.WriteFile(path+corruptSuffix, []byte("an earlier one"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "larger than allowed" {
				if err := os.Truncate(path, maxFileBytes+1); err != nil {
					t.Fatal(err)
				}
			}
			j, entries := open(t, path, Options{})
			if err := j.Recovered(); err == nil || !strings.Contains(err.Error(), path+corruptSuffix) || len(entries) != 0 {
				t.Errorf("%d entries, Recovered says %v", len(entries), err)
			}
			if kept, err := os.ReadFile(path + corruptSuffix); err != nil || name != "larger than allowed" && !bytes.Equal(kept, data) {
				t.Errorf("the damaged file is not kept: %d bytes, %v", len(kept), err)
			}
			apply(t, j, entriesOf(0, 3))
			_, entries = reopen(t, j, Options{})
			if diff := cmp.Diff(entriesOf(0, 3), entries); diff != "" {
				t.Error(diff)
			}
			if names, err := filepath.Glob(path + "*"); err != nil || len(names) != 2 {
				t.Errorf("%v, %v: want the journal and the damaged one", names, err)
			}
		})
	}
	kept := map[string][]byte{
		"whole":                whole,
		"first head is lost":   changed(func(b []byte) { b[headerSize+20] ^= 1 }),
		"second head is lost":  changed(func(b []byte) { b[pageSize+headerSize+20] ^= 1 }),
		"first page is lost":   changed(func(b []byte) { clear(b[:pageSize]) }),
		"more than there was":  append(bytes.Clone(whole), make([]byte, 100)...),
		"less room than there": whole[:pageSize*int(newest(t, whole).pages)],
	}
	for name, data := range kept {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			j, entries := open(t, path, Options{})
			// What is lost with a head is its last transaction, which dropped one entry.
			if err := j.Recovered(); err != nil || len(entries) < 296 || len(entries) > 297 {
				t.Errorf("%d entries, Recovered says %v", len(entries), err)
			}
			apply(t, j, entriesOf(0, 300))
			if err := readable(j); err != nil {
				t.Error(err)
			}
		})
	}
}

// copyPages makes every page that has a root the root of itself: bbolt would go down for ever.
func copyPages(b []byte, pageSize int) {
	for at := 2 * pageSize; at < len(b); at += pageSize {
		if order.Uint16(b[at+8:]) == leafPage {
			order.PutUint16(b[at+8:], branchPage)
			order.PutUint64(b[at+headerSize+8:], uint64(at/pageSize))
		}
	}
}

func newest(t testing.TB, b []byte) meta {
	t.Helper()
	m, err := findMeta(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// foreign is a bbolt database of somebody else.
func foreign(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBadRecordsAreDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, _ := open(t, path, Options{})
	apply(t, j, entriesOf(0, 3))
	bad := map[types.UID][]byte{
		"no-json": []byte("{"), "empty": {}, "no-key": []byte(`{"state":"Held","at":"2026-03-01T12:00:00Z"}`),
		"long": []byte(`{"key":"k","state":"Held","more":"` + strings.Repeat("x", maxRecord) + `"}`),
	}
	if err := j.db.Update(func(tx *bbolt.Tx) error { return write(tx, bad) }); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, entries := open(t, path, Options{})
	if err := j.Recovered(); err == nil || !strings.Contains(err.Error(), "4 of 7") {
		t.Errorf("Recovered says %v, want 4 of 7 records", err)
	}
	if diff := cmp.Diff(entriesOf(0, 3), entries); diff != "" {
		t.Error(diff)
	}
	apply(t, j, entriesOf(3, 4))
	_, entries = reopen(t, j, Options{}) // which fails if anything could not be read
	if len(entries) != 4 {
		t.Errorf("%d entries, want 4", len(entries))
	}
}

func TestDamagedFileThatCannotBeKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+corruptSuffix, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	j, _ := open(t, path, Options{})
	if err := j.Recovered(); err == nil || !strings.Contains(err.Error(), "could not be kept") {
		t.Errorf("Recovered says %v", err)
	}
	apply(t, j, entriesOf(0, 1))
}

// openBytes opens any bytes as a journal. Whatever they are, the journal that comes of it works.
func openBytes(t *testing.T, data []byte) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	j, entries, err := Open(path, Options{MaxEntries: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	forget := make([]types.UID, 0, len(entries))
	for _, e := range entries {
		forget = append(forget, e.UID)
	}
	remember := []dispatch.Entry{entry(1), entry(2)}
	for _, step := range []func() error{
		func() error { return j.Apply(remember, nil) },
		func() error { return j.Apply(nil, forget) },
		func() error { return j.Apply(remember, nil) },
		j.Close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	j, entries, err = Open(path, Options{})
	if err != nil || j.Recovered() != nil {
		t.Fatal(err, j.Recovered())
	}
	if diff := cmp.Diff(remember, entries); diff != "" {
		t.Error(diff)
	}
	if err := readable(j); err != nil && !strings.Contains(err.Error(), "unreachable unfreed") { // a page that is lost to use does no harm
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	small := bytesOf(f, 6)
	f.Add([]byte(nil))
	f.Add([]byte("no journal"))
	f.Add(make([]byte, 16<<10))
	f.Add(small[:16<<10])
	f.Add(small[:10<<10])
	f.Add(foreign(f)[:16<<10])
	f.Fuzz(openBytes)
}

// FuzzDamage changes a file of several pages in two places, and has the checksums of its heads right nevertheless.
func FuzzDamage(f *testing.F) {
	whole := bytesOf(f, 300)
	pageSize := int(order.Uint32(whole[headerSize+8:]))
	m := newest(f, whole)
	number := func(n uint64) []byte { return binary.NativeEndian.AppendUint64(nil, n) }
	f.Add(uint32(0), []byte(nil), uint32(0), []byte(nil))
	f.Add(uint32(headerSize+16), number(3), uint32(pageSize+headerSize+16), number(4))
	f.Add(uint32(headerSize+32), number(m.root), uint32(pageSize+headerSize+32), number(m.root))
	f.Add(uint32(headerSize+40), number(1<<20), uint32(pageSize+headerSize+40), number(5))
	for page := uint64(2); page < m.pages; page++ {
		at := uint32(page) * uint32(pageSize)
		f.Add(at+8, []byte{branchPage, 0}, at+headerSize+8, number(page))
		f.Add(at+10, []byte{0xFF, 0xFF}, at+12, []byte{1, 0, 0, 0})
		f.Add(at+headerSize, number(page), at+headerSize+8, number(m.root))
	}
	f.Fuzz(func(t *testing.T, at1 uint32, patch1 []byte, at2 uint32, patch2 []byte) {
		data := bytes.Clone(whole)
		for at, patch := range map[uint32][]byte{at1: patch1, at2: patch2} {
			copy(data[int(at)%len(data):], patch)
		}
		for _, head := range [][]byte{data[headerSize:], data[pageSize+headerSize:]} {
			sum := fnv.New64a()
			_, _ = sum.Write(head[:metaSize-8])
			order.PutUint64(head[metaSize-8:], sum.Sum64())
		}
		openBytes(t, data)
	})
}

func FuzzRecord(f *testing.F) {
	for _, e := range []dispatch.Entry{entry(1), {UID: "u", Key: "k", State: dispatch.Held, Acknowledged: "\"é\u2028"}} {
		record, err := encode(&e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(e.UID), record)
	}
	f.Add("u", []byte(`{"key":"k","state":"Held","at":"0000-01-01T00:00:00+23:59"}`))
	f.Add("u", []byte(`[]`))
	f.Fuzz(func(t *testing.T, uid string, record []byte) {
		e, err := decode(types.UID(uid), record)
		if err != nil {
			return
		}
		again, err := encode(&e)
		if err != nil {
			t.Fatalf("what could be read cannot be written: %v", err)
		}
		back, err := decode(e.UID, again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Error(diff)
		}
	})
}
