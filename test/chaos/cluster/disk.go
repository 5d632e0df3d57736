package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// diskSize is how many bytes there is room for on the journal's filesystem: more than the journal of a run of hours takes, which has some hundred
// bytes for each failure.
const diskSize = 64 << 20

// disk is a small filesystem of the journal's own, which can be filled. Its zero value is none.
type disk struct{ folder string }

func (d *disk) mount(folder string) error {
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskSize)); err != nil {
		return err
	}
	d.folder = folder
	return nil
}

// errNoDisk is why a disk cannot be filled.
var errNoDisk = errors.New("the journal has no filesystem of its own; that needs the right to mount")

// fill takes all room, until empty is called.
func (d *disk) fill() (empty func() error, err error) {
	if d.folder == "" {
		return nil, errNoDisk
	}
	path := filepath.Join(d.folder, "ballast")
	if err := os.WriteFile(path, make([]byte, diskSize+1), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return nil, fmt.Errorf("the disk is not full: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}

func (d *disk) close() {
	if d.folder != "" {
		_ = syscall.Unmount(d.folder, syscall.MNT_DETACH) // it has nothing that is kept
	}
}
