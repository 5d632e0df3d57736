package cluster

import (
	"os/exec"
	"runtime"
	"syscall"
)

// starter starts every process from one thread, which lives for as long as this program: the kernel kills them when it ends, however it
// does, and would kill them too when the thread that started them did.
type starter chan func()

func newStarter() starter {
	s := make(starter)
	go func() {
		runtime.LockOSThread()
		for f := range s {
			f()
		}
	}()
	return s
}

func (s starter) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	done := make(chan error)
	s <- func() { done <- cmd.Start() }
	return <-done
}
