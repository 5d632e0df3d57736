package cluster

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// Ports of processes that end and begin again, and stay free in between: the system chooses none of these for outgoing connections.
const firstPort, lastPort = 20000, 32000

// nextPort is where to look on: a port that was given is not given again.
var nextPort atomic.Int64

// freePorts finds so many ports of loopback, for processes yet to be started. A port of this program's own is not looked for: it is
// listened on at once (a child that is being started holds what is open here for a moment longer, so that the port looks taken).
func freePorts(n int) ([]int, error) {
	var ports []int
	for len(ports) < n {
		port := firstPort + int(nextPort.Add(1))
		if port > lastPort {
			return nil, errors.New("no free port from 20000 to 32000")
		}
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
	return ports, nil
}
