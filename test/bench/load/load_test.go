package load

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	ExitIfGenerator()
	os.Exit(m.Run())
}

// address is where a test's server listens.
func address(s *httptest.Server) string {
	_, address, _ := strings.Cut(s.URL, "://")
	return address
}

func TestExchange(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/echo":
			_, _ = w.Write(text)
		case "/large": // it is chunked
			_, _ = io.WriteString(w, large)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	conn, err := Dial(t.Context(), address(server), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 { // what one answer leaves behind is not the next's
		for _, step := range []struct {
			path, body, want string
			status           int
		}{
			{"/echo", `{"a":1}`, `{"a":1}`, 200},
			{"/large", "", large, 200},
			{"/none", "", "", 204},
		} {
			status, body, err := conn.Exchange(Request(http.MethodPost, step.path, []byte(step.body), "X-Some: header"))
			if err != nil || status != step.status {
				t.Fatalf("%s: status %d, %v", step.path, status, err)
			}
			if diff := cmp.Diff(step.want, string(body)); diff != "" {
				t.Errorf("%s: %s", step.path, diff)
			}
		}
	}
}

func TestGenerate(t *testing.T) {
	var seen atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	// httptest's certificate is for example.com and the loopback addresses; a generator looks for localhost.
	plan := Plan{Address: address(server), Connections: 3, Requests: [][]byte{Request(http.MethodGet, "/", nil)}, Duration: 200 * time.Millisecond, Want: 200}
	plan.Authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if _, err := Generate(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "localhost") {
		t.Errorf("a certificate of another name is refused, and got %v", err)
	}
	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	plan.Address, plan.Authority = address(plain), nil
	result, err := Generate(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if result.Good == 0 || result.Bad[http.StatusTeapot] == 0 || result.Err() == nil {
		t.Errorf("nine answers in ten are good, one is bad: %+v", result)
	}
	if int64(result.Sent()) != seen.Load() {
		t.Errorf("%d requests are counted, and the server saw %d", result.Sent(), seen.Load())
	}
	if result.P50 <= 0 || result.P99 < result.P50 || result.Max < result.P99 || result.CPU <= 0 {
		t.Errorf("latencies and processor time cannot be: %+v", result)
	}
}

// TestOpenLoop has a server stand still once: the requests that were due meanwhile count from when they were, although they were
// sent later.
func TestOpenLoop(t *testing.T) {
	const stall = 300 * time.Millisecond
	var seen atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if seen.Add(1) == 10 {
			time.Sleep(stall) // it is the fault that is looked for, and nothing waits for it
		}
	}))
	defer server.Close()
	result, err := Run(t.Context(), Plan{
		Address: address(server), Connections: 1, Requests: [][]byte{Request(http.MethodGet, "/", nil)}, Rate: 100, Duration: time.Second, Want: 200,
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Good != 100 {
		t.Errorf("%d requests were due, and %d were answered", 100, result.Good)
	}
	if result.Max < stall {
		t.Errorf("the longest took %s, and the server stood still for %s", result.Max, stall)
	}
}

func TestPlanThatCannotBe(t *testing.T) {
	for name, plan := range map[string]Plan{
		"Empty":     {},
		"Authority": {Address: "127.0.0.1:1", Connections: 1, Requests: [][]byte{nil}, Duration: 1, Authority: []byte("no PEM")},
		"Nobody":    {Address: "127.0.0.1:1", Connections: 1, Requests: [][]byte{nil}, Duration: 1},
	} {
		if _, err := Run(t.Context(), plan); err == nil {
			t.Errorf("%s: carried out", name)
		}
	}
}

func TestRequest(t *testing.T) {
	want := "PUT /a HTTP/1.1\r\nHost: checky\r\nContent-Type: application/json\r\nContent-Length: 2\r\nA: b\r\n\r\n{}"
	if got := Request(http.MethodPut, "/a", []byte("{}"), "A: b"); !bytes.Equal(got, []byte(want)) {
		t.Errorf("got %q", got)
	}
}

func TestQuantile(t *testing.T) {
	if got := Quantile(nil, 0.5); got != 0 {
		t.Errorf("of none: %s", got)
	}
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := Quantile(hundred, q); got != want {
			t.Errorf("%v: got %d, want %d", q, got, want)
		}
	}
}

func TestPool(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	p := NewPool(2, address(server), nil)
	defer p.Close()
	take := func(ctx context.Context) ([]*Conn, func()) {
		t.Helper()
		conns, giveBack, err := p.Take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if status, _, err := conns[1].Exchange(Request(http.MethodGet, "/", nil)); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v", status, err)
		}
		return conns, giveBack
	}
	conns, giveBack := take(t.Context())
	first := slices.Clone(conns)
	giveBack()
	first[0].used = first[0].used.Add(-2 * idleAtMost)
	conns, giveBack = take(t.Context())
	giveBack()
	if conns[1] != first[1] {
		t.Error("a connection that was used just now is kept")
	}
	if conns[0] == first[0] {
		t.Error("one that nobody has used for long is opened anew, whatever the others were used for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	fourth, giveBack := take(ctx)
	cancel()
	if _, err := fourth[0].Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("they end with the user's context, and got %v", err)
	}
	giveBack()
	_, giveBack = take(t.Context())
	giveBack()
}
