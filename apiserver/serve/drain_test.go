package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/net/http2"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// levels notes the levels of log lines.
type levels struct {
	logr.LogSink
	seen []int
}

func (l *levels) logger() logr.Logger                { return logr.New(l) }
func (l *levels) Init(logr.RuntimeInfo)              {}
func (l *levels) Enabled(int) bool                   { return true }
func (l *levels) Info(level int, _ string, _ ...any) { l.seen = append(l.seen, level) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// hands is a clock that stands until it is moved, and says when somebody waits for it.
type hands struct {
	*clocktesting.FakeClock
	waited chan struct{}
}

func (h *hands) NewTimer(d time.Duration) clock.Timer {
	defer close(h.waited)
	return h.FakeClock.NewTimer(d)
}

// refused waits until no more connections are taken: net/http's Shutdown has begun.
func refused(server *running) {
	for {
		conn, err := net.Dial("tcp", server.Addr().String())
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// TestDrain walks through the end of a server, with a clock that stands until it is moved.
func TestDrain(t *testing.T) {
	m := mounted(t, 1)
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			clock := &hands{FakeClock: clocktesting.NewFakeClock(time.Now()), waited: make(chan struct{})}
			entered, proceed := make(chan string), make(chan struct{})
			server := run(t, Options{CertFile: m.cert(), KeyFile: m.key(), DrainDelay: 5 * time.Second},
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/slow":
						entered <- "slow"
						<-proceed
					case "/events":
						_, _ = io.WriteString(w, "event")
						_ = http.NewResponseController(w).Flush()
						entered <- "events"
						<-Closing(r.Context())
						_, _ = io.WriteString(w, ", end")
						return
					}
					_, _ = io.WriteString(w, "OK")
				}), func(s *Server) { s.clock = clock })
			c := client(t, http2)
			answers := make(chan string, 2)
			ask := func(path string) {
				answer, err := c.Get(server.URL() + path)
				if err != nil {
					answers <- err.Error()
					return
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				if err != nil {
					answers <- err.Error()
					return
				}
				answers <- path + ": " + string(body)
			}
			go ask("/slow")
			go ask("/events")
			<-entered
			<-entered
			if answer := get(t, c, server.URL()+"/"); answer.Close || (answer.ProtoMajor == 2) != http2 {
				t.Errorf("before the end: %s, close is %v", answer.Proto, answer.Close)
			}

			server.end()
			<-server.Draining()
			<-clock.waited
			// Announced: it still serves, also new connections, and tells each to connect anew.
			if closed(server.closing) {
				t.Error("streams are told to end before endpoints are gone")
			}
			if answer := get(t, client(t, http2), server.URL()+"/"); answer.StatusCode != http.StatusOK || (!http2 && !answer.Close) {
				t.Errorf("while draining: %d, close is %v", answer.StatusCode, answer.Close)
			}

			clock.Step(5 * time.Second)
			// Streams end of themselves; what is under way is waited for.
			if got := <-answers; got != "/events: event, end" {
				t.Errorf("the stream: %q", got)
			}
			refused(server)
			if len(server.result) > 0 {
				t.Error("Run returned with a request under way")
			}
			close(proceed)
			if got := <-answers; got != "/slow: OK" {
				t.Errorf("the request under way: %q", got)
			}
			if err := <-server.result; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDrainCuts checks that the end comes, whatever a handler does, and that Run says so.
func TestDrainCuts(t *testing.T) {
	entered := make(chan struct{})
	server := run(t, Options{DrainTimeout: time.Millisecond}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // it does not listen to Closing
	}))
	done := make(chan error, 1)
	go func() {
		_, err := client(t, false).Get(server.URL())
		done <- err
	}()
	<-entered
	server.end()
	if err := <-server.result; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "--drain-timeout") {
		t.Errorf("Run: %v", err)
	}
	if err := <-done; err == nil {
		t.Error("the client takes a cut answer for a whole one")
	}
}

// TestDrainUnderLoad ends a server while clients send as fast as they can: each answer that began is whole, and what was
// handled was answered.
func TestDrainUnderLoad(t *testing.T) {
	m := mounted(t, 1)
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			var handled, answered, cut atomic.Int64
			busy := make(chan struct{})
			var once sync.Once
			body := strings.Repeat("0123456789abcdef", 1<<10)
			server := run(t, Options{CertFile: m.cert(), KeyFile: m.key()}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if handled.Add(1) == 200 {
					once.Do(func() { close(busy) })
				}
				_, _ = io.WriteString(w, body)
			}))
			var clients sync.WaitGroup
			for range 8 {
				c := client(t, http2)
				clients.Go(func() {
					for {
						answer, err := c.Post(server.URL(), "application/json", http.NoBody)
						if err != nil {
							return // refused: it was not looked at, or the count below tells
						}
						got, err := io.ReadAll(answer.Body)
						_ = answer.Body.Close()
						if err != nil || string(got) != body {
							cut.Add(1)
							return
						}
						answered.Add(1)
					}
				})
			}
			<-busy
			server.end()
			if err := <-server.result; err != nil {
				t.Error(err)
			}
			clients.Wait()
			if cut.Load() != 0 || handled.Load() != answered.Load() {
				t.Errorf("handled %d, answered whole %d, cut %d", handled.Load(), answered.Load(), cut.Load())
			}
		})
	}
}

// TestDrainConnection reads the very bytes: an answer under way when the end comes says that its connection closes.
func TestDrainConnection(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	server := run(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-proceed
		_, _ = io.WriteString(w, "OK")
	}))
	conn, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	server.end()
	<-server.closing
	refused(server)
	close(proceed)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "OK" || !answer.Close {
		t.Errorf("%q, %v, close is %v", body, err, answer.Close)
	}
}

// TestDrainLateHandshake opens a connection before the end, and finishes its TLS handshake after: it is told of the end too,
// although it never sends a request.
func TestDrainLateHandshake(t *testing.T) {
	m := mounted(t, 1)
	entered := make(chan struct{})
	server := run(t, Options{CertFile: m.cert(), KeyFile: m.key()}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { close(entered) }))
	late, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	get(t, client(t, true), server.URL()) // by now the late one has been accepted: it came first
	<-entered
	server.end()
	refused(server)
	conn := tls.Client(late, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an empty SETTINGS frame
	if _, err := io.WriteString(conn, http2.ClientPreface+settings); err != nil {
		t.Fatal(err)
	}
	frames, told := http2.NewFramer(nil, conn), false
	for !told {
		frame, err := frames.ReadFrame()
		if err != nil {
			break
		}
		_, told = frame.(*http2.GoAwayFrame)
	}
	if !told {
		t.Error("a connection ends without a GOAWAY")
	}
	if err := <-server.result; err != nil {
		t.Error(err)
	}
}
