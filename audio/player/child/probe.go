//go:build linux

package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/audio/player"
)

// probe tries what no player needs. Nothing is left of what is not refused.
func probe() []player.Probe {
	var probes []player.Probe
	for _, p := range []struct {
		action string
		try    func() error
	}{
		{"read /etc/passwd", func() error { return open("/etc/passwd", unix.O_RDONLY) }},
		{"write a file", writeFile},
		{"open a TCP socket", func() error {
			return dial(unix.AF_INET, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}})
		}},
		{"open a unix socket", func() error { return dial(unix.AF_UNIX, &unix.SockaddrUnix{Name: "@checky-alertd-probe"}) }},
		{"execute a program", execute},
		{"start a process", fork},
		{"trace a process", func() error { return unix.PtraceDetach(noProcess) }},
		{"send a signal to the parent", func() error { return unix.Kill(unix.Getppid(), 0) }},
		{"map memory for code", mapCode},
	} {
		err := p.try()
		detail := "it was not refused"
		if err != nil {
			detail = err.Error()
		}
		probes = append(probes, player.Probe{Action: p.action, Refused: refused(err), Detail: detail})
	}
	return probes
}

// noProcess is beyond the largest id that a process can have: asking for it tells whether one may ask.
const noProcess = 1<<31 - 1

// refused tells a refusal from what else can go wrong once something is allowed.
func refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS)
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func writeFile() error {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("checky-alertd-probe-%d", os.Getpid()))
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err == nil {
		_ = unix.Close(fd)
		_ = unix.Unlink(path)
	}
	return err
}

// dial makes a socket, and connects it where it may: older kernels' Landlock refuses that.
func dial(family int, to unix.Sockaddr) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = unix.Connect(fd, to)
	_ = unix.Close(fd)
	return err
}

// execute asks for this very program, with arguments that lie nowhere: that is looked at after the permission, so that it does
// not come to be.
func execute() error {
	path, err := unix.BytePtrFromString("/proc/self/exe")
	if err != nil {
		return err
	}
	const nowhere = 1
	_, _, errno := unix.Syscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), nowhere, 0) //nolint:gosec // the call wants addresses
	return errno
}

// fork makes a process that ends at once.
func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func mapCode() error {
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		_ = unix.Munmap(memory)
	}
	return err
}
