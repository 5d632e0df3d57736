package route

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// Which part of what all may hold together one owner, or one address where there is no owner, may hold.
const (
	bodiesPart  = 4
	streamsPart = 10
	waitsPart   = 8
)

// errShare is about an owner who holds as much as one may.
func errShare() *problem.Problem {
	return problem.New(http.StatusTooManyRequests, "Too many of your requests are under way: send the next when one of them has been answered.").
		WithType("too-many-under-way").After(time.Second)
}

// budget is the memory of bodies.
type budget struct {
	all    *semaphore.Weighted
	shares *shares
}

func newBudget(most int64) budget {
	return budget{all: semaphore.NewWeighted(most), shares: newShares(most / bodiesPart)}
}

// take takes an owner's part of the memory.
func (b budget) take(owner string, amount int64) (*taken, error) {
	if !b.shares.take(owner, amount) {
		return nil, errShare()
	}
	if !b.all.TryAcquire(amount) {
		b.shares.give(owner, amount)
		return nil, throttle.ErrOverloaded
	}
	return &taken{from: b, owner: owner, amount: amount}, nil
}

// taken is what one request holds of a budget.
type taken struct {
	from   budget
	owner  string
	amount int64
}

// keep gives back all but some: a body of unknown length is taken for the longest until it is read.
func (t *taken) keep(amount int64) {
	rest := t.amount - amount
	if rest <= 0 {
		return
	}
	t.from.all.Release(rest)
	t.from.shares.give(t.owner, rest)
	t.amount = amount
}

// release gives back the rest.
func (t *taken) release() { t.keep(0) }

// sharesOf are those of a gate. There is none where there is only a document to be made.
func sharesOf(g *throttle.Gate, part int) *shares {
	if g == nil {
		return nil
	}
	return newShares(int64(g.Size() / part))
}

// shares bound how much of something one owner may hold at a time, where a gate bounds what all hold together: so nobody can take it
// all. Owners that hold nothing take no room. It is safe for concurrent use.
type shares struct {
	most int64

	mu   sync.Mutex
	held map[string]int64
}

func newShares(most int64) *shares { return &shares{most: max(1, most), held: map[string]int64{}} }

// take adds to what an owner holds; false: that would be too much. What was taken is given back by the same amount.
func (s *shares) take(owner string, amount int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[owner]+amount > s.most {
		return false
	}
	s.held[owner] += amount
	return true
}

func (s *shares) give(owner string, amount int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[owner] -= amount; s.held[owner] <= 0 {
		delete(s.held, owner)
	}
}
