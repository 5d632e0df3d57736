package device

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRecordings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	record := func(text string, whole bool) {
		t.Helper()
		r, err := Record(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.File.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := r.Finish(whole); err != nil {
			t.Fatal(err)
		}
	}
	record("first", true)
	record("second", false)
	record("", false)
	left, err := Record(dir) // by a daemon that is killed
	if err != nil {
		t.Fatal(err)
	}
	defer left.File.Close()
	record("fourth", true)
	want := []string{"burst-0001.raw", "burst-0002.raw.cut", "burst-0003.raw.part", "burst-0004.raw"}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordingsAreNumberedOn(t *testing.T) {
	cases := map[string]struct {
		reason string
		there  []string
		want   string
	}{
		"Empty":   {reason: "they begin at 1", want: "burst-0001.raw.part"},
		"Gap":     {reason: "the order is that of time", there: []string{"burst-0007.raw", "burst-0002.raw"}, want: "burst-0008.raw.part"},
		"Wide":    {reason: "more digits are no end", there: []string{"burst-123456.raw.cut"}, want: "burst-123457.raw.part"},
		"Foreign": {reason: "other files do not count", there: []string{"burst-x.raw", "notes.txt", "burst-99999999999999999999.raw", "burst-0009.wav"}, want: "burst-0001.raw.part"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range tc.there {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Record(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer r.File.Close()
			if got := filepath.Base(r.File.Name()); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestRecordingsAreBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range MaxRecordings {
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("burst-%04d.raw", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	if _, err := Record(dir); err == nil {
		t.Error("one more recording was made")
	}
}
