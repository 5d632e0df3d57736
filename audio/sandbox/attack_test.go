//go:build linux

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What this program is when it is not the tests.
const (
	roleVictim   = "victim"   // it waits for the end of stdin
	roleAttacker = "attacker" // in the sandbox, it tries what is forbidden
)

// everybody is who the attacker and its victim run as.
const everybody = 65532

func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case roleVictim:
		if err := Seclude(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println()
		_, _ = os.Stdin.Read(make([]byte, 1))
	case roleAttacker:
		if err := attack(os.Args[2], os.Args[3], os.Args[4]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// attempt is something that a player must not be able to do to others, or to itself.
type attempt struct {
	name string
	try  func(victim int, dir string) error
}

// call makes a system call, and has its errno for an error.
func syscallOf(number uintptr, arguments ...uintptr) error {
	var a [6]uintptr
	copy(a[:], arguments)
	if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func opening(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// signalBy has the kernel send SIGKILL to a victim when something happens to a descriptor.
func signalBy(fd, victim int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETOWN, victim); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, int(unix.SIGKILL)); err != nil {
		return err
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_ASYNC)
	return err
}

func text(s string) uintptr {
	p, err := unix.BytePtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

// opens are ways to open files, which Landlock refuses, and without it what the user may not.
var opens = []attempt{
	{"read a file", func(int, string) error { return opening("/etc/passwd", unix.O_RDONLY) }},
	{"use its own memory as a file", func(int, string) error { return opening("/proc/self/mem", unix.O_RDWR) }},
	{"use the victim's memory as a file", func(v int, _ string) error { return opening(fmt.Sprintf("/proc/%d/mem", v), unix.O_RDWR) }},
	{"read the victim's environment", func(v int, _ string) error { return opening(fmt.Sprintf("/proc/%d/environ", v), unix.O_RDONLY) }},
	{"open the victim's descriptors", func(v int, _ string) error { return opening(fmt.Sprintf("/proc/%d/fd/0", v), unix.O_RDWR) }},
	{"read a file by its root", func(int, string) error { return opening("/proc/self/root/etc/passwd", unix.O_RDONLY) }},
	{"read a file by the victim's root", func(v int, _ string) error { return opening(fmt.Sprintf("/proc/%d/root/etc/passwd", v), unix.O_RDONLY) }},
	{"list a folder", func(int, string) error { return opening("/", unix.O_RDONLY|unix.O_DIRECTORY) }},
	{"open another device", func(int, string) error { return opening("/dev/zero", unix.O_RDWR) }},
	{"open the terminal", func(int, string) error { return opening("/dev/tty", unix.O_RDWR) }},
	{"write to a file", func(_ int, dir string) error { return opening(filepath.Join(dir, "file"), unix.O_WRONLY|unix.O_APPEND) }},
	{"open another device by a link", func(_ int, dir string) error { return opening(filepath.Join(dir, "link"), unix.O_RDWR) }},
}

// calls are what seccomp refuses, and mostly something else as well.
var calls = []attempt{
	{"create a file", func(_ int, dir string) error { return opening(filepath.Join(dir, "new"), unix.O_WRONLY|unix.O_CREAT) }},
	{"create a file without a name", func(_ int, dir string) error { return opening(dir, unix.O_WRONLY|unix.O_TMPFILE) }},
	{"empty a file", func(_ int, dir string) error { return opening(filepath.Join(dir, "file"), unix.O_WRONLY|unix.O_TRUNC) }},
	{"truncate", func(_ int, dir string) error {
		return syscallOf(unix.SYS_TRUNCATE, text(filepath.Join(dir, "file")), 0)
	}},
	{"open by openat2", func(int, string) error {
		how := unix.OpenHow{}
		return syscallOf(unix.SYS_OPENAT2, unix.AT_FDCWD&(1<<64-1), text("/dev/null"), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how))
	}},
	{"remove", func(_ int, dir string) error { return unix.Unlinkat(unix.AT_FDCWD, filepath.Join(dir, "file"), 0) }},
	{"rename", func(_ int, dir string) error {
		return unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "file"), unix.AT_FDCWD, filepath.Join(dir, "other"), 0)
	}},
	{"link", func(_ int, dir string) error { return unix.Symlinkat("/", unix.AT_FDCWD, filepath.Join(dir, "other")) }},
	{"change rights", func(_ int, dir string) error {
		return unix.Fchmodat(unix.AT_FDCWD, filepath.Join(dir, "file"), 0o777, 0)
	}},
	{"change the working folder", func(int, string) error { return unix.Chdir("/tmp") }},
	{"memory file", func(int, string) error { return second(unix.MemfdCreate("x", 0)) }},
	{"execute", func(int, string) error { return syscallOf(unix.SYS_EXECVE, text("/proc/self/exe"), 1, 0) }},
	{"execute a descriptor", func(int, string) error { return syscallOf(unix.SYS_EXECVEAT, 0, text(""), 1, 0, unix.AT_EMPTY_PATH) }},
	{"fork", func(int, string) error { return forking(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0) }},
	{"fork by clone3", func(int, string) error {
		arguments := [11]uint64{4: uint64(unix.SIGCHLD)}
		return forking(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&arguments)), unsafe.Sizeof(arguments))
	}},
	{"thread in a namespace", func(int, string) error {
		return syscallOf(unix.SYS_CLONE, unix.CLONE_THREAD|unix.CLONE_SIGHAND|unix.CLONE_VM|unix.CLONE_NEWUSER)
	}},
	{"namespace", func(int, string) error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	{"trace", func(v int, _ string) error { return unix.PtraceSeize(v) }},
	{"write to the victim's memory", func(v int, _ string) error {
		return second(unix.ProcessVMWritev(v, []unix.Iovec{{}}, []unix.RemoteIovec{{}}, 0))
	}},
	{"signal", func(v int, _ string) error { return unix.Kill(v, unix.SIGKILL) }},
	{"signal all", func(int, string) error { return unix.Kill(-1, 0) }},
	{"signal the group", func(int, string) error { return unix.Kill(0, 0) }},
	{"signal a thread", func(v int, _ string) error { return unix.Tgkill(v, v, unix.SIGKILL) }},
	{"signal by thread alone", func(v int, _ string) error { return syscallOf(unix.SYS_TKILL, uintptr(v), uintptr(unix.SIGKILL)) }},
	{"signal by queue", func(v int, _ string) error { return syscallOf(unix.SYS_RT_SIGQUEUEINFO, uintptr(v), 9, 1) }},
	{"signal by descriptor", func(v int, _ string) error { return signalBy(1, v) }},
	{"process descriptor", func(v int, _ string) error { return second(unix.PidfdOpen(v, 0)) }},
	{"limits of the victim", func(v int, _ string) error {
		return unix.Prlimit(v, unix.RLIMIT_CPU, &unix.Rlimit{Cur: 1, Max: 1}, nil)
	}},
	{"limits of its own", func(int, string) error {
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
	}},
	{"priority", func(v int, _ string) error { return unix.Setpriority(unix.PRIO_PROCESS, v, 19) }},
	{"affinity", func(v int, _ string) error { return unix.SchedSetaffinity(v, &unix.CPUSet{1}) }},
	{"session", func(int, string) error { return second(unix.Setsid()) }},
	{"group", func(int, string) error { return unix.Setpgid(0, 0) }},
	{"dumpable", func(int, string) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
	{"outlive the parent", func(int, string) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }},
	{"another filter", func(int, string) error { return syscallOf(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_STRICT) }},
	{"personality", func(int, string) error { return syscallOf(unix.SYS_PERSONALITY, 0x0400000) }},
	{"socket", func(int, string) error { return second(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
	{"raw socket", func(int, string) error { return second(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)) }},
	{"pair of sockets", func(int, string) error { return second(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
	{"io_uring", func(int, string) error {
		var parameters [120]byte
		return syscallOf(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&parameters)))
	}},
	{"userfaultfd", func(int, string) error { return syscallOf(unix.SYS_USERFAULTFD, 1) }},
	{"keys", func(int, string) error {
		return second(unix.KeyctlInt(unix.KEYCTL_GET_KEYRING_ID, unix.KEY_SPEC_SESSION_KEYRING, 1, 0, 0))
	}},
	{"bpf", func(int, string) error {
		var attribute [128]byte
		return syscallOf(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attribute)), unsafe.Sizeof(attribute))
	}},
	{"perf", func(int, string) error {
		return second(unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE}, 0, -1, -1, 0))
	}},
	{"mount", func(_ int, dir string) error { return unix.Mount("none", dir, "tmpfs", 0, "") }},
	{"root", func(_ int, dir string) error { return unix.Chroot(dir) }},
	{"file by handle", func(_ int, dir string) error {
		_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
		return err
	}},
	{"shared memory", func(int, string) error { return second(unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600|unix.IPC_CREAT)) }},
	{"watch of files", func(int, string) error { return second(unix.InotifyInit1(0)) }},
	{"timer", func(int, string) error { return second(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)) }},
	{"memory for code", func(int, string) error { return mapped(unix.PROT_READ | unix.PROT_EXEC) }},
	{"memory made code", func(int, string) error {
		memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		return unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC)
	}},
	{"memory made code by keys", func(int, string) error { return syscallOf(unix.SYS_PKEY_MPROTECT, 0, 0, unix.PROT_EXEC, ^uintptr(0)) }},
	{"type into a terminal", func(int, string) error { return syscallOf(unix.SYS_IOCTL, 0, unix.TIOCSTI, text("x")) }},
	{"asynchronous signals by ioctl", func(int, string) error {
		on := 1
		return syscallOf(unix.SYS_IOCTL, 0, 0x5452 /* FIOASYNC */, uintptr(unsafe.Pointer(&on)))
	}},
	{"reboot", func(int, string) error { return unix.Reboot(0) }},
	{"a module", func(int, string) error { return unix.FinitModule(0, "", 0) }},
}

func second[T any](_ T, err error) error { return err }

func mapped(protection int) error {
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), protection, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		_ = unix.Munmap(memory)
	}
	return err
}

// forking makes a process that ends at once.
func forking(number, first, other uintptr) error {
	pid, _, errno := unix.RawSyscall6(number, first, other, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return nil
}

// attack enters the sandbox, as this kernel has it or without a part of it, and prints what was possible.
func attack(without, pid, dir string) error {
	victim, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	if without != "" {
		if err := takeAway(without); err != nil {
			return err
		}
	}
	report := Enforce("/dev/null")
	possible := map[string]string{}
	for _, a := range slices.Concat(opens, calls) {
		err := a.try(victim, dir)
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOSYS) {
			possible[a.name] = fmt.Sprint(err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"report": report, "possible": possible})
}

// takeAway has the kernel not know the system calls that a part of the sandbox needs.
func takeAway(part string) error {
	numbers := map[string][]uint32{
		"landlock": {unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF},
		"seccomp":  {unix.SYS_SECCOMP},
	}
	filter := []bpf.Instruction{bpf.LoadAbsolute{Off: offsetNumber, Size: 4}}
	for _, number := range numbers[part] {
		filter = append(filter, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 1}, bpf.RetConstant{Val: answerErrno | uint32(unix.ENOSYS)})
	}
	raw, err := bpf.Assemble(append(filter, bpf.RetConstant{Val: answerAllow}))
	if err != nil {
		return err
	}
	var lines []unix.SockFilter
	for _, r := range raw {
		lines = append(lines, unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K})
	}
	if err := setNoNewPrivs(); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(lines)), Filter: &lines[0]}
	return syscallOf(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
}

// TestAttacks has a process in the sandbox try to break out of it, and to harm a process of the same user that has secluded itself.
func TestAttacks(t *testing.T) {
	cases := map[string]struct {
		reason   string
		without  string
		possible []string
	}{
		"Whole": {reason: "nothing is possible"},
		"NoLandlock": {
			reason:  "it may open what its user may, but no other process; seccomp refuses all else",
			without: "landlock",
			possible: []string{
				"list a folder", "open another device", "open another device by a link", "open the terminal",
				"read a file", "read a file by its root", "use its own memory as a file", "write to a file",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := besiege(t, tc.without)
			if b.Report.Landlock == 0 != (tc.without == "landlock") || !b.Report.Seccomp || !b.Report.NoNewPrivs || !b.Report.Rlimits {
				t.Errorf("the sandbox: %+v", b.Report)
			}
			if diff := cmp.Diff(tc.possible, slices.Sorted(maps.Keys(b.Possible)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: possible is (-want +got)\n%s%v", tc.reason, diff, b.Possible)
			}
		})
	}
}

// besieged is what came of an attack: what was possible, with its error.
type besieged struct {
	Report   Report
	Possible map[string]string
}

// besiege has an attacker and a victim run as a user without rights, where the tests may choose that. It tells of it if the victim dies.
func besiege(t *testing.T, without string) besieged {
	t.Helper()
	program, dir := camp(t)
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 {
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: everybody, Gid: everybody}}
	}
	victim := exec.CommandContext(t.Context(), program, roleVictim)
	victim.SysProcAttr, victim.Stderr = as, os.Stderr
	stdin, err := victim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the victim does not begin: %v", err)
	}
	attacker := exec.CommandContext(t.Context(), program, roleAttacker, without, strconv.Itoa(victim.Process.Pid), dir)
	attacker.SysProcAttr, attacker.Stderr = as, os.Stderr
	out, err := attacker.Output()
	if err != nil {
		t.Errorf("the attacker: %v", err)
	}
	if err := errors.Join(stdin.Close(), victim.Wait()); err != nil {
		t.Errorf("the victim: %v", err)
	}
	var b besieged
	if err := json.Unmarshal(out, &b); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	return b
}

// camp is a folder of the attacker's own, with this program and a file and a link in it.
func camp(t *testing.T) (program, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "checky-sandbox-") //nolint:usetesting // nobody else could enter that one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program = filepath.Join(dir, "program")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	err = errors.Join(
		os.WriteFile(program, data, 0o755), os.WriteFile(file, nil, 0o644), os.Symlink("/dev/zero", filepath.Join(dir, "link")), os.Chmod(dir, 0o755),
	)
	if err == nil && os.Getuid() == 0 {
		err = errors.Join(os.Chown(dir, everybody, everybody), os.Chown(file, everybody, everybody))
	}
	if err != nil {
		t.Fatal(err)
	}
	return program, dir
}
