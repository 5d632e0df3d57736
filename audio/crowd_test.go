//go:build linux

package audio

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOneAddressKeepsNobodyOut: whoever opens connections and says nothing on them has a few; others are served.
func TestOneAddressKeepsNobodyOut(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	crowd := newCrowd(listener)
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Hour}
	served := make(chan error, 1)
	go func() { served <- server.Serve(crowd) }()
	dial := func(from string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	// answers asks on a connection; one that was closed at once may be so while it is written to.
	answers := func(conn net.Conn) bool {
		_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		return strings.HasPrefix(string(answer), "HTTP/1.0 404")
	}
	silent := make([]net.Conn, maxConnectionsPerAddress)
	for i := range silent {
		silent[i] = dial("127.0.0.1")
	}
	if answers(dial("127.0.0.1")) {
		t.Errorf("an address has more than %d connections", maxConnectionsPerAddress)
	}
	if !answers(dial("127.0.0.2")) {
		t.Error("another address is not served")
	}
	if !answers(silent[0]) {
		t.Error("a connection that was there is not served")
	}
	for !answers(dial("127.0.0.1")) {
		continue // until the server has closed that one
	}
	for _, conn := range silent {
		_ = conn.Close()
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	crowd.mu.Lock()
	defer crowd.mu.Unlock()
	if crowd.total != 0 || len(crowd.of) != 0 {
		t.Errorf("%d connections are counted when all are gone: %v", crowd.total, crowd.of)
	}
}

func TestCrowdIsBounded(t *testing.T) {
	c := newCrowd(nil)
	for i := range maxConnections {
		if !c.enter(string(rune('a' + i/maxConnectionsPerAddress))) {
			t.Fatalf("no room for connection %d", i)
		}
	}
	if c.enter("another") {
		t.Errorf("there are more than %d connections", maxConnections)
	}
	c.leave("a")
	if !c.enter("another") {
		t.Error("there is no room again")
	}
}
