package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo says back what it is told.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}

func begin(t *testing.T) *Proxy {
	t.Helper()
	target := echo(t)
	p, err := Listen("test", func() string { return target })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// says sends a word, and waits for it to come back.
func says(c net.Conn, within time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "word"); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

// anew dials, and says a word. One that is reset may be so before it is known to be there.
func anew(p *Proxy, within time.Duration) error {
	c, err := net.Dial("tcp", p.Address())
	if err != nil {
		return err
	}
	defer c.Close()
	return says(c, within)
}

// patience is how long what should take moments may take.
const patience = time.Minute

func TestItPassesOn(t *testing.T) {
	c := dial(t, begin(t))
	if err := says(c, patience); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the end was not passed on: %v", err)
	}
}

func TestCut(t *testing.T) {
	p := begin(t)
	c := dial(t, p)
	if err := says(c, patience); err != nil {
		t.Fatal(err)
	}
	mend := p.Break(Fault{Cut: true})
	if err := says(c, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that was there: %v", err)
	}
	if err := anew(p, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection: %v", err)
	}
	mend()
	if err := anew(p, patience); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

func TestHalfOpen(t *testing.T) {
	p := begin(t)
	c := dial(t, p)
	if err := says(c, patience); err != nil {
		t.Fatal(err)
	}
	mend := p.Break(Fault{HalfOpen: true})
	if err := says(c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that was there: %v", err)
	}
	later := dial(t, p)
	if err := says(later, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection: %v", err)
	}
	mend()
	for name, old := range map[string]net.Conn{"the one that was there": c, "the one that was made meanwhile": later} {
		if err := says(old, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s was not reset: %v", name, err)
		}
	}
	if err := anew(p, patience); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

func TestLate(t *testing.T) {
	p := begin(t)
	c := dial(t, p)
	mend := p.Break(Fault{Late: time.Hour})
	if err := says(c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it was not late: %v", err)
	}
	mend()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Errorf("what was late did not arrive: %v", err)
	}
}

func TestFaultsAddUp(t *testing.T) {
	p := begin(t)
	cut, late := p.Break(Fault{Cut: true}), p.Break(Fault{Late: time.Millisecond})
	late()
	if err := anew(p, patience); err == nil {
		t.Error("the cut was mended with the delay")
	}
	cut()
	cut()
	if err := anew(p, patience); err != nil {
		t.Error(err)
	}
}

func TestNobody(t *testing.T) {
	p, err := Listen("test", func() string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := anew(p, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
