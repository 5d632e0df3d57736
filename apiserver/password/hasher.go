package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrBusy is returned where as many already hash and wait as may. The caller says 503 and when to try again.
var ErrBusy = errors.New("too many passwords are being hashed; try again in a moment")

// Hasher hashes a bounded number of passwords at once. It is safe for concurrent use.
type Hasher struct {
	params  Params
	slots   chan struct{}
	room    int64 // that may hash and wait, in all
	present atomic.Int64
}

// NewHasher makes one that hashes at most parallel passwords at once, which takes at most parallel * p.Memory, and lets
// at most queue more wait.
func NewHasher(p Params, parallel, queue int) (*Hasher, error) {
	if !p.valid() {
		return nil, fmt.Errorf("argon2id parameters m=%d,t=%d,p=%d are out of bounds: m is 8*p to %d KiB, t is 1 to %d, p is 1 to %d",
			p.Memory, p.Time, p.Threads, MaxMemory, MaxTime, MaxThreads)
	}
	if parallel < 1 || queue < 0 {
		return nil, fmt.Errorf("a hasher needs at least 1 slot and a queue of 0 or more, not %d and %d", parallel, queue)
	}
	return &Hasher{params: p, slots: make(chan struct{}, parallel), room: int64(parallel) + int64(queue)}, nil
}

// Waiting says how many wait for a slot.
func (h *Hasher) Waiting() int { return max(0, int(h.present.Load())-len(h.slots)) }

// Hash is the PHC string of a password under today's parameters. Errors: ErrBusy, the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	stored := hash{Params: h.params, salt: make([]byte, saltBytes)}
	_, _ = rand.Read(stored.salt) // It never fails: see its documentation.
	stored.key = h.params.key(normalized(password), stored.salt, keyBytes)
	return stored.String(), nil
}

// Verify says whether a password is the one of a PHC string, and whether the string is stale: weaker than today's
// parameters, so that the caller should store a fresh one. Errors: ErrBusy, the context's, a string that cannot be read.
func (h *Hasher) Verify(ctx context.Context, password, phc string) (ok, stale bool, err error) {
	stored, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	key := stored.Params.key(normalized(password), stored.salt, len(stored.key))
	stale = stored.Memory < h.params.Memory || stored.Time < h.params.Time || len(stored.key) < keyBytes || len(stored.salt) < saltBytes
	return subtle.ConstantTimeCompare(key, stored.key) == 1, stale, nil
}

// Waste does the work of a Verify, so that time does not tell that there is no account. Errors: ErrBusy, the context's.
func (h *Hasher) Waste(ctx context.Context, password string) error {
	leave, err := h.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	h.params.key(normalized(password), make([]byte, saltBytes), keyBytes)
	return nil
}

// enter waits for a slot. argon2 itself cannot be interrupted: one hash takes some 50 ms.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.present.Add(1) > h.room {
		h.present.Add(-1)
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		h.present.Add(-1)
		return nil, ctx.Err()
	}
	return func() {
		<-h.slots
		h.present.Add(-1)
	}, nil
}
