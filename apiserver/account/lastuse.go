package account

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Bounds of recording when tokens were last used.
const (
	lastUseInterval = 30 * time.Second // at most one write for a token in it
	maxRecentUses   = 10_000           // tokens that wait for their write; others are not noted, and counted
	maxLastUse      = 300              // writes at a time: 10 a second
	lastUseTimeout  = 5 * time.Second  // of one write
)

// recorder holds which tokens were used, until it is written.
type recorder struct {
	mu      sync.Mutex
	pending map[string]time.Time // by the Secret's name
	dropped int
}

func newRecorder() *recorder { return &recorder{pending: map[string]time.Time{}} }

// used notes that a token was used, if that is news.
func (r *recorder) used(e *entry, now time.Time) {
	ms := now.UnixMilli()
	last := e.used.Load()
	if ms-last < lastUseInterval.Milliseconds() || !e.used.CompareAndSwap(last, ms) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) >= maxRecentUses {
		r.dropped++
		return
	}
	r.pending[e.secret.Name] = now
}

// take removes some of what waits, and says how many were not noted since the last time.
func (r *recorder) take(most int) (batch map[string]time.Time, dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch, dropped = map[string]time.Time{}, r.dropped
	r.dropped = 0
	for name, at := range r.pending {
		if len(batch) == most {
			break
		}
		batch[name] = at
		delete(r.pending, name)
	}
	return batch, dropped
}

// recordLastUse writes when tokens were last used, as an annotation by a merge patch: it meets no conflict, and leaves
// token.json alone. While the API server is away it is dropped: it is not worth a retry.
func (s *Service) recordLastUse(ctx context.Context) {
	batch, dropped := s.recent.take(maxLastUse)
	for name, at := range batch {
		if err := s.writeLastUse(ctx, name, at); err != nil {
			s.Log.V(1).Info("Times of last use were dropped: the API server did not take them", "error", err.Error())
			dropped += len(batch)
			break
		}
		delete(batch, name)
	}
	s.metrics.lastUseDropped.Add(float64(dropped))
}

func (s *Service) writeLastUse(ctx context.Context, name string, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, lastUseTimeout)
	defer cancel()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name}}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{
		lastUsedAnnotation: at.UTC().Format(time.RFC3339),
	}}})
	if err != nil {
		return err
	}
	err = s.Client.Patch(ctx, secret, client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		s.ledger.put(secret, s.Clock.Now())
	}
	return err
}
