//go:build linux

package audio

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
)

// tones is a folder with a sound, and with what is none.
func tones(t *testing.T) *folder {
	t.Helper()
	outside, inside := t.TempDir(), t.TempDir()
	write := func(dir, name string, size int64) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte("sound"), 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
	}
	write(outside, "secret", 5)
	write(inside, "bell.wav", 5)
	write(inside, "largest.wav", tone.MaxFileBytes)
	write(inside, "large.wav", tone.MaxFileBytes+1)
	write(inside, "endless.wav", 1<<40)
	err := errors.Join(
		os.Mkdir(filepath.Join(inside, "folder"), 0o700),
		unix.Mkfifo(filepath.Join(inside, "pipe"), 0o600),
		os.Symlink("bell.wav", filepath.Join(inside, "link.wav")),
		os.Symlink("pipe", filepath.Join(inside, "link-to-pipe")),
		os.Symlink("loop", filepath.Join(inside, "loop")),
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(inside, "absolute")),
		os.Symlink("../"+filepath.Base(outside)+"/secret", filepath.Join(inside, "relative")),
		os.Symlink("/dev/zero", filepath.Join(inside, "device")),
		os.Symlink("/proc/self/environ", filepath.Join(inside, "proc")),
	)
	if err != nil {
		t.Fatal(err)
	}
	f, err := openFolder(inside)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func TestFolderReadsItsOwnFilesAlone(t *testing.T) {
	f := tones(t)
	cases := map[string]struct {
		reason string
		name   string
		size   int // -1: refused
	}{
		"File":         {"a sound", "bell.wav", 5},
		"Link":         {"a volume of a ConfigMap is full of them", "link.wav", 5},
		"Largest":      {"the bound itself", "largest.wav", tone.MaxFileBytes},
		"Large":        {"a byte more", "large.wav", -1},
		"Endless":      {"no more is read than may be", "endless.wav", -1},
		"Missing":      {"there is none", "none.wav", -1},
		"Folder":       {"it holds no sound", "folder", -1},
		"Pipe":         {"nobody will ever write to it", "pipe", -1},
		"LinkToPipe":   {"nor here", "link-to-pipe", -1},
		"Loop":         {"it leads nowhere", "loop", -1},
		"Absolute":     {"out of the folder", "absolute", -1},
		"Relative":     {"out of the folder", "relative", -1},
		"Device":       {"out of the folder, and without end", "device", -1},
		"Proc":         {"out of the folder", "proc", -1},
		"Parent":       {"which a policy cannot name", "../bell.wav", -1},
		"AbsolutePath": {"which a policy cannot name", "/etc/passwd", -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data, err := f.read(t.Context(), tc.name)
			if tc.size < 0 && err == nil || tc.size >= 0 && (err != nil || len(data) != tc.size) {
				t.Errorf("%s: %d bytes, %v", tc.reason, len(data), err)
			}
			if errors.Is(err, errFolderSlow) {
				t.Errorf("%s: it was waited for", tc.reason)
			}
		})
	}
}

func TestNoFolder(t *testing.T) {
	var f *folder
	defer f.close()
	if _, err := f.read(t.Context(), "bell.wav"); !errors.Is(err, errNoFolder) {
		t.Error(err)
	}
}

// TestFolderThatHangs: a volume's server goes away, and comes back. Nobody waits for it, and it is asked once.
func TestFolderThatHangs(t *testing.T) {
	f := tones(t)
	asked, back := make(chan struct{}, 10), make(chan struct{})
	f.load = func(string) ([]byte, error) {
		asked <- struct{}{}
		<-back
		return []byte("sound"), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := f.read(ctx, "bell.wav")
		first <- err
	}()
	<-asked
	cancel() // as the end of patience does
	if err := <-first; !errors.Is(err, errFolderSlow) {
		t.Fatalf("want that it is slow, got %v", err)
	}
	for range 3 {
		if _, err := f.read(ctx, "bell.wav"); !errors.Is(err, errFolderSlow) {
			t.Fatalf("want that it is slow, got %v", err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("%d more goroutines hang", len(asked))
	}
	close(back)
	f.reading <- struct{}{} // the one that hung is done
	<-f.reading
	if data, err := f.read(t.Context(), "bell.wav"); err != nil || !bytes.Equal(data, []byte("sound")) {
		t.Errorf("%q, %v", data, err)
	}
}
