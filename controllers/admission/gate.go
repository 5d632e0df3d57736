package admission

import (
	"context"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const (
	// maxReviews is how many objects a replica looks at at a time, and maxWaiting how many more wait for that; of further ones the answer is 503.
	maxReviews = 8
	maxWaiting = 256

	// maxReview bounds an AdmissionReview, in bytes: it has an object of at most 1.5 MiB (etcd's limit) before and after.
	maxReview = 4 << 20

	// reviewWait is how long one waits, and reviewTime how long its body may take: API servers give up after 10 s.
	reviewWait = 5 * time.Second
	reviewTime = 10 * time.Second
)

// Bounded has a server's webhooks look at few objects at a time: whoever reaches the port may ask, since the API server does not say who it is
// unless it is configured to.
func Bounded(s webhook.Server) webhook.Server {
	return &bounded{Server: s, waiting: make(chan struct{}, maxReviews+maxWaiting), working: make(chan struct{}, maxReviews)}
}

// bounded is a server whose webhooks share two bounds.
type bounded struct {
	webhook.Server
	waiting, working chan struct{}
}

// Register implements webhook.Server.
func (b *bounded) Register(path string, hook http.Handler) {
	b.Server.Register(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case b.waiting <- struct{}{}:
			defer func() { <-b.waiting }()
		default:
			http.Error(w, "too many requests", http.StatusServiceUnavailable)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), reviewWait)
		defer cancel()
		select {
		case b.working <- struct{}{}:
			defer func() { <-b.working }()
		case <-ctx.Done():
			http.Error(w, "too many requests", http.StatusServiceUnavailable)
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(reviewTime)) // where there is a connection to set it of
		r.Body = http.MaxBytesReader(w, r.Body, maxReview)
		hook.ServeHTTP(w, r)
	}))
}
