package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListen(t *testing.T) {
	m := mounted(t, 1)
	other, _ := pair(t, 2)
	broken := mount{dir: t.TempDir()}
	_, key := pair(t, 3)
	broken.swap(t, other, key)
	for name, test := range map[string]struct {
		reason  string
		options Options
		url     string   // what URL begins with
		says    []string // what the error names
	}{
		"loopback":              {"plain HTTP stays on the machine", Options{Address: "127.0.0.1:0"}, "http://127.0.0.1:", nil},
		"loopback by name":      {"a name is what it resolves to", Options{Address: "localhost:0"}, "http://", nil},
		"IPv6 loopback":         {"IPv6 has one too", Options{Address: "[::1]:0"}, "http://[::1]:", nil},
		"everywhere":            {"tokens would cross the network in clear", Options{Address: ":0"}, "", []string{"--tls-cert-file", "--tls-key-file", "--allow-plain-http"}},
		"everywhere IPv4":       {"tokens would cross the network in clear", Options{Address: "0.0.0.0:0"}, "", []string{"--tls-cert-file", "--allow-plain-http"}},
		"asked for":             {"something in front ends TLS", Options{Address: ":0", AllowPlainHTTP: true}, "http://127.0.0.1:", nil},
		"TLS everywhere":        {"TLS may be reached", Options{Address: "0.0.0.0:0", CertFile: m.cert(), KeyFile: m.key()}, "https://127.0.0.1:", nil},
		"no key":                {"half a pair is none", Options{Address: "127.0.0.1:0", CertFile: m.cert()}, "", []string{"--tls-key-file"}},
		"no file":               {"a missing file is said at start", Options{Address: "127.0.0.1:0", CertFile: m.cert() + "x", KeyFile: m.key()}, "", []string{"--tls-cert-file"}},
		"pair that is none":     {"a key of another certificate is said at start", Options{Address: "127.0.0.1:0", CertFile: broken.cert(), KeyFile: broken.key()}, "", []string{"--tls-cert-file"}},
		"no port":               {"an address has a port", Options{Address: "127.0.0.1"}, "", []string{"--bind-address"}},
		"foreign address":       {"it has to be ours", Options{Address: "192.0.2.1:1"}, "", []string{"192.0.2.1:1"}},
		"negative duration":     {"time does not run backwards", Options{Address: "127.0.0.1:0", DrainDelay: -1}, "", []string{"--drain-delay"}},
		"negative connections":  {"0 stands for the default", Options{Address: "127.0.0.1:0", MaxConnections: -1}, "", []string{"--max-connections"}},
		"origin with path":      {"an origin has no path", Options{Address: "127.0.0.1:0", CORSOrigins: []string{"https://a.example/"}}, "", []string{"--cors-origin"}},
		"origin without scheme": {"an origin has a scheme", Options{Address: "127.0.0.1:0", CORSOrigins: []string{"a.example"}}, "", []string{"--cors-origin"}},
		"null origin":           {"null is whoever hides where they are from", Options{Address: "127.0.0.1:0", CORSOrigins: []string{"null"}}, "", []string{"--cors-origin"}},
		"origin pattern":        {"patterns match too much", Options{Address: "127.0.0.1:0", CORSOrigins: []string{"https://*.example"}}, "", []string{"--cors-origin"}},
		"origins":               {"these are origins", Options{Address: "127.0.0.1:0", CORSOrigins: []string{"https://a.example", "http://localhost:3000", "*"}}, "http://", nil},
		"too many origins":      {"a list is bounded", Options{Address: "127.0.0.1:0", CORSOrigins: make([]string, maxOrigins+1)}, "", []string{"--cors-origin"}},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := Listen(t.Context(), test.options)
			if test.says == nil {
				if err != nil {
					t.Fatalf("%s: %v", test.reason, err)
				}
				if !strings.HasPrefix(server.URL(), test.url) || strings.HasSuffix(server.URL(), ":0") {
					t.Errorf("%s: URL %s", test.reason, server.URL())
				}
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				_ = server.Close()
				t.Fatalf("%s: no error", test.reason)
			}
			for _, word := range test.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s: %q does not name %s", test.reason, err, word)
				}
			}
		})
	}
}

// TestBoundBeforeRun checks that who connects between Listen and Run waits, and is served.
func TestBoundBeforeRun(t *testing.T) {
	server, err := Listen(t.Context(), Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Run(ctx, http.NotFoundHandler()) }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404") {
		t.Errorf("%q, %v", answer, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	server, err := Listen(t.Context(), Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h := server.newHTTPServer(t.Context(), nil)
	got := []any{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout, h.MaxHeaderBytes, h.HTTP2.MaxConcurrentStreams, server.options.MaxConnections, server.options.DrainTimeout}
	want := []any{5 * time.Second, 90 * time.Second, 120 * time.Second, 120 * time.Second, 32 << 10, 250, 10_000, 30 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the documented defaults (-want +got):\n%s", diff)
	}
	if p := h.Protocols; !p.HTTP1() || !p.HTTP2() || p.UnencryptedHTTP2() {
		t.Errorf("protocols: %s", p)
	}
}

// TestHostile sends what no client sends, over a bare connection: it is refused, and the connection closed.
func TestHostile(t *testing.T) {
	reached := make(chan string, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		reached <- r.URL.Path
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	server := run(t, Options{}, mux)
	impatient := runBeside(t, Options{ReadHeaderTimeout: time.Second, ReadTimeout: time.Second}, mux) // for what does not end
	for name, test := range map[string]struct {
		reason, send, status string // no status: closed without an answer
		handled, endless     bool
	}{
		"slow header":          {"a header that does not end is not waited for", "GET /x HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", false, true},
		"nothing":              {"a connection has to say something", "", "", false, true},
		"slow body":            {"a body that does not end is not waited for", "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", "HTTP/1.1 400", true, true},
		"one large header":     {"a header is bounded", "GET /x HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 2*MaxHeaderBytes) + "\r\n\r\n", "HTTP/1.1 431", false, false},
		"many headers":         {"so are many small ones", "GET /x HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", MaxHeaderBytes/4) + "\r\n", "HTTP/1.1 431", false, false},
		"large path":           {"and a path", "GET /" + strings.Repeat("a", 2*MaxHeaderBytes) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431", false, false},
		"two lengths":          {"a request ends in one place, or is smuggled", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400", false, false},
		"unknown coding":       {"a coding that is not known hides where it ends", "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501", false, false},
		"no host":              {"HTTP/1.1 asks for a host", "GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 400", false, false},
		"two hosts":            {"and for one", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400", false, false},
		"space before colon":   {"proxies differ on it", "GET /x HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n", "HTTP/1.1 400", false, false},
		"control in header":    {"no header holds a NUL", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: b\x00c\r\n\r\n", "HTTP/1.1 400", false, false},
		"TLS to plain HTTP":    {"it is not HTTP", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", "HTTP/1.1 400", false, false},
		"HTTP/2 in clear":      {"cleartext HTTP/2 is not served", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400", false, false},
		"not HTTP":             {"it is not HTTP", "EHLO x\r\n\r\n", "HTTP/1.1 400", false, false},
		"version of no server": {"HTTP/9.9 is none", "GET /x HTTP/9.9\r\nHost: x\r\n\r\n", "HTTP/1.1 505", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			address := server.Addr()
			if test.endless {
				address = impatient.Addr()
			}
			conn, err := net.Dial("tcp", address.String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, test.send) }() // it may be closed before all is read
			// ReadAll returns when the server closes the connection; were it kept, the test would hang.
			answer, _ := io.ReadAll(conn)
			first, _, _ := strings.Cut(string(answer), "\r\n")
			if !strings.HasPrefix(first, test.status) || (test.status == "" && first != "") {
				t.Errorf("%s: %q, want %q", test.reason, first, test.status)
			}
			handled := false
			select {
			case <-reached:
				handled = true
			default:
			}
			if handled != test.handled {
				t.Errorf("%s: handled is %v", test.reason, handled)
			}
		})
	}
}

// TestMaxConnections opens one connection more than there may be: it is served when another closes.
func TestMaxConnections(t *testing.T) {
	server := run(t, Options{MaxConnections: 2}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") }))
	ask := func() (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", server.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return conn, bufio.NewReader(conn)
	}
	answered := func(r *bufio.Reader) {
		t.Helper()
		if answer, err := http.ReadResponse(r, nil); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	first, r1 := ask()
	_, r2 := ask()
	answered(r1)
	answered(r2)
	third, r3 := ask()
	if err := third.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := r3.Peek(1); err == nil {
		t.Error("a third connection is served beside two")
	}
	if err := errors.Join(third.SetReadDeadline(time.Time{}), first.Close()); err != nil {
		t.Fatal(err)
	}
	answered(r3)
}

// TestLiftDeadlines checks that a request that outlasts the server's timeouts ends by them, unless they are lifted.
func TestLiftDeadlines(t *testing.T) {
	m := mounted(t, 1)
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			server := run(t, Options{CertFile: m.cert(), KeyFile: m.key(), ReadTimeout: time.Second, WriteTimeout: time.Second},
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/long" {
						if err := LiftDeadlines(w); err != nil {
							t.Error(err)
						}
					}
					// This is what is waited for, not how long something takes: it is past both timeouts.
					timer := time.NewTimer(1500 * time.Millisecond)
					defer timer.Stop()
					select {
					case <-timer.C:
					case <-r.Context().Done():
					}
					_, _ = io.WriteString(w, "whole")
				}))
			c := client(t, http2)
			if answer, err := c.Get(server.URL() + "/short"); err == nil {
				if _, err = io.ReadAll(answer.Body); err == nil {
					t.Error("an answer is whole after its timeout")
				}
				_ = answer.Body.Close()
			}
			answer, err := c.Get(server.URL() + "/long")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || string(body) != "whole" || (answer.ProtoMajor == 2) != http2 {
				t.Errorf("%s: %q, %v", answer.Proto, body, err)
			}
			_ = answer.Body.Close()
		})
	}
}

func TestTLS(t *testing.T) {
	m := mounted(t, 1)
	server := run(t, Options{CertFile: m.cert(), KeyFile: m.key()}, http.NotFoundHandler())
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", server.Addr().String(), &tls.Config{
			InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"},
		})
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err != nil {
			continue
		}
		state := conn.ConnectionState()
		if state.NegotiatedProtocol != "h2" {
			t.Errorf("%s: ALPN %q", tls.VersionName(version), state.NegotiatedProtocol)
		}
		for _, insecure := range tls.InsecureCipherSuites() {
			if insecure.ID == state.CipherSuite {
				t.Errorf("%s: %s", tls.VersionName(version), insecure.Name)
			}
		}
		_ = conn.Close()
	}
}

func TestRunFails(t *testing.T) {
	m := mounted(t, 1)
	server, err := Listen(t.Context(), Options{Address: "127.0.0.1:0", CertFile: m.cert(), KeyFile: m.key()})
	if err != nil {
		t.Fatal(err)
	}
	m.swap(t, []byte("none"), []byte("none"))
	if err := server.Run(t.Context(), http.NotFoundHandler()); err == nil || !strings.Contains(err.Error(), "--tls-cert-file") {
		t.Errorf("a certificate that has gone: %v", err)
	}
	server, err = Listen(t.Context(), Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	if err := server.Run(t.Context(), http.NotFoundHandler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that has gone: %v", err)
	}
	if got := Closing(t.Context()); got != nil {
		t.Error("outside of a request nothing closes")
	}
}

func TestComplaints(t *testing.T) {
	for line, level := range map[string]int{
		"http: TLS handshake error from 192.0.2.7:1: EOF\n": 1,
		"http: Accept error: too many open files\n":         0,
	} {
		sink := &levels{}
		if n, err := fmt.Fprint(complaints{sink.logger()}, line); err != nil || n != len(line) {
			t.Errorf("%d, %v", n, err)
		}
		if diff := cmp.Diff([]int{level}, sink.seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}
