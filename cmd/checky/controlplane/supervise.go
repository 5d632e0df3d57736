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
//	[-log FILE] [-remove DIR] -- COMMAND [ARGUMENT...]
//
// log takes the command's output and is bounded (see boundedLog); remove is deleted after the command
// ended because alive did: the owner is gone, and can no longer clean up.
func Supervise(args []string, alive io.Reader, stderr io.Writer) int {
	flags := flag.NewFlagSet(SuperviseArgument, flag.ContinueOnError)
	flags.SetOutput(stderr)
	logFile := flags.String("log", "", "file for the command's output")
	remove := flags.String("remove", "", "folder to delete when the owner is gone")
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
	code, orphaned, err := supervise(flags.Args(), alive, output)
	if err != nil {
		fmt.Fprintln(output, "supervise:", err)
		return 2
	}
	if orphaned && *remove != "" {
		// The other server may still be writing there; its own supervisor removes what is left.
		_ = os.RemoveAll(*remove)
	}
	return code
}

// supervise runs command; orphaned says that it was stopped because alive ended.
func supervise(command []string, alive io.Reader, output io.Writer) (code int, orphaned bool, err error) {
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
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, alive)
		close(gone)
	}()

	select {
	case code := <-ended:
		return code, false, nil
	case <-signals:
	case <-gone:
		orphaned = true
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopGrace):
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
