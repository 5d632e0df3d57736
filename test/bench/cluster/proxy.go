package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Proxy hands TCP connections on to one address, and counts their bytes.
type Proxy struct {
	listener net.Listener
	target   string
	up, down atomic.Int64
	stop     context.CancelFunc
	group    sync.WaitGroup
}

// Bytes are those that went to the server and those that came from it.
type Bytes struct{ Up, Down int64 }

// Since is what has come to it since an earlier count.
func (b Bytes) Since(earlier Bytes) Bytes { return Bytes{b.Up - earlier.Up, b.Down - earlier.Down} }

// newProxy listens at a free port of the loopback address until it is closed.
func newProxy(ctx context.Context, target string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Proxy{listener: listener, target: target, stop: stop}
	p.group.Go(func() { p.accept(ctx) })
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Bytes are those so far.
func (p *Proxy) Bytes() Bytes { return Bytes{Up: p.up.Load(), Down: p.down.Load()} }

// Close ends it with all its connections, and returns when it has ended. It may be closed already.
func (p *Proxy) Close() error {
	p.stop()
	err := p.listener.Close()
	p.group.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // it is closed
		}
		p.group.Go(func() { p.serve(ctx, near) })
	}
}

// serve hands one connection on, until both sides have said all or the proxy is closed.
func (p *Proxy) serve(ctx context.Context, near net.Conn) {
	defer near.Close() //nolint:errcheck // what could be sent was sent
	var dialer net.Dialer
	far, err := dialer.DialContext(ctx, "tcp", p.target)
	if err != nil {
		return // whoever connected sees that it is closed, as where the server is away
	}
	defer far.Close() //nolint:errcheck // the same
	defer context.AfterFunc(ctx, func() {
		_ = near.Close()
		_ = far.Close()
	})()
	var both sync.WaitGroup
	both.Go(func() { pass(far, near, &p.up) })
	both.Go(func() { pass(near, far, &p.down) })
	both.Wait()
}

// proxyBuffer is how much of a direction is copied at a time.
const proxyBuffer = 64 << 10

// pass copies one direction, and passes its end on.
func pass(to, from net.Conn, count *atomic.Int64) {
	buffer := make([]byte, proxyBuffer)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			count.Add(int64(n))
			if _, err := to.Write(buffer[:n]); err != nil {
				_ = from.Close() // so that the other side learns of it
				return
			}
		}
		if err != nil {
			if half, ok := to.(*net.TCPConn); ok && err == io.EOF { //nolint:errorlint // a connection returns it as it is
				_ = half.CloseWrite() // it may be closed whole
				return
			}
			_ = to.Close()
			return
		}
	}
}
