package sandbox

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_X86_64

// ownCalls are those that other architectures lack, or name differently. Calls of the x32 interface have other numbers, and are
// refused.
var ownCalls = []uint32{unix.SYS_NEWFSTATAT, unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_TIME}
