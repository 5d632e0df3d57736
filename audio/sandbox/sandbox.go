//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os/signal"
	"runtime"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// What a player may use. It takes a third of the data, most of that the stacks of threads, and a tenth of the others.
const (
	MaxProcessorSeconds = 10        // RLIMIT_CPU: the kernel kills it
	MaxDataBytes        = 512 << 20 // RLIMIT_DATA: heap and the stacks of threads; more is out of memory
	MaxDescriptors      = 64        // RLIMIT_NOFILE
	MaxFileBytes        = 16 << 20  // RLIMIT_FSIZE: of a recording; writing more fails
)

// Enforce puts this process into the sandbox. The devices are files that it may open for reading and writing from then on, and
// control with ioctl; those that do not exist are left out. Descriptors that are open stay usable.
func Enforce(devices ...string) Report {
	// no_new_privs of this thread is what the filter below asks for.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	o := outcome{noNewPrivs: setNoNewPrivs(), rlimits: setLimits()}
	o.abi, _ = landlocksys.LandlockGetABIVersion()
	if o.abi > 0 {
		o.landlock = landlock.V11.BestEffort().Restrict(landlock.RWFiles(devices...).WithIoctlDev().IgnoreIfMissing())
	} else {
		o.abi, o.landlock = 0, unix.ENOSYS
	}
	o.seccomp = setFilter()
	return o.report()
}

// Seclude keeps other processes of this user from tracing this one, and from reading and writing its memory, and the kernel from dumping it: a player
// that broke out of its decoder has nothing else to stop it where the kernel has no Landlock.
func Seclude() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// setNoNewPrivs does so on all threads, also where nothing else can be enforced.
func setNoNewPrivs() error {
	if _, _, errno := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func setLimits() error {
	// A recording that grows too long is an error of its write.
	signal.Ignore(unix.SIGXFSZ)
	var problems []error
	for _, limit := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"processor time", unix.RLIMIT_CPU, MaxProcessorSeconds},
		{"data", unix.RLIMIT_DATA, MaxDataBytes},
		{"descriptors", unix.RLIMIT_NOFILE, MaxDescriptors},
		{"file size", unix.RLIMIT_FSIZE, MaxFileBytes},
		{"core dumps", unix.RLIMIT_CORE, 0},
	} {
		if err := lower(limit.resource, limit.value); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", limit.name, err))
		}
	}
	return errors.Join(problems...)
}

// lower sets a limit, unless it is lower already.
func lower(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value})
}
