package rag

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watched is a Library that is run, with what its observer heard.
type watched struct {
	*Library
	reloaded chan Stats
	failed   chan error
}

// follow opens path and runs the library until the end of the test.
func follow(t *testing.T, path string) *watched {
	t.Helper()
	w := &watched{reloaded: make(chan Stats, 100), failed: make(chan error, 100)}
	l, err := Open(path, Options{Threshold: -1, Observer: Observer{
		Reloaded:     func(s Stats) { w.reloaded <- s },
		ReloadFailed: func(err error) { w.failed <- err },
	}})
	must(t, err)
	w.Library = l
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// until waits until a question is answered with want. Failures in between are of files seen half written.
func (w *watched) until(t *testing.T, question string, want ...string) {
	t.Helper()
	for {
		got := texts(t, w.Library, question)
		if cmp.Equal(want, got) {
			return
		}
		select {
		case <-w.reloaded:
		case <-w.failed:
		case <-t.Context().Done():
			t.Fatalf("got %q; want %q", got, want)
		}
	}
}

func TestRunFollows(t *testing.T) {
	cases := map[string]struct {
		reason string
		// prepare makes the file at path in folder, with the content "amount one"; change brings "amount two" there.
		prepare, change func(t *testing.T, folder, path string)
	}{
		"write in place": {
			reason:  "An editor or a script may write into the file",
			prepare: func(t *testing.T, _, path string) { write(t, path, "amount one\n") },
			change:  func(t *testing.T, _, path string) { write(t, path, "amount two\n") },
		},
		"rename": {
			reason:  "Others write a new file and rename it over the old",
			prepare: func(t *testing.T, _, path string) { write(t, path, "amount one\n") },
			change: func(t *testing.T, folder, path string) {
				write(t, filepath.Join(folder, "new"), "amount two\n")
				must(t, os.Rename(filepath.Join(folder, "new"), path))
			},
		},
		"ConfigMap": {
			reason: "The kubelet writes a new folder, renames a symlink to it over ..data, and removes the old folder",
			prepare: func(t *testing.T, folder, path string) {
				must(t, os.Mkdir(filepath.Join(folder, "..2026_01"), 0o700))
				write(t, filepath.Join(folder, "..2026_01", "notes.txt"), "amount one\n")
				must(t, os.Symlink("..2026_01", filepath.Join(folder, "..data")))
				must(t, os.Symlink(filepath.Join("..data", "notes.txt"), path))
			},
			change: func(t *testing.T, folder, _ string) {
				must(t, os.Mkdir(filepath.Join(folder, "..2026_02"), 0o700))
				write(t, filepath.Join(folder, "..2026_02", "notes.txt"), "amount two\n")
				must(t, os.Symlink("..2026_02", filepath.Join(folder, "..data_tmp")))
				must(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
				must(t, os.RemoveAll(filepath.Join(folder, "..2026_01")))
			},
		},
		"behind a symlink": {
			reason: "The file that a symlink leads to may be written in its own folder",
			prepare: func(t *testing.T, folder, path string) {
				must(t, os.Mkdir(filepath.Join(folder, "elsewhere"), 0o700))
				write(t, filepath.Join(folder, "elsewhere", "real.txt"), "amount one\n")
				must(t, os.Symlink(filepath.Join("elsewhere", "real.txt"), path))
			},
			change: func(t *testing.T, folder, _ string) {
				write(t, filepath.Join(folder, "elsewhere", "real.txt"), "amount two\n")
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "notes.txt")
			c.prepare(t, folder, path)
			w := follow(t, path)
			// A change before Run watches is seen as well, so that this needs no wait.
			c.change(t, folder, path)
			w.until(t, "amount", "amount two")
		})
	}
}

// TestRunFollowsAgain makes sure that the second swap of a ConfigMap is seen as the first is.
func TestRunFollowsAgain(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "notes.txt")
	swap := func(version, content string) {
		must(t, os.Mkdir(filepath.Join(folder, version), 0o700))
		write(t, filepath.Join(folder, version, "notes.txt"), content)
		must(t, os.Symlink(version, filepath.Join(folder, "..data_tmp")))
		must(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
	}
	swap("..1", "amount one\n")
	must(t, os.Symlink(filepath.Join("..data", "notes.txt"), path))
	w := follow(t, path)
	swap("..2", "amount two\n")
	w.until(t, "amount", "amount two")
	must(t, os.RemoveAll(filepath.Join(folder, "..1")))
	swap("..3", "amount three\n")
	w.until(t, "amount", "amount three")
}

func TestRunKeepsTheLastGoodIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	write(t, path, "amount one\n")
	w := follow(t, path)
	fails := func(check func(error) bool) {
		t.Helper()
		// The file may be seen between being emptied and being written, so that an earlier failure can be another.
		for err := range w.failed {
			if check(err) {
				break
			}
		}
		if diff := cmp.Diff([]string{"amount one"}, texts(t, w.Library, "amount")); diff != "" {
			t.Errorf("the last good index stays in use (-want +got):\n%s", diff)
		}
	}
	write(t, path, "amount two\nbroken \xff\n")
	fails(func(err error) bool {
		var parse *ParseError
		return errors.As(err, &parse) && parse.Line == 2 && strings.Contains(parse.Reason, "UTF-8")
	})
	must(t, os.Remove(path))
	fails(func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
	if s := w.Stats(); s.FailedReloads < 2 || s.Reloads != 0 {
		t.Errorf("got %+v; want two failed reloads or more, and no other", s)
	}

	// That the file is good again is told, even where its content is what is in use already.
	write(t, path, "amount one\n")
	if s := <-w.reloaded; s.Reloads != 1 || s.Entries != 1 {
		t.Errorf("got %+v; want one reload", s)
	}
	write(t, path, "amount three\n")
	w.until(t, "amount", "amount three")
}

// TestReloadTellsOnce makes sure that a broken file is told of once, and a content that did not change not at all.
func TestReloadTellsOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	write(t, path, "amount\n")
	var told []string
	l, err := Open(path, Options{Observer: Observer{
		Reloaded:     func(s Stats) { told = append(told, "reloaded") },
		ReloadFailed: func(err error) { told = append(told, err.Error()) },
	}})
	must(t, err)
	defer l.Close()
	l.reload()
	for range 3 {
		write(t, path, "a\x00")
		l.reload()
	}
	write(t, path, "# nothing\n")
	l.reload()
	for range 2 {
		write(t, path, "amount\n")
		l.reload()
	}
	want := []string{
		"notes.txt:1: the line has a NUL byte, so this is not a text file: save it as UTF-8 text",
		"notes.txt: it has no entry: write at least one line that is neither blank, a # comment nor a ## heading",
		"reloaded",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRunWithoutFile(t *testing.T) {
	l := library(t, "amount\n", Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Errorf("got %v; want nil when the context ends", err)
	}
}

func TestRunTellsWhatCannotBeWatched(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	must(t, os.Mkdir(folder, 0o700))
	write(t, filepath.Join(folder, "notes.txt"), "amount\n")
	l, err := Open(filepath.Join(folder, "notes.txt"), Options{Threshold: -1})
	must(t, err)
	defer l.Close()
	must(t, os.RemoveAll(folder))
	if err := l.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "watch the directory of") {
		t.Errorf("got %v; want what cannot be watched", err)
	}
	if got := texts(t, l, "amount"); len(got) != 1 {
		t.Errorf("the library answers all the same; got %q", got)
	}
}
