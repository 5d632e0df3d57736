package check

import (
	"cmp"
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// How often a Check that the cache has without a verdict is read from the API server, to tell whether the verdict has just not come yet: another
// replica may have given it already.
const (
	// trustPending is how old a Check is at least; most have their verdict sooner.
	trustPending      = time.Second
	verifiesPerSecond = 20
	verifiesAtOnce    = 20
)

// Get gives a Check of the owner's. The cache answers; a Check that it has not got is read from the API server, since another replica
// may just have created it, and so is one, within a rate, that has waited for its verdict for a while. What was read so is not followed by what the cache has
// and is older. Nobody may change what it gives. Its errors are ErrNotFound, ErrNotSetUp and ErrUnavailable.
func (s *Service) Get(ctx context.Context, owner, id string) (*v1alpha1.Check, error) {
	if !validID(id) {
		return nil, ErrNotFound
	}
	c := s.checks.get(id)
	if c == nil {
		return s.getLive(ctx, owner, id)
	}
	if c, err := owned(c, owner); err != nil || Finished(c) || !s.doubtful(c) {
		return c, err
	}
	live, err := s.getLive(ctx, owner, id)
	if errors.Is(err, ErrNotFound) {
		s.checks.forget(c)
	}
	if err == nil || errors.Is(err, ErrNotFound) {
		return live, err
	}
	return c, nil
}

// doubtful says whether it is worth a call to know that a Check has no verdict.
func (s *Service) doubtful(c *v1alpha1.Check) bool {
	now := s.o.Clock.Now()
	return now.Sub(c.CreationTimestamp.Time) >= trustPending && s.reachable() == nil && s.checks.verify.AllowN(now, 1)
}

func (s *Service) getLive(ctx context.Context, owner, id string) (*v1alpha1.Check, error) {
	if err := s.reachable(); err != nil {
		return nil, err
	}
	c := &v1alpha1.Check{}
	err := s.attempt(ctx, func(ctx context.Context) error {
		return s.o.Cluster.Client().Get(ctx, types.NamespacedName{Namespace: s.o.Namespace, Name: id}, c)
	})
	unclear := (*unclearError)(nil)
	switch {
	case apierrors.IsNotFound(err):
		return nil, ErrNotFound
	case errors.As(err, &unclear):
		return nil, unavailable(unclear.cause)
	case err != nil:
		return nil, notSetUp("read check", err)
	}
	if c, err = owned(c, owner); err == nil {
		s.checks.learn(c)
	}
	return c, err
}

func owned(c *v1alpha1.Check, owner string) (*v1alpha1.Check, error) {
	if owner == "" || ownerOf(c) != owner {
		return nil, ErrNotFound
	}
	return c, nil
}

// List gives a page of an owner's Checks from the cache, the newest first. Following Next from the first page gives each Check that
// is there throughout exactly once, whatever is created or deleted meanwhile. One that was created a moment ago may still be
// missing, and Get has it. Its errors are ErrBadCursor, an *InvalidError of the limit,
// and ErrUnavailable before the cache is complete.
func (s *Service) List(_ context.Context, owner string, q Query) (Page, error) {
	limit := cmp.Or(q.Limit, DefaultLimit)
	if limit < 1 || limit > MaxLimit {
		return Page{}, invalid("query.limit", "expected 1 to %d", MaxLimit)
	}
	var before *position
	if q.Cursor != "" {
		p, err := parseCursor(q.Cursor)
		if err != nil {
			return Page{}, err
		}
		before = &p
	}
	if err := s.listed(); err != nil {
		return Page{}, err
	}
	checks, more := s.checks.page(owner, before, q.Phases, limit)
	page := Page{Checks: checks}
	if more {
		page.Next = positionOf(checks[len(checks)-1]).cursor()
	}
	return page, nil
}
