//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A filter's answers: linux/seccomp.h.
const (
	answerAllow = 0x7fff0000
	answerErrno = 0x00050000 // with the error in the low half
	answerKill  = 0x80000000
)

// Offsets in what a filter looks at: struct seccomp_data of linux/seccomp.h, on a little-endian machine.
const (
	offsetNumber       = 0
	offsetArchitecture = 4
	offsetArguments    = 16
)

// rule allows a system call if all of its arguments that are looked at are as they should. Several rules for one call are alternatives.
type rule struct {
	number    uint32
	arguments []argument
}

// argument is fine where its low half, masked, is the value. Flags and descriptors have no high half.
type argument struct {
	index       uint32
	mask, value uint32
	high        bool // look at the high half
}

func (a argument) offset() uint32 {
	offset := offsetArguments + 8*a.index
	if a.high {
		offset += 4
	}
	return offset
}

const all = 0xffffffff

// restricted are the calls that are allowed with some arguments alone. pid is the process' own.
func restricted(pid uint32) []rule {
	const (
		namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
		ioctlType  = 0xff00 // an ioctl's number is direction, size, type, number: asm-generic/ioctl.h
	)
	own := []argument{{index: 0, mask: all, value: pid}}
	return []rule{
		// Threads, and no processes.
		{unix.SYS_CLONE, []argument{{index: 0, mask: unix.CLONE_THREAD | namespaces, value: unix.CLONE_THREAD}}},
		// Memory that holds code is mapped by now.
		{unix.SYS_MMAP, []argument{{index: 2, mask: unix.PROT_EXEC}}},
		{unix.SYS_MPROTECT, []argument{{index: 2, mask: unix.PROT_EXEC}}},
		// Go stops its own threads by signals, and ends by one.
		{unix.SYS_TGKILL, own},
		{unix.SYS_KILL, own},
		// What a descriptor is and how it waits. The kernel would also signal another process by one (F_SETOWN, O_ASYNC).
		{unix.SYS_FCNTL, []argument{{index: 1, mask: all, value: unix.F_GETFD}}},
		{unix.SYS_FCNTL, []argument{{index: 1, mask: all, value: unix.F_SETFD}}},
		{unix.SYS_FCNTL, []argument{{index: 1, mask: all, value: unix.F_GETFL}}},
		{unix.SYS_FCNTL, []argument{{index: 1, mask: all, value: unix.F_SETFL}, {index: 2, mask: unix.O_ASYNC}}},
		// Landlock says which files; none is created or emptied.
		{unix.SYS_OPENAT, []argument{{index: 2, mask: unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY}}},
		// ALSA's: PCM and control (sound/asound.h).
		{unix.SYS_IOCTL, []argument{{index: 1, mask: ioctlType, value: 'A' << 8}}},
		{unix.SYS_IOCTL, []argument{{index: 1, mask: ioctlType, value: 'U' << 8}}},
		// Go names its memory.
		{unix.SYS_PRCTL, []argument{{index: 0, mask: all, value: unix.PR_SET_VMA}}},
		// Limits are read, and not set.
		{unix.SYS_PRLIMIT64, []argument{{index: 2, mask: all}, {index: 2, mask: all, high: true}}},
	}
}

// always are the calls that are allowed whatever their arguments, on every architecture.
var always = []uint32{
	unix.SYS_READ, unix.SYS_READV, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PWRITE64, unix.SYS_LSEEK, unix.SYS_CLOSE,
	unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_PPOLL, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// program writes the filter for this architecture, and for a process.
func program(pid uint32) []bpf.Instruction {
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArchitecture, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: architecture, SkipTrue: 1},
		bpf.RetConstant{Val: answerKill},
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		// The C library falls back to clone, whose flags a filter can see.
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_CLONE3, SkipFalse: 1},
		bpf.RetConstant{Val: answerErrno | uint32(unix.ENOSYS)},
	}
	for _, numbers := range [][]uint32{always, ownCalls} {
		for _, number := range numbers {
			p = append(p, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 1}, bpf.RetConstant{Val: answerAllow})
		}
	}
	for _, r := range restricted(pid) {
		// A test that fails goes on behind the rule: there are three instructions for each argument, and the answer.
		left := uint8(3*len(r.arguments) + 1) //nolint:gosec // a rule has two arguments at most
		p = append(p, bpf.LoadAbsolute{Off: offsetNumber, Size: 4}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.number, SkipFalse: left})
		for _, a := range r.arguments {
			left -= 3
			p = append(p,
				bpf.LoadAbsolute{Off: a.offset(), Size: 4},
				bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: a.mask},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: a.value, SkipFalse: left})
		}
		p = append(p, bpf.RetConstant{Val: answerAllow})
	}
	return append(p, bpf.RetConstant{Val: answerErrno | uint32(unix.EPERM)})
}

// setFilter installs the filter on all threads.
func setFilter() error {
	if architecture == 0 {
		return errors.New("there is no filter for this processor's architecture")
	}
	raw, err := bpf.Assemble(program(uint32(os.Getpid()))) //nolint:gosec // a process' id has 22 bits
	if err != nil {
		return fmt.Errorf("assembling the filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}                                                                             //nolint:gosec // a few hundred
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))) //nolint:gosec // the call wants an address
	switch {
	case errno != 0:
		return errno
	case thread != 0:
		return errors.New("a thread has a filter of its own")
	}
	return nil
}
