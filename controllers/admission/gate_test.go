package admission

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// TestBounded asks more at a time than there is room for: so many are worked on, so many wait, and the rest is told at once. All that was let in is answered.
func TestBounded(t *testing.T) {
	server := webhook.NewServer(webhook.Options{WebhookMux: http.NewServeMux()})
	inside, most, release := atomic.Int64{}, atomic.Int64{}, make(chan struct{})
	gate, ok := Bounded(server).(*bounded)
	if !ok {
		t.Fatal("it bounds nothing")
	}
	gate.Register("/review", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), inside.Add(1)))
		<-release
		inside.Add(-1)
	}))
	ask := func() int {
		w := httptest.NewRecorder()
		server.WebhookMux().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/review", nil))
		return w.Code
	}
	var group sync.WaitGroup
	let := atomic.Int64{}
	for range cap(gate.waiting) {
		group.Go(func() {
			if ask() == http.StatusOK {
				let.Add(1)
			}
		})
	}
	for len(gate.waiting) < cap(gate.waiting) || len(gate.working) < cap(gate.working) {
		if t.Context().Err() != nil {
			t.Fatal("they do not come in")
		}
		runtime.Gosched()
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("one more than may wait gets %d", code)
	}
	close(release)
	group.Wait()
	if let.Load() != int64(cap(gate.waiting)) || most.Load() > maxReviews {
		t.Errorf("%d of %d were answered, %d at a time", let.Load(), cap(gate.waiting), most.Load())
	}
	if len(gate.waiting) != 0 || len(gate.working) != 0 {
		t.Error("places are not given back")
	}
}

// TestBoundedBody posts more than an AdmissionReview can be.
func TestBoundedBody(t *testing.T) {
	server := webhook.NewServer(webhook.Options{WebhookMux: http.NewServeMux()})
	var read int64
	var err error
	Bounded(server).Register("/review", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		read, err = io.Copy(io.Discard, r.Body)
	}))
	body := strings.NewReader(strings.Repeat("x", maxReview+1))
	server.WebhookMux().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/review", body))
	if err == nil || read > maxReview {
		t.Errorf("%d bytes were read: %v", read, err)
	}
}
