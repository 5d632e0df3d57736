//go:build !unix

package controlplane

import (
	"os"
	"path/filepath"
	"syscall"
)

func supervisorAttributes() *syscall.SysProcAttr { return nil }

// lockFolder only opens the lock file: here nothing keeps two processes from one folder but etcd's own lock.
func lockFolder(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
}
