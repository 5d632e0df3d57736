package sandbox

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

// ownCalls are those that other architectures lack, or name differently.
var ownCalls = []uint32{unix.SYS_FSTATAT}
