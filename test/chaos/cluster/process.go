package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
)

const (
	// startAgain is how long after its end a process is started again.
	startAgain = time.Second
	// endPatience is how long a process may take to end in order: the alert daemon lets what sounds be heard.
	endPatience = 40 * time.Second
	// maxTail is how much of the end of a log is looked at for a crash, in bytes, and no more than the process that ended has written.
	maxTail = 8 << 20
)

// process is one that is kept running, and what is known of the one that runs.
type process struct {
	name    string
	path    string
	args    []string
	env     []string
	logPath string
	before  func(start int, cmd *exec.Cmd) error // prepares a start; nil: nothing is to be
	abrupt  bool                                 // it is killed at the end, not asked
	starter starter
	history *history.Log

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil while it is down
	starts int           // how often it was started
	held   int           // how many faults keep it down
	killed bool          // the one that runs was sent a signal that ends it
	turned chan struct{} // closed, and replaced, when held is another
}

// run keeps the process running until the context ends, and then ends it in order.
func (p *process) run(ctx context.Context) error {
	for {
		if !p.awaitLeave(ctx) {
			return nil
		}
		ended, err := p.start()
		if err != nil {
			return fmt.Errorf("start %s: %w", p.name, err)
		}
		select {
		case <-ended:
		case <-ctx.Done():
			p.end(ended)
			return nil
		}
		select {
		case <-time.After(startAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// awaitLeave waits until no fault keeps the process down; false: the context has ended.
func (p *process) awaitLeave(ctx context.Context) bool {
	for {
		p.mu.Lock()
		held, turned := p.held, p.turned
		p.mu.Unlock()
		if held == 0 {
			return ctx.Err() == nil
		}
		select {
		case <-turned:
		case <-ctx.Done():
			return false
		}
	}
}

// start starts the process, and gives what is closed when it has ended.
func (p *process) start() (<-chan struct{}, error) {
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.path, p.args...) //nolint:gosec,noctx // a program that was built for it; run ends it
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	p.mu.Lock()
	p.starts++
	start := p.starts
	p.mu.Unlock()
	if p.before != nil {
		if err := p.before(start, cmd); err != nil {
			return nil, err
		}
	}
	err = p.starter.start(cmd)
	for _, file := range cmd.ExtraFiles {
		_ = file.Close() // the process has its own
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.cmd, p.killed = cmd, false
	p.mu.Unlock()
	p.history.Add(history.Entry{Process: &history.Process{Name: p.name, Start: start, PID: cmd.Process.Pid}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		how := "exit 0"
		if err := cmd.Wait(); err != nil {
			how = err.Error()
		}
		p.mu.Lock()
		p.cmd = nil
		killed := p.killed
		p.mu.Unlock()
		p.history.Add(history.Entry{Process: &history.Process{
			Name: p.name, Start: start, PID: cmd.Process.Pid, Ended: true, How: how, Killed: killed, Panic: crash(p.logPath, from),
		}})
	}()
	return ended, nil
}

// end ends the process in order, and kills it where it does not.
func (p *process) end(ended <-chan struct{}) {
	if p.abrupt {
		p.signal(syscall.SIGKILL)
	}
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(endPatience):
		p.signal(syscall.SIGKILL)
		<-ended
	}
}

// signal sends a signal to the process that runs, if one does, and tells its number.
func (p *process) signal(s syscall.Signal) (pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		p.killed = true
	}
	pid = p.cmd.Process.Pid
	_ = p.cmd.Process.Signal(s) // it may have ended
	return pid
}

// kill kills the process, and keeps it down until leave is called.
func (p *process) kill() (leave func()) {
	p.hold(1)
	p.signal(syscall.SIGKILL)
	return func() { p.hold(-1) }
}

func (p *process) hold(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held += n
	close(p.turned)
	p.turned = make(chan struct{})
}

// pause stops the process, and lets the same one go on when resume is called.
func (p *process) pause() (resume func()) {
	pid := p.signal(syscall.SIGSTOP)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.cmd != nil && p.cmd.Process.Pid == pid {
			_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
		}
	}
}

// running is the process's number and start; 0 while it is down.
func (p *process) running() (pid, start int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0, p.starts
	}
	return p.cmd.Process.Pid, p.starts
}

// crashes are how Go programs begin to say that they crash.
var crashes = []string{"panic: ", "fatal error: ", "WARNING: DATA RACE", "unexpected fault address"}

// crash is the first line of a crash in a log, from an offset on; empty where there is none.
func crash(path string, from int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close() //nolint:errcheck // it is only read
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		from = max(from, size-maxTail)
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return ""
	}
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxTail)
	for scanner.Scan() {
		for _, begins := range crashes {
			if strings.HasPrefix(scanner.Text(), begins) {
				return scanner.Text()
			}
		}
	}
	return ""
}
