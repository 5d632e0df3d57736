package cluster

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProxyCountsBothWays(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return // the test has failed, and says why
		}
		text, _ := io.ReadAll(conn) // until the other side has said all
		_, _ = conn.Write(append(text, text...))
		_ = conn.Close()
	}()
	p, err := newProxy(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	sent := strings.Repeat("x", 200_000)
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != sent+sent {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(Bytes{Up: 200_000, Down: 400_000}, p.Bytes()); diff != "" {
		t.Error(diff)
	}
}

func TestProxyEndsItsConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p, err := newProxy(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept() // it is handed on
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

// work has this process take 200 ms of processor time, which on a busy machine may take long.
func work(t *testing.T, do func()) {
	t.Helper()
	for first := time.Duration(-1); ; do() {
		u, err := Used(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if first < 0 {
			first = u.CPU
		}
		if u.CPU-first >= 200*time.Millisecond {
			return
		}
		for range 1000 {
			do()
		}
	}
}

func TestUsed(t *testing.T) {
	work(t, func() { _ = strings.Repeat("x", 1000) })
	u, err := Used(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if u.CPU < 10*time.Millisecond || u.Anon <= 0 || u.Peak < u.Anon || u.Descriptors < 3 {
		t.Errorf("this process cannot be %+v", u)
	}
	if err := ResetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestMetricsAreRead(t *testing.T) {
	const text = `# HELP apiserver_request_total x
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",resource="checks",scope="resource",subresource="status",verb="PUT"} 12
apiserver_request_total{code="409",component="apiserver",resource="checks",scope="resource",subresource="status",verb="PUT"} 1
other_total{verb="a b"} 3e+02
`
	sums := map[string]float64{}
	if err := eachSample([]byte(text), "", func(name, _ string, value float64) { sums[name] += value }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{"apiserver_request_total": 13, "other_total": 300}, sums); diff != "" {
		t.Error(diff)
	}
	requests := Requests{}
	if err := eachSample([]byte(text), "apiserver_request_total{", requests.add); err != nil {
		t.Fatal(err)
	}
	want := Requests{{Verb: "PUT", Resource: "checks", Subresource: "status"}: 13}
	if diff := cmp.Diff(want, requests); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Requests{{Verb: "PUT", Resource: "checks", Subresource: "status"}: 3}, want.Since(Requests{{Verb: "PUT", Resource: "checks", Subresource: "status"}: 10})); diff != "" {
		t.Error(diff)
	}
}

func TestShares(t *testing.T) {
	var text bytes.Buffer
	if err := pprof.StartCPUProfile(&text); err != nil {
		t.Fatal(err)
	}
	work(t, func() {
		var v any
		if err := json.Unmarshal([]byte(`{"a":[1,2,3]}`), &v); err != nil {
			t.Fatal(err)
		}
	})
	pprof.StopCPUProfile()
	shares, err := Shares(text.Bytes(), []Group{{"decoding", []string{"encoding/json"}}}, ByGroup)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range shares {
		sum += s.Part
	}
	if len(shares) == 0 || shares[0].Name != "decoding" || sum < 0.999 || sum > 1.001 {
		t.Errorf("most that was done is decoding, and got %v", shares)
	}
}

func TestFind(t *testing.T) {
	groups := []Group{{"outer", []string{"a."}}, {"inner", []string{"b."}}}
	stack := []string{"c.leaf", "b.call", "a.start"}
	if got := ByFunction(stack, groups); got != "inner" {
		t.Errorf("the first function that has a group decides, and got %q", got)
	}
	if got := ByGroup(stack, groups); got != "outer" {
		t.Errorf("the first group that has a function decides, and got %q", got)
	}
	if got := ByFunction(stack[:1], groups); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestPayload(t *testing.T) {
	bad := 0
	for i := range Variants {
		text := Payload(i, 600)
		if len(text) != 600 || !json.Valid([]byte(text)) {
			t.Errorf("%d: %d bytes: %s", i, len(text), text)
		}
		if Bad(i) {
			bad++
		}
	}
	if bad*3 != Variants {
		t.Errorf("%d of %d are bad", bad, Variants)
	}
}

func TestGathering(t *testing.T) {
	var g Gathering
	g.Expect(5, 2)
	w := &Watch{done: make(chan struct{})}
	at := time.Unix(1, 0)
	for number, first := range map[int]bool{4: false, 5: true, 6: true, 7: false} {
		if got := g.See(Sighting{Number: number, At: at}); got != first {
			t.Errorf("%d: %v", number, got)
		}
	}
	if g.See(Sighting{Number: 5, At: at.Add(1)}) {
		t.Error("a second sighting is none")
	}
	seen, err := g.Wait(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Time{at, at}, seen); diff != "" {
		t.Error(diff)
	}
	g.Expect(7, 1)
	close(w.done)
	if _, err := g.Wait(t.Context(), w); err == nil {
		t.Error("a watch that has ended is waited for no longer")
	}
}
