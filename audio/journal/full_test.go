package journal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

func uidNumber(t testing.TB, uid types.UID) int {
	t.Helper()
	n, err := strconv.Atoi(string(uid[len(uid)-12:]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFullDisk runs its steps in a process of its own: on a filesystem of 256 KiB where this one may mount one, and under a limit
// of the size of files otherwise.
func TestFullDisk(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], t.TempDir())
	cmd.Env = append(os.Environ(), childVariable+"=full disk")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		t.Fatal(err)
	}
}

// TestFilesThatMayNotGrow does the same where anybody can.
func TestFilesThatMayNotGrow(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], t.TempDir())
	cmd.Env = append(os.Environ(), childVariable+"=limited files")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// fillDisk is the child; mounts tells whether what it mounts is its own.
func fillDisk(folder string, mounts bool) {
	fill, empty := limitFiles()
	if mounts {
		err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
		if err == nil {
			err = syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=256k")
		}
		if err != nil {
			fmt.Println("nothing can be mounted, files are limited instead:", err)
		} else {
			fill, empty = ballast(folder)
		}
	}
	if err := stepsOfAFullDisk(filepath.Join(folder, "journal.db"), fill, empty); err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// limitFiles fills a disk by forbidding files of more than 24 KiB: room for the head of a journal.
func limitFiles() (fill, empty func() error) {
	set := func(limit uint64) error {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			return err
		}
		l.Cur = min(limit, l.Max)
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
	}
	return func() error { return set(24 << 10) }, func() error { return set(1 << 40) }
}

// ballast fills a filesystem by a file.
func ballast(folder string) (fill, empty func() error) {
	path := filepath.Join(folder, "ballast")
	fill = func() error {
		err := os.WriteFile(path, make([]byte, 1<<20), 0o600)
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("the disk is not full: %w", err)
		}
		return nil
	}
	return fill, func() error { return os.Remove(path) }
}

func stepsOfAFullDisk(path string, fill, empty func() error) error {
	if err := fill(); err != nil {
		return err
	}
	if _, _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "--state-dir") {
		return fmt.Errorf("a journal begun on the full disk: %w", err)
	}
	if err := empty(); err != nil {
		return err
	}
	j, _, err := Open(path, Options{})
	if err != nil || j.Recovered() != nil {
		return errors.Join(err, j.Recovered())
	}
	if err := j.Apply(entriesOf(0, 20), nil); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	failures := 0
	for n := 20; n < 320; n += 20 {
		if err := j.Apply(entriesOf(n, n+20), []types.UID{entry(n - 20).UID}); err != nil {
			failures++
			if failures == 1 {
				fmt.Println(err)
			}
		}
		if err := readable(j); err != nil {
			return err
		}
	}
	if failures == 0 || j.Len() != 305 {
		return fmt.Errorf("%d failures, %d entries", failures, j.Len())
	}
	if err := empty(); err != nil {
		return err
	}
	if err := j.Apply(nil, nil); err != nil { // what waits is enough to write
		return err
	}
	if err := j.Close(); err != nil {
		return err
	}
	j, entries, err := Open(path, Options{})
	if err != nil || j.Recovered() != nil || len(entries) != 305 {
		return fmt.Errorf("%d entries, want 305: %w", len(entries), errors.Join(err, j.Recovered()))
	}
	return j.Close()
}

// readable tells whether bbolt itself finds nothing wrong, and all can be read.
func readable(j *Journal) error {
	records, err := read(j.db)
	if err != nil {
		return err
	}
	for uid, record := range records {
		if _, err := decode(uid, record); err != nil {
			return err
		}
	}
	return j.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		return nil
	})
}

// TestFaultIsNoEnd takes the file away from under bbolt: what it has mapped is not there any more.
func TestFaultIsNoEnd(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	apply(t, j, entriesOf(0, 2000))
	if err := os.Truncate(j.path, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one must not wait for the locks of the first
		err := j.Apply(entriesOf(2000, 2001), nil)
		var p *panicError
		if !errors.As(err, &p) {
			t.Errorf("%v, want one of bbolt's panics", err)
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	again, entries := open(t, j.path, Options{})
	if len(entries) != 0 || again.Recovered() != nil {
		t.Errorf("%d entries, %v: the file is empty", len(entries), again.Recovered())
	}
	apply(t, again, []dispatch.Entry{entry(1)})
}
