//go:build linux

package audio

import (
	"net"
	"sync"
)

// How many connections each of the two small servers has at a time. Further ones are closed at once.
const (
	maxConnections           = 1000
	maxConnectionsPerAddress = 16
)

// crowd is a listener that keeps strangers, who need no rights to connect, from using up the daemon's memory, and one of them from keeping the kubelet out.
type crowd struct {
	net.Listener

	mu    sync.Mutex
	of    map[string]int // by address
	total int
}

func newCrowd(l net.Listener) *crowd { return &crowd{Listener: l, of: map[string]int{}} }

// Accept returns the next connection that there is room for.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address, _, err := net.SplitHostPort(conn.RemoteAddr().String())
		if err != nil || !c.enter(address) {
			_ = conn.Close() // nothing was said on it
			continue
		}
		return &guest{Conn: conn, leave: sync.OnceFunc(func() { c.leave(address) })}, nil
	}
}

func (c *crowd) enter(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= maxConnections || c.of[address] >= maxConnectionsPerAddress {
		return false
	}
	c.of[address]++
	c.total++
	return true
}

func (c *crowd) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.of[address]--; c.of[address] == 0 {
		delete(c.of, address)
	}
}

// guest is a connection that gives back its place.
type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}
