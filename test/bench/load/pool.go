package load

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

// idleAtMost is how long connections are kept that nobody uses: Kubernetes' API server closes them after 90 seconds.
const idleAtMost = 30 * time.Second

// Pool is connections that are used now and then.
type Pool struct {
	n       int
	address string
	config  *tls.Config

	mu    sync.Mutex
	conns []*Conn   // mu guards it
	used  time.Time // when they were last given back; mu guards it
}

// NewPool is a pool of so many connections, which are opened when they are needed.
func NewPool(n int, address string, config *tls.Config) *Pool {
	return &Pool{n: n, address: address, config: config}
}

// Take gives all connections, for one user at a time, and what gives them back. They are closed when the context ends before that.
func (p *Pool) Take(ctx context.Context) (conns []*Conn, giveBack func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.used) > idleAtMost {
		Close(p.conns)
		// Without the context: it is this user's, and the next one may have them too.
		if p.conns, err = DialAll(context.WithoutCancel(ctx), p.n, p.address, p.config); err != nil {
			return nil, nil, err
		}
	}
	conns = p.conns
	keep := context.AfterFunc(ctx, func() { Close(conns) })
	return conns, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.used = time.Now(); !keep() { // they are closed
			p.used = time.Time{}
		}
	}, nil
}

// Close closes the connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	Close(p.conns)
	p.conns, p.used = nil, time.Time{}
}
