package apiserver_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/apiserver"
)

// The benchmarks of the facade are run by
//
//	KUBEBUILDER_ASSETS="$(hack/controlplane/build.sh)" go test ./test/apiserver -run '^$' -bench . -benchtime 5x
//
// and profiled with -cpuprofile and -memprofile. Each iteration is a round of what is measured and one of what it is compared with, one
// after the other; figures are the medians of the rounds. Clients and servers share the machine: take the ratios.
const (
	dryConnections = 16
	dryRequests    = 20_000 // a round
)

// serve runs a facade in this process as the command does: with its defaults, and its log written as JSON, here to nobody. Nothing of
// a test looks at its answers on the way.
func (c *cluster) serve(config *rest.Config, change ...func(*apiserver.Options)) (url string) {
	c.t.Helper()
	nobody, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	options := c.options(io.Discard)
	options.PerMinute, options.AddressPerMinute = 1_000_000, 1_000_000
	for _, f := range change {
		f(&options)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	server, err := apiserver.New(ctx, config, options, logr.FromSlogHandler(slog.NewJSONHandler(nobody, nil)), "test")
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Errorf("the facade ended: %v", err)
		}
		_ = nobody.Close()
	})
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := server.WaitReady(waiting); err != nil {
		c.t.Fatalf("the facade is not ready: %v", err)
	}
	return server.URL()
}

// BenchmarkDryRun is dry runs of the 200-byte order by 5 rules, over TCP, 16 connections at a time, beside a server that does nothing
// but read the body and write an answer of the same size.
func BenchmarkDryRun(b *testing.B) {
	c := newCluster(b)
	c.apply(orders)
	url := c.serve(c.as("checky-apiserver"))
	var requests [][]byte
	for i := range 4 {
		token := signUp(b, url, fmt.Sprintf("user-%d@%s.example.com", i, c.namespace))
		requests = append(requests, rawRequest("/v1/check?dry_run=true", byOrders(goodOrder), "Authorization: Bearer "+token))
	}
	host := strings.TrimPrefix(url, "http://")
	facade := dial(b, host, dryConnections)
	body := []byte(nil)
	eventually(b, "the facade knows the rule set", func() bool {
		status, answer, err := facade[0].exchange(requests[0])
		body = bytes.Clone(answer)
		return err == nil && status == http.StatusOK && bytes.Contains(answer, []byte("orders/sku-once"))
	})
	bare := dial(b, serveBare(b, body), dryConnections)
	runRound(b, facade, requests, dryRequests/4)
	runRound(b, bare, requests, dryRequests/4)

	var measured, ceiling []round
	for b.Loop() {
		measured = append(measured, runRound(b, facade, requests, dryRequests))
		ceiling = append(ceiling, runRound(b, bare, requests, dryRequests))
	}
	report(b, "", measured)
	report(b, "ceiling-", ceiling)
	b.ReportMetric(medianOf(measured, round.perSecond)/medianOf(ceiling, round.perSecond), "ratio")
	b.ReportMetric(0, "ns/op")
	b.Logf("payload %d bytes, answer %d bytes, %d rounds of %d requests; client and servers share %d cores",
		len(goodOrder), len(body), len(measured), dryRequests, runtime.GOMAXPROCS(0))
}

// round is what one round of requests came to.
type round struct {
	requests  int
	took      time.Duration
	p50, p99  time.Duration
	perAnswer float64 // allocations of the process, client and server, for each request
}

func (r round) perSecond() float64 { return float64(r.requests) / r.took.Seconds() }
func (r round) medianMicros() float64 {
	return float64(r.p50) / float64(time.Microsecond)
}
func (r round) slowMicros() float64  { return float64(r.p99) / float64(time.Microsecond) }
func (r round) allocations() float64 { return r.perAnswer }

func report(b *testing.B, prefix string, rounds []round) {
	b.Helper()
	b.ReportMetric(medianOf(rounds, round.perSecond), prefix+"requests/s")
	b.ReportMetric(medianOf(rounds, round.medianMicros), prefix+"p50-µs")
	b.ReportMetric(medianOf(rounds, round.slowMicros), prefix+"p99-µs")
	b.ReportMetric(medianOf(rounds, round.allocations), prefix+"allocs/request")
}

func medianOf(rounds []round, of func(round) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// runRound sends so many requests over connections, each of which sends its next one when it has its answer.
func runRound(b *testing.B, connections []*connection, requests [][]byte, n int) round {
	b.Helper()
	return measure(b, len(connections), n, func(i int) error {
		status, _, err := connections[i].exchange(requests[i%len(requests)])
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("answer %d", status)
		}
		return err
	})
}

// measure lets so many clients work at a time, each of which does the next piece of work when it has done one, until so many are done.
func measure(b *testing.B, clients, n int, work func(client int) error) round {
	b.Helper()
	each := make([][]time.Duration, clients)
	for i := range each {
		each[i] = make([]time.Duration, 0, n)
	}
	var left atomic.Int64
	left.Store(int64(n))
	problems := make(chan error, clients)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				sent := time.Now()
				if err := work(i); err != nil {
					problems <- err
					return
				}
				each[i] = append(each[i], time.Since(sent))
			}
		})
	}
	group.Wait()
	r := round{requests: n, took: time.Since(began)}
	runtime.ReadMemStats(&after)
	close(problems)
	if err := <-problems; err != nil {
		b.Fatal(err)
	}
	all := slices.Concat(each...)
	slices.Sort(all)
	r.p50, r.p99 = all[len(all)/2], all[len(all)*99/100]
	r.perAnswer = float64(after.Mallocs-before.Mallocs) / float64(n)
	return r
}

// rawRequest is a POST as it goes over the wire.
func rawRequest(path, body string, headers ...string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: checky\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n\r\n%s",
		path, len(body), strings.Join(headers, "\r\n"), body)
}

// connection is one of a client that costs next to nothing, so that a figure is the server's.
type connection struct {
	net.Conn
	in     *bufio.Reader
	answer []byte
}

func dial(b *testing.B, address string, n int) []*connection {
	b.Helper()
	list := make([]*connection, n)
	for i := range list {
		var dialer net.Dialer
		c, err := dialer.DialContext(b.Context(), "tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() }) // all was read
		list[i] = &connection{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}
	}
	return list
}

// exchange sends a request and reads its answer; the body is good until the next.
func (c *connection) exchange(request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, nil, errors.New("no status line")
	}
	for _, digit := range line[len("HTTP/1.1 "):][:3] {
		status = 10*status + int(digit-'0')
	}
	length, chunked := 0, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
		chunked = chunked || bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked"))
	}
	if !chunked {
		c.answer = slices.Grow(c.answer[:0], length)[:length]
		_, err = io.ReadFull(c.in, c.answer)
		return status, c.answer, err
	}
	if c.answer, err = io.ReadAll(httputil.NewChunkedReader(c.in)); err == nil {
		_, err = c.in.ReadSlice('\n') // what ends the trailer
	}
	return status, c.answer, err
}

// serveBare serves a fixed answer, once it has read the body, and returns the address.
func serveBare(b *testing.B, answer []byte) string {
	b.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer) // the client would miss it
		}),
	}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	b.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}
