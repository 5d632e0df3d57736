package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// Ports of processes that end and begin again, and stay free in between: the system chooses none of these for outgoing connections.
const firstPort, lastPort = 20000, 32000

// nextPort is where to look on: a port that was given is not given again. It begins anywhere, as another run on the same machine may have been
// given ports that it does not listen on yet, or for the moment.
var nextPort atomic.Uint64

func init() { nextPort.Store(rand.Uint64N(lastPort - firstPort)) } //nolint:gosec // nobody is to be kept from guessing it

// freePorts finds so many ports of loopback, for processes yet to be started. A port of this program's own is not looked for: it is
// listened on at once (a child that is being started holds what is open here for a moment longer, so that the port looks taken).
func freePorts(n int) ([]int, error) {
	var ports []int
	for range lastPort - firstPort {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + int(nextPort.Add(1)%(lastPort-firstPort))
		var config net.ListenConfig
		listener, err := config.Listen(context.Background(), "tcp", address(port))
		if err != nil {
			continue // somebody has it
		}
		if err := listener.Close(); err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return nil, errors.New("no free port from 20000 to 32000")
}
