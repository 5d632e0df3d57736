package controlplane

import (
	"context"
	"errors"
	"fmt"
)

// StopAPIServer ends the API server alone; etcd goes on. Where the data is temporary it is killed, as by a crash. It is for tests
// of what outlives an outage; StartAPIServer ends the outage. Only one of the two, or Stop, may be called at a time.
func (cp *ControlPlane) StopAPIServer() error {
	stopped, _ := cp.current()
	if stopped == nil {
		return errors.New("the API server is stopped already")
	}
	// First, so that nobody takes its end for its own doing.
	cp.replace(nil)
	return stopped.stop()
}

// StartAPIServer starts the API server that StopAPIServer has stopped, and returns when it serves: at the same address, with the
// same objects. The context bounds it.
func (cp *ControlPlane) StartAPIServer(ctx context.Context) error {
	if running, _ := cp.current(); running != nil {
		return errors.New("the API server has not been stopped")
	}
	for attempt := 1; ; attempt++ {
		err := cp.startAPIServer(ctx)
		if err == nil {
			return nil
		}
		if failed, _ := cp.current(); failed != nil {
			cp.replace(nil)
			err = errors.Join(err, failed.stop())
		}
		// The port was free for a while: a connection of another program may have it, and give it back.
		if attempt == startAttempts || !portTaken(err) {
			return fmt.Errorf("start the API server again: %w", err)
		}
	}
}

// current is the API server, nil while it is stopped alone, and what is closed when it is another.
func (cp *ControlPlane) current() (apiserver *process, changed <-chan struct{}) {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	return cp.apiserver, cp.changed
}

// replace makes another process the API server, or none.
func (cp *ControlPlane) replace(apiserver *process) {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.apiserver = apiserver
	close(cp.changed)
	cp.changed = make(chan struct{})
}
