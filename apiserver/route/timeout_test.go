package route

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/checky-dev/checky/apiserver/problem"
)

// TestBodyTimeout begins a body and does not go on: after its time that is answered, and the connection closed.
func TestBodyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, p := readBody(w, r, MaxBody); p != nil {
				problem.Write(w, p)
			}
		})}
		listener := &onePipe{pipes: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.pipes <- far
		go func() { _ = server.Serve(listener) }() // It ends with Close.
		defer server.Close()
		go func() {
			_, _ = io.WriteString(near, "POST / HTTP/1.1\r\nHost: checky\r\nContent-Length: 100\r\n\r\n{")
		}()
		answer, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusRequestTimeout || !answer.Close {
			t.Errorf("got %s, the connection closes: %t", answer.Status, answer.Close)
		}
		if _, err := io.ReadAll(answer.Body); err != nil {
			t.Error(err)
		}
	})
}

// onePipe is a listener of one connection.
type onePipe struct {
	pipes  chan net.Conn
	closed chan struct{}
}

func (l *onePipe) Accept() (net.Conn, error) {
	select {
	case c := <-l.pipes:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *onePipe) Close() error {
	close(l.closed)
	return nil
}

func (l *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
