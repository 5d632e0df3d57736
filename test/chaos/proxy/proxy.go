package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// chunk is how many bytes are passed on at a time.
const chunk = 32 << 10

// dialTimeout bounds how long the other side may take to accept a connection.
const dialTimeout = 10 * time.Second

// Fault is what a link does wrong. Several may hold at a time.
type Fault struct {
	// Late is how much later each chunk of bytes arrives.
	Late time.Duration
	// Cut resets every connection, the new ones too.
	Cut bool
	// HalfOpen lets nothing through any more, and closes nothing.
	HalfOpen bool
}

// Proxy passes connections on.
type Proxy struct {
	name     string
	listener net.Listener
	target   func() string

	mu      sync.Mutex
	faults  map[int]Fault
	next    int
	changed chan struct{} // closed, and replaced, when faults are others
	links   map[*link]struct{}
	closed  bool

	group sync.WaitGroup
}

// link is a connection's two halves.
type link struct {
	client, server net.Conn
	lost           bool // it was half-open once; Proxy.mu guards it
}

// Listen begins to pass connections on, from a port of loopback that the system chooses: whoever looks for a free one first, and listens
// later, may find it taken. target says where to, at each connection; empty: there is nobody, and it is reset.
func Listen(name string, target func() string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		name: name, listener: listener, target: target,
		faults: map[int]Fault{}, changed: make(chan struct{}), links: map[*link]struct{}{},
	}
	p.group.Go(p.accept)
	return p, nil
}

// Name is what the link is called.
func (p *Proxy) Name() string { return p.name }

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close ends it, with every connection.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.resetLocked(func(*link) bool { return true })
	p.mu.Unlock()
	_ = p.listener.Close() // nothing waits to be accepted
	p.group.Wait()
}

// Break has the link fail until mend is called.
func (p *Proxy) Break(f Fault) (mend func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	id := p.next
	p.faults[id] = f
	if f.Cut {
		p.resetLocked(func(*link) bool { return true })
	}
	if f.HalfOpen {
		for l := range p.links {
			l.lost = true
		}
	}
	p.turnLocked()
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.faults, id)
		p.resetLocked(func(l *link) bool { return f.HalfOpen && l.lost && !p.sumLocked().HalfOpen })
		p.turnLocked()
	})
}

// turnLocked wakes those that wait for other faults.
func (p *Proxy) turnLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// sumLocked is what all faults together come to.
func (p *Proxy) sumLocked() Fault {
	var sum Fault
	for _, f := range p.faults {
		sum.Late = max(sum.Late, f.Late)
		sum.Cut = sum.Cut || f.Cut
		sum.HalfOpen = sum.HalfOpen || f.HalfOpen
	}
	return sum
}

// resetLocked resets connections, so that both ends learn of it.
func (p *Proxy) resetLocked(which func(*link) bool) {
	for l := range p.links {
		if which(l) {
			reset(l.client)
			reset(l.server)
		}
	}
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may have ended
	}
	_ = c.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say: it passes
			time.Sleep(10 * time.Millisecond)
			continue
		}
		p.group.Go(func() { p.pass(client) })
	}
}

// pass passes a connection on until one side ends it, or a fault does.
func (p *Proxy) pass(client net.Conn) {
	p.mu.Lock()
	sum := p.sumLocked()
	p.mu.Unlock()
	target := p.target()
	if sum.Cut || target == "" {
		reset(client)
		return
	}
	server, err := net.DialTimeout("tcp", target, dialTimeout) //nolint:noctx // it has a time limit, and Close resets what comes of it
	if err != nil {
		reset(client)
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	sum = p.sumLocked()
	if p.closed || sum.Cut {
		p.mu.Unlock()
		reset(client)
		reset(server)
		return
	}
	l.lost = sum.HalfOpen
	p.links[l] = struct{}{}
	p.mu.Unlock()

	var both sync.WaitGroup
	both.Go(func() { p.carry(l, server, client) })
	both.Go(func() { p.carry(l, client, server) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// carry takes bytes from one side to the other. What is read of a connection that is lost goes nowhere.
func (p *Proxy) carry(l *link, to, from net.Conn) {
	buffer := make([]byte, chunk)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.through(l) {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && !p.isLost(l):
			if half, ok := to.(*net.TCPConn); ok {
				_ = half.CloseWrite() // the other direction goes on
			}
			return
		case errors.Is(err, io.EOF):
			return // the other side does not learn of it
		default:
			reset(to)
			reset(from)
			return
		}
	}
}

func (p *Proxy) isLost(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.lost
}

// through waits for as long as bytes are late, and tells whether they arrive at all.
func (p *Proxy) through(l *link) bool {
	began := time.Now()
	for {
		p.mu.Lock()
		late, lost, changed := p.sumLocked().Late, l.lost, p.changed
		p.mu.Unlock()
		left := late - time.Since(began)
		if lost || left <= 0 {
			return !lost
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
}
