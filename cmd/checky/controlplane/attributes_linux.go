package controlplane

import "syscall"

// childAttributes: the kernel kills the server when its supervisor dies without having stopped it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
