//go:build unix

package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// supervisorAttributes put a supervisor and its server in a process group of their own: Ctrl-C in a
// terminal then reaches only this process, which stops everything in order.
func supervisorAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// lockFolder takes the folder for this process, until the returned file is closed or the process ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the data folder %s is in use by another control plane: stop that one, or name another folder", dir)
	}
	return f, nil
}
