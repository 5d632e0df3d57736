package controlplane

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// launchOptions say what to run under a supervisor.
type launchOptions struct {
	name       string    // for messages
	supervisor string    // the program that supervises; empty: this one
	command    []string  // what it runs
	logFile    string    // takes the command's output; empty: output does
	temporary  string    // folder of which nothing is to be kept, see Supervise
	output     io.Writer // takes what the supervisor itself says, and the command's output without logFile
}

// process is a command that runs under a supervisor for as long as this process does.
type process struct {
	name    string
	logFile string
	cmd     *exec.Cmd
	alive   io.WriteCloser // the pipe whose end stops the command
	done    chan struct{}  // closed when the supervisor, and with it the command, has ended
	err     error          // why it ended, once done is closed
}

// launch starts a supervisor with its command.
func launch(opts launchOptions) (*process, error) {
	var args []string
	if opts.logFile != "" {
		args = append(args, "-log", opts.logFile)
	}
	if opts.temporary != "" {
		args = append(args, "-temporary", opts.temporary)
	}
	args = append(append(args, "--"), opts.command...)

	cmd, err := supervisor(context.Background(), opts.supervisor, opts.name, args) // stop ends it
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = opts.output, opts.output
	cmd.WaitDelay = time.Second
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", opts.name, err)
	}
	p := &process{name: opts.name, logFile: opts.logFile, cmd: cmd, alive: alive, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Supervised is a command that lives no longer than this process, however that ends. Who asks for it starts it and waits for it; SIGTERM
// is passed on to the command, and its output is the supervisor's. A test binary has to call ExitIfSupervisor first thing.
func Supervised(ctx context.Context, command ...string) (*exec.Cmd, error) {
	cmd, err := supervisor(ctx, "", command[0], append([]string{"--"}, command...))
	if err != nil {
		return nil, err
	}
	_, err = cmd.StdinPipe() // nothing is written to it: its end tells of this process's
	return cmd, err
}

// supervisor is a program, this one if it is empty, as the supervisor of what has a name for messages.
func supervisor(ctx context.Context, program, name string, args []string) (*exec.Cmd, error) {
	if os.Getenv(superviseEnv) != "" {
		return nil, fmt.Errorf("%s is started by a program that does not call controlplane.ExitIfSupervisor first thing", name)
	}
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, program, append([]string{SuperviseArgument}, args...)...) //nolint:gosec // this program, or the one that a test names
	cmd.Env = append(os.Environ(), superviseEnv+"=1")
	cmd.SysProcAttr = supervisorAttributes()
	return cmd, nil
}

// ending is closed when the command has ended; of no command it never is.
func (p *process) ending() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.done
}

// stop ends the command and waits for it; once it has ended, it does nothing.
func (p *process) stop() error {
	_, _ = io.WriteString(p.alive, "stop") // deliberately, as opposed to being gone
	_ = p.alive.Close()
	select {
	case <-p.done:
		return nil
	case <-time.After(2 * stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not stop within %s and was killed", p.name, 2*stopGrace)
	}
}

// ended is the error for a command that stopped by itself.
func (p *process) ended() error {
	reason := "it exited"
	if p.err != nil {
		reason = p.err.Error()
	}
	return fmt.Errorf("%s stopped (%s); the end of its log:\n%s", p.name, reason, tail(p.logFile))
}
