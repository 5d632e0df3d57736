package cluster

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// Ports that stay free while nobody listens on them: the system chooses none of these for outgoing connections.
const firstPort, lastPort = 20000, 32000

// nextPort is where to look on: a port that was given is not given again.
var nextPort atomic.Int64

// freePorts finds so many ports of loopback.
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
