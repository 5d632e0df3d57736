package rag

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky"
)

// library gives a Library of content that is closed at the end of the test.
func library(t *testing.T, content string, options Options) *Library {
	t.Helper()
	l, err := New("notes.txt", []byte(content), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// texts gives the texts of the hits of a question.
func texts(t *testing.T, l *Library, text string) []string {
	t.Helper()
	hits, err := l.Retrieve(context.Background(), Query{Text: text}, 10)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, h := range hits {
		list = append(list, h.Text)
	}
	return list
}

func TestLibraryRetrieves(t *testing.T) {
	l := library(t, "## Amounts\nAn amount is above the maximum.\n", Options{})
	hits, err := l.Retrieve(context.Background(), Query{Text: "maximum amount"}, 1)
	if err != nil || len(hits) != 1 {
		t.Fatalf("got %v and %v; want one hit", hits, err)
	}
	want := Passage{File: "notes.txt", Line: 2, Title: "Amounts", Text: "An amount is above the maximum."}
	if diff := cmp.Diff(want, hits[0].Passage); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := hits[0].ID(); got != "notes.txt:2" {
		t.Errorf("the passage is named %s; want notes.txt:2", got)
	}
}

func TestLibraryBoundsHits(t *testing.T) {
	l := library(t, strings.Repeat("amount\n", 2*MaxHits), Options{Threshold: -1})
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 7: 7, MaxHits: MaxHits, 1 << 40: MaxHits} {
		hits, err := l.Retrieve(context.Background(), Query{Text: "amount"}, limit)
		if err != nil || len(hits) != want {
			t.Errorf("limit %d gives %d hits and %v; want %d", limit, len(hits), err, want)
		}
	}
}

func TestLibraryCaches(t *testing.T) {
	l := library(t, "amount above the maximum\namount below the minimum\n", Options{CacheSize: 2, Threshold: -1})
	ask := func(text, hints string, limit int) []Hit {
		hits, err := l.Retrieve(context.Background(), Query{Text: text, Hints: hints}, limit)
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	first := ask("amount", "", 2)
	first[0].Text = "changed by the caller"
	if again := ask("amount", "", 2); again[0].Text != "amount above the maximum" {
		t.Errorf("a caller changed the cached answer: %v", again)
	}
	ask("amount", "minimum", 2) // other hints
	ask("amount", "", 1)        // another limit, and the first answer leaves the cache
	ask("amount", "", 2)
	ask("pizza", "", 2)
	ask("pizza", "", 2) // nothing is an answer, too
	got := l.Stats()
	want := Stats{File: "notes.txt", Version: got.Version, Entries: 2, Bytes: 50, CacheHits: 2, CacheMisses: 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLibraryWithoutCache(t *testing.T) {
	l := library(t, "amount\n", Options{CacheSize: -1, Threshold: -1})
	for range 3 {
		texts(t, l, "amount")
	}
	if s := l.Stats(); s.CacheHits != 0 || s.CacheMisses != 3 {
		t.Errorf("got %+v; want no hit and 3 misses", s)
	}
}

func TestLibraryHonoursContext(t *testing.T) {
	l := library(t, "amount\n", Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Retrieve(ctx, Query{Text: "amount"}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}

func TestLibraryClosed(t *testing.T) {
	l := library(t, "amount\n", Options{})
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Retrieve(context.Background(), Query{Text: "amount"}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v; want ErrClosed", err)
	}
	if diff := cmp.Diff(Stats{}, l.Stats()); diff != "" {
		t.Errorf("a closed library holds nothing (-want +got):\n%s", diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	pipe, binary, large := filepath.Join(folder, "pipe"), filepath.Join(folder, "binary"), filepath.Join(folder, "large")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, []byte("a\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, MaxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"folder":   {folder, "not a regular file"},
		"pipe":     {pipe, "not a regular file"},
		"binary":   {binary, "binary:1: the line has a NUL byte"},
		"too long": {large, "larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(c.path, Options{})
			var parse *ParseError
			if !errors.As(err, &parse) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want a *ParseError that says %q", err, c.want)
			}
		})
	}
	if _, err := Open(filepath.Join(folder, "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want fs.ErrNotExist", err)
	}
}

// TestIndexOutlivesItsQueries holds an index as a query in flight does while another takes its place.
func TestIndexOutlivesItsQueries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	write(t, path, "amount one\n")
	l, err := Open(path, Options{Threshold: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	old := l.current.Load()
	write(t, path, "amount two\n")
	l.reload()
	if diff := cmp.Diff([]string{"amount two"}, texts(t, l, "amount")); diff != "" {
		t.Errorf("new queries use the new index (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1}, lines(t, old, Query{Text: "one"}, -1)); diff != "" {
		t.Errorf("the query in flight keeps the old one (-want +got):\n%s", diff)
	}
}

// TestQueriesWhileReloading is for the race detector: each answer comes from one version of the file, whole.
func TestQueriesWhileReloading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	version := func(n int) string {
		return strings.Repeat(fmt.Sprintf("amount of version%d\n", n), 5)
	}
	write(t, path, version(0))
	l, err := Open(path, Options{Threshold: -1, CacheSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				hits, err := l.Retrieve(context.Background(), Query{Text: "amount", Hints: fmt.Sprint("h", (n+worker)%8)}, 5)
				if err != nil || len(hits) != 5 {
					t.Errorf("got %d hits and %v; want 5", len(hits), err)
					return
				}
				for _, h := range hits {
					if h.Text != hits[0].Text {
						t.Errorf("one answer has %q and %q", hits[0].Text, h.Text)
					}
				}
				_ = l.Stats()
			}
		})
	}
	for n := 1; n <= 40; n++ {
		write(t, path, version(n))
		l.reload()
	}
	if got := l.Stats().Reloads; got != 40 {
		t.Errorf("got %d reloads; want 40", got)
	}
	close(done)
	group.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestManyQueriesAtOnce is for the race detector: queries at once of an index that lies in the program, and of one that was
// built, have the answers of queries one by one.
func TestManyQueriesAtOnce(t *testing.T) {
	questions := []string{"amount above the maximum", "duplicate values in a list", "certifcate", "time zone of a date", "pizza", "e-mail address"}
	for name, compiled := range map[string][]byte{"compiled": checky.KnowledgeIndex, "built": nil} {
		t.Run(name, func(t *testing.T) {
			l, err := New(checky.KnowledgeName, checky.Knowledge, Options{CacheSize: -1, Compiled: compiled})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			want := make([][]string, len(questions))
			for i, question := range questions {
				want[i] = texts(t, l, question)
			}
			var group sync.WaitGroup
			for worker := range 8 {
				group.Go(func() {
					for n := range 50 {
						i := (worker + n) % len(questions)
						hits, err := l.Retrieve(context.Background(), Query{Text: questions[i]}, 10)
						got := []string{}
						for _, h := range hits {
							got = append(got, h.Text)
						}
						if diff := cmp.Diff(want[i], got); err != nil || diff != "" {
							t.Errorf("%q: %v (-alone +at once):\n%s", questions[i], err, diff)
						}
					}
				})
			}
			group.Wait()
		})
	}
}
