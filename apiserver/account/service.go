package account

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// Token is what is known of a token, without its secret.
type Token struct {
	ID      string
	Account string // the account's id
	Name    string // empty for a session
	Session bool   // made by a login
	// LastUsedAt is zero where it was never used, and up to half a minute old.
	CreatedAt, ExpiresAt, LastUsedAt time.Time
	// LoginAt is when the user gave the password: a session's start; zero for an API token.
	LoginAt time.Time
	// RatePerMinute is the token's own rate limit; 0: the service's.
	RatePerMinute int
	// Superseded: it was shown by the secret before the last rotation, in its grace. Authenticate alone sets it.
	Superseded bool
}

// Issued is a new token with its secret, which is not kept and cannot be shown again.
type Issued struct {
	Token
	Secret string
}

// Service keeps accounts and tokens. It is safe for concurrent use.
type Service struct {
	Options
	ledger  *ledger
	metrics *metrics
	recent  *recorder
	synced  atomic.Bool

	resets chan string // canonical addresses that asked for a reset

	// tokenReads and loginReads bound live reads that anybody can cause; refused holds until when a secret text that was
	// read live is known to be wrong.
	tokenReads, loginReads *rate.Limiter
	refused                *lru.Cache[digest, time.Time]
}

// New makes a Service. It serves once Start has read the Secrets.
func New(o Options) (*Service, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	refused, err := lru.New[digest, time.Time](maxRefused)
	if err != nil {
		return nil, err
	}
	s := &Service{
		Options: o, ledger: newLedger(o.Log), resets: make(chan string, maxResets),
		tokenReads: rate.NewLimiter(tokenReadsPerSecond, tokenReadsPerSecond),
		loginReads: rate.NewLimiter(loginReadsPerSecond, loginReadsPerSecond),
		refused:    refused, recent: newRecorder(),
	}
	if s.metrics, err = newMetrics(s); err != nil {
		return nil, err
	}
	return s, nil
}

// Start follows the Secrets and does what is done in the background, until the context ends: resets, the time of last
// use, and deleting what has expired.
func (s *Service) Start(ctx context.Context) error {
	informer, err := s.Cache.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	registration, err := informer.AddEventHandler(s.ledger.handler())
	if err != nil {
		return err
	}
	defer func() {
		if err := informer.RemoveEventHandler(registration); err != nil {
			s.Log.Error(err, "The cache's events go on")
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		s.synced.Store(toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced))
		return nil
	})
	g.Go(func() error { return s.workOnResets(ctx) })
	g.Go(func() error { return s.every(ctx, lastUseInterval, 0, s.recordLastUse) })
	g.Go(func() error { return s.every(ctx, settleInterval, 0, s.settle) })
	g.Go(func() error { return s.every(ctx, sweepInterval, sweepJitter, s.sweep) })
	return g.Wait()
}

// Synced says whether the Secrets have been read once.
func (s *Service) Synced() bool { return s.synced.Load() }

// now is the time as it is stored.
func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// level waits until the next multiple of the quantum since the start, so that the time of an answer says nothing. It
// ends with the context: nobody listens then.
func (s *Service) level(ctx context.Context, start time.Time) {
	if s.Quantum <= 0 {
		return
	}
	past := s.Clock.Since(start) % s.Quantum
	timer := s.Clock.NewTimer(s.Quantum - past)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

// wait says whether a client, and an account where one is meant, may try again: nil or a *BackoffError.
func (s *Service) wait(address netip.Addr, locator string) error {
	var after time.Duration
	for _, key := range keys(address, locator) {
		if retry, ok := s.Backoff.Check(key); !ok {
			after = max(after, retry, time.Millisecond)
		}
	}
	if after > 0 {
		return &BackoffError{RetryAfter: after}
	}
	return nil
}

// failed counts a failure of a client and an account.
func (s *Service) failed(address netip.Addr, locator string) {
	for _, key := range keys(address, locator) {
		s.Backoff.Fail(key)
	}
}

// keys are what failures are counted by.
func keys(address netip.Addr, locator string) []string {
	var all []string
	if key := addressKey(address); key != "" {
		all = append(all, key)
	}
	if locator != "" {
		all = append(all, accountKey(locator))
	}
	return all
}
