package cluster_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// proxy is a TCP proxy in front of the API server that can refuse connections, and swallow what it is sent.
type proxy struct {
	t        *testing.T
	target   string
	address  string
	mu       sync.Mutex
	listener net.Listener
	swallow  bool
	links    map[*link]struct{}
	running  sync.WaitGroup
}

// link is a connection through the proxy.
type link struct {
	client, server net.Conn
	dead           chan struct{} // closed when nothing is passed on any more, for good
}

func newProxy(t *testing.T, cfg *rest.Config) (*proxy, *rest.Config) {
	t.Helper()
	target, err := url.Parse(cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: target.Host, address: "127.0.0.1:0", links: make(map[*link]struct{})}
	p.listen()
	t.Cleanup(func() {
		p.refuse()
		p.running.Wait()
	})
	through := rest.CopyConfig(cfg)
	through.Host = "https://" + p.address
	return p, through
}

// listen accepts connections, at the same address as before.
func (p *proxy) listen() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener, p.address = listener, listener.Addr().String()
	p.mu.Unlock()
	p.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.accept(conn)
		}
	})
}

func (p *proxy) accept(client net.Conn) {
	l := &link{client: client, dead: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = struct{}{}
	if p.swallow {
		close(l.dead)
		p.running.Go(func() { l.pass(nil, client) })
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		delete(p.links, l)
		return
	}
	l.server = server
	p.running.Go(func() { l.pass(server, client) })
	p.running.Go(func() { l.pass(client, server) })
}

// pass hands on what one side says until it or the link ends; from the link's death on, it reads and drops it.
func (l *link) pass(to io.Writer, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-l.dead:
			if err != nil {
				return
			}
			continue
		default:
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = l.client.Close()
			_ = l.server.Close()
			return
		}
	}
}

// refuse closes everything: connections are reset, and new ones refused.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for l := range p.links {
		_ = l.client.Close()
		if l.server != nil {
			_ = l.server.Close()
		}
	}
	clear(p.links)
}

// blackHole swallows what comes over the connections that there are, for ever, and over new ones until open.
func (p *proxy) blackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = true
	for l := range p.links {
		select {
		case <-l.dead:
		default:
			close(l.dead)
		}
	}
}

// open ends blackHole for new connections.
func (p *proxy) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = false
}
