package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stageEnv tells which of the three processes of the package comment this is.
const stageEnv = "CHECKY_NODE_STAGE"

// folderEnv is the folder of everything that a run writes.
const folderEnv = "CHECKY_NODE_FOLDER"

// folderPrefix begins the name of such a folder and, in each hierarchy, of its control group; the process id outside follows.
const folderPrefix = "checky-node-"

// ErrNotRoot says that the machine's administrator has to run this: namespaces, control groups and containers are made.
var ErrNotRoot = errors.New("a node needs root: run it by sudo")

// Isolated runs a program in namespaces of its own, and returns its exit code. Call it first thing in TestMain. What has to come from
// other machines is fetched before, by prepare, which runs outside; the environment that it sets is the program's.
func Isolated(prepare func() error, run func() int) int {
	var code int
	var err error
	switch os.Getenv(stageEnv) {
	case "":
		if err = prepare(); err == nil {
			code, err = outside()
		}
	case "init":
		code, err = initProcess()
	default:
		return run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		return 1
	}
	return code
}

// outside starts the first process of the namespaces, waits for it, and deletes what is left of it and of runs that were killed.
func outside() (int, error) {
	if os.Geteuid() != 0 {
		return 0, ErrNotRoot
	}
	if err := sweep(); err != nil {
		return 0, err
	}
	folder := filepath.Join(os.TempDir(), folderPrefix+fmt.Sprint(os.Getpid()))
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // Pods of other users read their volumes below it
		return 0, err
	}
	// The signal at a parent's death is tied to the thread that forks, so that thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := again("init", folder)
	if err != nil {
		return 0, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := startPassingSignals(cmd); err != nil {
		return 0, err
	}
	code, err := exitCode(cmd.Wait())
	return code, errors.Join(err, sweepOne(folder))
}

// again is this program as another stage.
func again(stage, folder string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, os.Args[1:]...) //nolint:gosec,noctx // this program, which lives as long as its own
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), stageEnv+"="+stage, folderEnv+"="+folder)
	return cmd, nil
}

// startPassingSignals starts a stage that gets the signals of this process, which has nothing else to do until its end.
func startPassingSignals(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	return nil
}

// initProcess lays out the namespaces, starts the program and reaps whatever ends. When it returns, the kernel ends all others.
func initProcess() (int, error) {
	folder := os.Getenv(folderEnv)
	if err := layOut(folder); err != nil {
		return 0, err
	}
	cmd, err := again("inside", folder)
	if err != nil {
		return 0, err
	}
	if err := startPassingSignals(cmd); err != nil {
		return 0, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case pid == cmd.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == cmd.Process.Pid:
			return 0, fmt.Errorf("ended by %s", status.Signal())
		}
	}
}

// layOut gives the namespaces their own /proc, /run and logs, so that nothing reaches the machine's.
func layOut(folder string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	logs := filepath.Join(folder, "log")
	if err := os.MkdirAll(logs, 0o755); err != nil { //nolint:gosec // as /var/log is
		return err
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{logs, "/var/log", "", unix.MS_BIND},
		// The kubelet passes mounts on to containers.
		{"", "/", "", unix.MS_REC | unix.MS_SHARED},
	} {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return err
	}
	for _, args := range []string{
		"link set lo up",
		"link add " + nodeBridge + " type bridge",
		"address add " + NodeAddress.String() + "/24 dev " + nodeBridge,
		"link set " + nodeBridge + " up",
		// Services' addresses need a route before kube-proxy's rules see them; it leads nowhere.
		"route add default dev " + nodeBridge,
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil { //nolint:gosec,noctx // the list above
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600)
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}
