//go:build linux

package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// call is what a filter sees of a system call.
type call struct {
	architecture, number uint32
	arguments            [6]uint64
}

// answer runs a filter. The interpreter reads the highest byte first, so words are laid out that way, where they are on a
// little-endian machine.
func answer(t *testing.T, program []bpf.Instruction, c call) uint32 {
	t.Helper()
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offsetNumber:], c.number)
	binary.BigEndian.PutUint32(data[offsetArchitecture:], c.architecture)
	for i, a := range c.arguments {
		binary.BigEndian.PutUint32(data[offsetArguments+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offsetArguments+8*i+4:], uint32(a>>32))
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

func TestFilter(t *testing.T) {
	const (
		pid     = 4711
		refused = answerErrno | uint32(unix.EPERM)
		x32     = 0x40000000
	)
	if architecture == 0 {
		t.Fatal("tests are run on amd64 or arm64")
	}
	filter := program(pid)
	cases := map[string]struct {
		reason string
		call   call
		want   uint32
	}{
		"Write":           {reason: "it tells the parent", call: call{number: unix.SYS_WRITE}, want: answerAllow},
		"Socket":          {reason: "no network", call: call{number: unix.SYS_SOCKET}, want: refused},
		"Exec":            {reason: "no programs", call: call{number: unix.SYS_EXECVE}, want: refused},
		"ExecAt":          {reason: "no programs by another door", call: call{number: unix.SYS_EXECVEAT}, want: refused},
		"Ptrace":          {reason: "no other process", call: call{number: unix.SYS_PTRACE}, want: refused},
		"IoUring":         {reason: "it does what the filter does not see", call: call{number: unix.SYS_IO_URING_SETUP}, want: refused},
		"Unlink":          {reason: "nothing is removed", call: call{number: unix.SYS_UNLINKAT}, want: refused},
		"Prctl":           {reason: "it changes rights", call: call{number: unix.SYS_PRCTL, arguments: [6]uint64{unix.PR_SET_DUMPABLE}}, want: refused},
		"NameMemory":      {reason: "Go does so", call: call{number: unix.SYS_PRCTL, arguments: [6]uint64{unix.PR_SET_VMA}}, want: answerAllow},
		"Clone3":          {reason: "the C library then takes clone", call: call{number: unix.SYS_CLONE3}, want: answerErrno | uint32(unix.ENOSYS)},
		"Thread":          {reason: "Go needs threads", call: call{number: unix.SYS_CLONE, arguments: [6]uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}}, want: answerAllow},
		"Fork":            {reason: "no processes", call: call{number: unix.SYS_CLONE, arguments: [6]uint64{uint64(unix.SIGCHLD)}}, want: refused},
		"ThreadElsewhere": {reason: "no namespaces", call: call{number: unix.SYS_CLONE, arguments: [6]uint64{unix.CLONE_THREAD | unix.CLONE_NEWNET}}, want: refused},
		"SignalSelf":      {reason: "Go stops its threads so", call: call{number: unix.SYS_TGKILL, arguments: [6]uint64{pid, pid, 23}}, want: answerAllow},
		"SignalOther":     {reason: "others are none of its business", call: call{number: unix.SYS_TGKILL, arguments: [6]uint64{1, 1, 9}}, want: refused},
		"KillGroup":       {reason: "its parent might be in it", call: call{number: unix.SYS_KILL, arguments: [6]uint64{0, 9}}, want: refused},
		"MapData":         {reason: "memory", call: call{number: unix.SYS_MMAP, arguments: [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}}, want: answerAllow},
		"MapCode":         {reason: "no code that was not there", call: call{number: unix.SYS_MMAP, arguments: [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}}, want: refused},
		"ProtectCode":     {reason: "nor by a second step", call: call{number: unix.SYS_MPROTECT, arguments: [6]uint64{0, 4096, unix.PROT_EXEC}}, want: refused},
		"OpenDevice":      {reason: "ALSA does so", call: call{number: unix.SYS_OPENAT, arguments: [6]uint64{0, 0, unix.O_RDWR | unix.O_NONBLOCK | unix.O_CLOEXEC}}, want: answerAllow},
		"Create":          {reason: "no new files", call: call{number: unix.SYS_OPENAT, arguments: [6]uint64{0, 0, unix.O_WRONLY | unix.O_CREAT}}, want: refused},
		"Temporary":       {reason: "nor ones without a name", call: call{number: unix.SYS_OPENAT, arguments: [6]uint64{0, 0, unix.O_RDWR | unix.O_TMPFILE}}, want: refused},
		"Truncate":        {reason: "nothing is emptied", call: call{number: unix.SYS_OPENAT, arguments: [6]uint64{0, 0, unix.O_WRONLY | unix.O_TRUNC}}, want: refused},
		"PCM":             {reason: "SNDRV_PCM_IOCTL_WRITEI_FRAMES", call: call{number: unix.SYS_IOCTL, arguments: [6]uint64{4, 0x40184150}}, want: answerAllow},
		"Control":         {reason: "SNDRV_CTL_IOCTL_CARD_INFO", call: call{number: unix.SYS_IOCTL, arguments: [6]uint64{4, 0x81785501}}, want: answerAllow},
		"Flags":           {reason: "Go asks whether a pipe blocks", call: call{number: unix.SYS_FCNTL, arguments: [6]uint64{0, unix.F_GETFL}}, want: answerAllow},
		"Nonblocking":     {reason: "ALSA sets it", call: call{number: unix.SYS_FCNTL, arguments: [6]uint64{4, unix.F_SETFL, unix.O_RDWR | unix.O_NONBLOCK}}, want: answerAllow},
		"Asynchronous":    {reason: "it signals whom F_SETOWN names", call: call{number: unix.SYS_FCNTL, arguments: [6]uint64{4, unix.F_SETFL, unix.O_RDWR | unix.O_ASYNC}}, want: refused},
		"Owner":           {reason: "it names whom to signal", call: call{number: unix.SYS_FCNTL, arguments: [6]uint64{1, unix.F_SETOWN, 1}}, want: refused},
		"Terminal":        {reason: "TIOCSTI types into a terminal", call: call{number: unix.SYS_IOCTL, arguments: [6]uint64{0, unix.TIOCSTI}}, want: refused},
		"ReadLimit":       {reason: "the C library does", call: call{number: unix.SYS_PRLIMIT64, arguments: [6]uint64{0, 3, 0, 0x7fff12345678}}, want: answerAllow},
		"SetLimit":        {reason: "the limits stay", call: call{number: unix.SYS_PRLIMIT64, arguments: [6]uint64{0, 3, 0x12345678}}, want: refused},
		"SetLimitHigh":    {reason: "a pointer has two halves", call: call{number: unix.SYS_PRLIMIT64, arguments: [6]uint64{0, 3, 0x7fff00000000}}, want: refused},
		"Foreign":         {reason: "the numbers of another architecture mean other calls", call: call{architecture: unix.AUDIT_ARCH_I386, number: 4}, want: answerKill},
	}
	if architecture == unix.AUDIT_ARCH_X86_64 {
		c := cases["Write"]
		c.reason, c.call.number, c.want = "x32 is another interface", c.call.number|x32, refused
		cases["X32"] = c
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.call.architecture == 0 {
				tc.call.architecture = architecture
			}
			if got := answer(t, filter, tc.call); got != tc.want {
				t.Errorf("%s: answer %#x, want %#x", tc.reason, got, tc.want)
			}
		})
	}
}

// TestFilterRefusesAllElse counts what is allowed without a look at the arguments.
func TestFilterRefusesAllElse(t *testing.T) {
	filter := program(1)
	allowed := map[uint32]bool{}
	for _, n := range append(append([]uint32{}, always...), ownCalls...) {
		allowed[n] = true
	}
	looked := map[uint32]bool{unix.SYS_CLONE3: true}
	for _, r := range restricted(1) {
		looked[r.number] = true
	}
	for number := range uint32(1024) {
		if looked[number] {
			continue
		}
		got := answer(t, filter, call{architecture: architecture, number: number}) == answerAllow
		if got != allowed[number] {
			t.Errorf("system call %d: allowed is %v, want %v", number, got, allowed[number])
		}
	}
}

func TestFilterFits(t *testing.T) {
	const kernels = 4096 // BPF_MAXINSNS
	raw, err := bpf.Assemble(program(1))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > kernels {
		t.Errorf("%d instructions, and the kernel takes %d", len(raw), kernels)
	}
}
