package load

import (
	"context"
	"crypto/tls"
	"time"
)

// idleAtMost is how long connections are kept that nobody uses: Kubernetes' API server closes them after 90 seconds.
const idleAtMost = 30 * time.Second

// Pool is connections that are used now and then, by one user at a time.
type Pool struct {
	address string
	config  *tls.Config
	conns   []*Conn // nil: it is opened when it is needed
}

// NewPool is a pool of so many connections, which are opened when they are needed.
func NewPool(n int, address string, config *tls.Config) *Pool {
	return &Pool{address: address, config: config, conns: make([]*Conn, n)}
}

// Take gives all connections, and what gives them back. They are closed when the context ends before that.
func (p *Pool) Take(ctx context.Context) (conns []*Conn, giveBack func(), err error) {
	for i, c := range p.conns {
		if c != nil && time.Since(c.used) < idleAtMost {
			continue
		}
		if c != nil {
			_ = c.Close() // the server may have closed it
		}
		if p.conns[i], err = Dial(ctx, p.address, p.config); err != nil {
			p.conns[i] = nil
			return nil, nil, err
		}
	}
	keep := context.AfterFunc(ctx, func() { Close(p.conns) })
	return p.conns, func() {
		if !keep() { // they are closed
			clear(p.conns)
		}
	}, nil
}

// Close closes the connections.
func (p *Pool) Close() { Close(p.conns) }
