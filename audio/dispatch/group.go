package dispatch

import (
	"time"

	"github.com/checky-dev/checky/alerts"
)

// longWait is for how long a failure may wait for its first announcement without being journaled: past it, a restart
// must not find it stale.
const longWait = time.Minute

// group is the failures that one policy applies to: they are announced together.
type group struct {
	policy *alerts.Policy
	hours  hours

	waiting [ranks]queue // for their first announcement, by severity; due when groupWait is over
	repeats [ranks]queue // announced ones, by severity; due when repeatInterval is over

	last     time.Duration // when the group was last announced
	lastRank int           // and how severe that was; -1: it never was
	failed   int           // how many announcements failed in a row
	pause    time.Duration // after one that failed: until when others no worse than that wait
	failRank int           // how severe it was; -1: none failed

	recovered recovered
}

func newGroup() *group { return &group{lastRank: -1, failRank: -1} }

// wait has a failure wait for its first announcement: for groupWait since it was seen, and longer after an attempt
// that failed.
func (s *State) wait(f *failure) {
	g := f.group
	f.enqueue(&g.waiting[f.rank], max(f.seen+g.policy.GroupWait, f.notBefore))
	if max(f.due, g.opens(f.rank))-s.now.Mono > longWait {
		s.hold(f)
	}
}

// repeat has an announced failure wait until it is to be announced again, if it ever is.
//
// A policy that changes announces nothing again by that alone: where the new interval is over already, it is counted
// from now.
func (s *State) repeat(f *failure) {
	every := f.group.policy.RepeatInterval
	if f.every != unset && f.every != every && f.last+every <= s.now.Mono {
		f.last = s.now.Mono
	}
	f.every = every
	if f.stale || every == 0 {
		return
	}
	if reason := s.held(f); reason != "" {
		s.tell(f, reason)
		return
	}
	f.enqueue(&f.group.repeats[f.rank], max(f.last+every, f.notBefore))
}

// opens is before when nothing of a severity is announced for the first time: new failures wait for groupInterval
// after the group's last announcement, unless they are worse than that was; so they do, if for a shorter time, after
// an attempt that failed.
func (g *group) opens(rank int) time.Duration {
	var at time.Duration
	if rank <= g.lastRank {
		at = g.last + g.policy.GroupInterval
	}
	if rank <= g.failRank {
		at = max(at, g.pause)
	}
	return at
}

// flushes is when failures of the group that are more severe than above (a rank; -1: all) are to be announced for the
// first time. All of them that wait are, then, however long each has: the worst of them is worst; -1: none waits.
func (g *group) flushes(above int) (at time.Duration, worst int) {
	worst = -1
	for rank := above + 1; rank < ranks; rank++ {
		if len(g.waiting[rank]) == 0 {
			continue
		}
		if due := max(g.waiting[rank][0].due, g.opens(rank)); worst < 0 || due < at {
			at = due
		}
		worst = rank
	}
	return at, worst
}

// waits is how many wait.
func (g *group) waits() int {
	var n int
	for rank := range g.waiting {
		n += len(g.waiting[rank])
	}
	return n
}

// flush takes out what waits and is more severe than above.
func (g *group) flush(above int) []*failure {
	var taken []*failure
	for rank := ranks - 1; rank > above; rank-- {
		taken = append(taken, g.waiting[rank].all()...)
	}
	return taken
}

// repeatsAt is when announced failures are to be announced again. Of several severities that are due by now it is the
// worst.
func (g *group) repeatsAt(now time.Duration) (at time.Duration, worst int) {
	worst = -1
	for rank := range g.repeats {
		if q := g.repeats[rank]; len(q) > 0 && q[0].due <= now {
			at, worst = q[0].due, rank
		}
	}
	return at, worst
}

// again takes out what is due to be announced again, and what would be due within groupInterval: it would wait for
// that anyway.
func (g *group) again(now time.Duration) []*failure {
	var taken []*failure
	for rank := ranks - 1; rank >= 0; rank-- {
		taken = append(taken, g.repeats[rank].until(now+g.policy.GroupInterval)...)
	}
	return taken
}

// heard takes note of an announcement that was played.
func (g *group) heard(now time.Duration, rank int) {
	g.last, g.lastRank = now, rank
	g.failed, g.pause, g.failRank = 0, 0, -1
}

// unheard takes note of an announcement that could not be played, and says how long to wait before the next attempt.
func (g *group) unheard(now time.Duration, rank int) time.Duration {
	g.failed++
	delay := backoff(g.failed)
	g.pause, g.failRank = now+min(delay, g.policy.GroupInterval), rank
	return delay
}

// relax forgets the failed attempts of a group of which nothing waits any more.
func (s *State) relax(g *group) {
	if g != nil && g.failed > 0 && g.waits() == 0 && s.playing == nil {
		g.failed, g.pause, g.failRank = 0, 0, -1
	}
}

// How an announcement that failed is tried again: after a second, then twice as long each time; after some attempts
// in a row once a minute, for as long as the failure lasts.
const (
	firstRetry  = time.Second
	maxAttempts = 5
	lastRetry   = time.Minute
)

// backoff is how long to wait after so many attempts in a row that failed.
func backoff(attempts int) time.Duration {
	if attempts >= maxAttempts {
		return lastRetry
	}
	return firstRetry << max(attempts-1, 0)
}
