package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopGrace is how long a server has to end after SIGTERM.
const stopGrace = 10 * time.Second

// tailBytes is how much of a log an error shows.
const tailBytes = 3000

// server is a process of the node's, with a log of its own. The namespaces' end is its end.
type server struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why, once done is closed
}

// serve starts a server.
func (n *Node) serve(name, path string, args ...string) error {
	log := filepath.Join(n.Logs(), name+".log")
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()                 //nolint:errcheck // the server has its own
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // a server of the node's, which stop ends
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	s := &server{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	n.servers = append(n.servers, s)
	fmt.Fprintf(n.log, "started %s\n", name)
	return nil
}

// ended is an error if the server has ended by itself.
func (s *server) ended() error {
	select {
	case <-s.done:
		return fmt.Errorf("%s ended: %w; the end of its log:\n%s", s.name, errors.Join(s.err, errors.New("it should not")), s.tail())
	default:
		return nil
	}
}

// stop ends the server, by force after stopGrace.
func (s *server) stop() {
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(stopGrace):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

func (s *server) tail() []byte {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(text[max(0, len(text)-tailBytes):])
}

// tails shows the end of each server's log, for an error whose cause is in one of them.
func (n *Node) tails() error {
	var text bytes.Buffer
	for _, s := range n.servers {
		fmt.Fprintf(&text, "--- %s\n%s\n", s.name, s.tail())
	}
	return errors.New(text.String())
}
