package controlplane

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// SuperviseArgument is the first argument that makes a program a supervisor.
const SuperviseArgument = "supervise"

// superviseEnv marks a supervisor's environment. Start refuses to work where it is set, so that a program that
// forgot ExitIfSupervisor fails instead of starting itself without end.
const superviseEnv = "CHECKY_SUPERVISOR"

// stopGrace is how long a server has to end after SIGTERM before it is killed.
const stopGrace = 8 * time.Second

// ExitIfSupervisor makes this process the supervisor of another one, and ends with it, if that is
// what it was started for; otherwise it returns at once. Call it before anything else in main or TestMain.
func ExitIfSupervisor() {
	if len(os.Args) < 2 || os.Args[1] != SuperviseArgument || os.Getenv(superviseEnv) == "" {
		return
	}
	os.Exit(Supervise(os.Args[2:], os.Stdin, os.Stderr))
}

// Supervise runs a command until it ends by itself or until alive ends, and then stops it. It returns
// the exit code for this process: the command's own, 0 if it was stopped, 2 if it could not be run. The arguments are
//
//	[-log FILE] [-temporary DIR] -- COMMAND [ARGUMENT...]
//
// log takes the command's output and is bounded (see boundedLog). temporary names a folder of which nothing is to be
// kept: the command is then killed rather than asked to stop, and if the owner is gone, which can no longer clean up, the folder
// is deleted. An owner that stops the command deliberately says so by writing something before it ends alive.
func Supervise(args []string, alive io.Reader, stderr io.Writer) int {
	flags := flag.NewFlagSet(SuperviseArgument, flag.ContinueOnError)
	flags.SetOutput(stderr)
	logFile := flags.String("log", "", "file for the command's output")
	temporary := flags.String("temporary", "", "folder of which nothing is to be kept")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(stderr, "supervise: name the command to run after --")
		return 2
	}
	output := stderr
	if *logFile != "" {
		bounded, err := openBoundedLog(*logFile)
		if err != nil {
			fmt.Fprintln(stderr, "supervise:", err)
			return 2
		}
		defer bounded.Close() //nolint:errcheck // the log is done with; there is nobody left to tell
		output = bounded
	}
	grace := stopGrace
	if *temporary != "" {
		grace = 0
	}
	code, orphaned, err := supervise(flags.Args(), grace, alive, output)
	if err != nil {
		fmt.Fprintln(output, "supervise:", err)
		return 2
	}
	if orphaned && *temporary != "" {
		// The other server may still be writing there; its own supervisor removes what is left.
		_ = os.RemoveAll(*temporary)
	}
	return code
}

// supervise runs command, and gives it some time to end when it is to; orphaned says that it was stopped because its owner is gone.
func supervise(command []string, grace time.Duration, alive io.Reader, output io.Writer) (code int, orphaned bool, err error) {
	// The parent-death signal is tied to the thread that forks, so that thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // running what it was given is what it is for; it outlives no context
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = withoutEnv(os.Environ(), superviseEnv)
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return 0, false, err
	}
	ended := make(chan int, 1)
	go func() { ended <- exitCode(cmd.Wait()) }()
	gone := make(chan bool, 1)
	go func() {
		n, _ := io.Copy(io.Discard, alive)
		gone <- n == 0
	}()

	select {
	case code := <-ended:
		return code, false, nil
	case <-signals:
	case orphaned = <-gone:
	}
	if grace > 0 {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-ended:
	case <-time.After(grace):
		_ = cmd.Process.Kill()
		<-ended
	}
	return 0, orphaned, nil
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	default:
		return 1
	}
}

func withoutEnv(env []string, name string) []string {
	kept := make([]string, 0, len(env))
	for _, e := range env {
		if len(e) > len(name) && e[:len(name)] == name && e[len(name)] == '=' {
			continue
		}
		kept = append(kept, e)
	}
	return kept
}
