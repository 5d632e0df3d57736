package dispatch

import (
	"cmp"
	"slices"
	"time"
)

// play is what plays now.
type play struct {
	announcement *Announcement
	rank         int        // of its severity; that of a recovery is below all
	covers       []*failure // all of them, not only those that are listed
	recoveries   []*recovery
	groups       []*group
	stopping     bool // Decision.Interrupt was told
}

// recoveryRank is below that of every failure.
const recoveryRank = -1

// candidate is what could be announced now.
type candidate struct {
	kind  Kind
	group *group
	rank  int
	due   time.Duration
}

// before tells whether a candidate is to be announced before another: the worst first, then the one that has been due
// for longest.
func (c candidate) before(d candidate) bool {
	if d.group == nil || c.rank != d.rank {
		return d.group == nil || c.rank > d.rank
	}
	return c.due < d.due
}

// play decides what is to be started or stopped. One thing plays at a time. What is strictly worse stops what plays;
// it starts once that has been told as done, together with all that waits by then.
func (s *State) play() {
	next := s.firsts()
	if p := s.playing; p != nil {
		if next.group != nil && next.rank > p.rank && !p.stopping {
			p.stopping, s.out.interrupt = true, true
		}
		return
	}
	if again := s.repeating(); again.group != nil && again.before(next) {
		next = again
	}
	switch {
	case next.group == nil:
		s.playRecovery()
	case next.kind == Repeat:
		s.start(Repeat, next.group.again(s.now.Mono), next.group)
	default:
		s.playFirst(next.group)
	}
}

// firsts is the worst that is due to be announced for the first time and is not covered by a flood.
func (s *State) firsts() candidate {
	var best candidate
	for _, g := range s.groups {
		at, rank := g.flushes(s.covered())
		if c := (candidate{First, g, rank, at}); rank >= 0 && at <= s.now.Mono && c.before(best) {
			best = c
		}
	}
	return best
}

// repeating is the worst that is due to be announced again.
func (s *State) repeating() candidate {
	var best candidate
	for _, g := range s.groups {
		at, rank := g.repeatsAt(s.now.Mono)
		if c := (candidate{Repeat, g, rank, at}); rank >= 0 && c.before(best) {
			best = c
		}
	}
	return best
}

// playFirst announces what waits in a group. Where too much is due on the whole node, it is a flood of all groups.
func (s *State) playFirst(g *group) {
	above := s.covered()
	var n, worst int
	for _, other := range s.groups {
		if at, rank := other.flushes(above); rank >= 0 && at <= s.now.Mono {
			n += other.waits()
			worst = max(worst, rank)
		}
	}
	if s.flood == nil && s.floods(n) {
		s.playFlood(worst)
		return
	}
	s.start(First, s.counted(g.flush(above)), g)
}

// playFlood announces by one signal what is due in all groups, and what the flood would cover at once.
func (s *State) playFlood(worst int) {
	var covers []*failure
	var groups []*group
	for _, g := range s.groups {
		if at, rank := g.flushes(-1); rank >= 0 && at <= s.now.Mono {
			covers = append(covers, g.flush(-1)...)
			groups = append(groups, g)
			continue
		}
		for rank := 0; rank <= worst; rank++ {
			covers = append(covers, g.waiting[rank].until(s.now.Mono)...)
		}
	}
	s.start(Flood, s.counted(covers), groups...)
	s.flood = &flood{id: s.lastID, rank: s.playing.rank, began: s.now, last: s.now.Mono}
}

// start has an announcement of failures played. Its policy, and so its tone and volume, is that of the worst.
func (s *State) start(kind Kind, covers []*failure, groups ...*group) {
	slices.SortFunc(covers, func(a, b *failure) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.seen, b.seen), cmp.Compare(a.order, b.order))
	})
	if !slices.ContainsFunc(covers, func(f *failure) bool { return f.notBefore > 0 }) {
		for _, g := range groups { // none of these was tried yet
			g.failed = 0
		}
	}
	worst := covers[0]
	a := &Announcement{
		Kind: kind, Policy: worst.group.policy, Severity: worst.alert.Severity,
		Tone: worst.group.policy.Tone(worst.alert.Severity), Count: len(covers),
	}
	for _, f := range covers {
		f.playing = true
		if len(a.Alerts) < MaxListed {
			a.Alerts = append(a.Alerts, f.alert)
		}
	}
	s.begin(&play{announcement: a, rank: worst.rank, covers: covers, groups: groups})
}

func (s *State) begin(p *play) {
	s.lastID++
	p.announcement.ID = s.lastID
	s.playing, s.out.play = p, p.announcement
}

// Done tells how an announcement ended that Next had started. An ID that does not play is ignored.
func (s *State) Done(m Moment, id uint64, r Result) {
	s.advance(m)
	p := s.playing
	if p == nil || p.announcement.ID != id {
		return
	}
	if r == Interrupted && !p.stopping {
		r = Failed // nobody asked for it: were it tried again at once, it might go on for ever
	}
	signal := s.flood != nil && s.signalling()
	s.playing = nil
	switch {
	case p.announcement.Kind == Recovery:
		s.doneRecovery(p, r)
	case r == Played:
		s.played(p)
	default:
		if signal {
			s.flood = nil // they wait again, and are a flood when they are due again
		}
		s.unplayed(p, r)
	}
}

// played has all that an announcement covered be announced. What is gone by now stays so.
func (s *State) played(p *play) {
	for _, g := range p.groups {
		g.heard(s.now.Mono, p.rank)
	}
	if s.flood != nil && p.announcement.Kind != Repeat {
		s.flood.rank = max(s.flood.rank, p.rank)
	}
	if s.flood != nil && p.announcement.ID == s.flood.id {
		s.flood.count = len(p.covers)
	}
	for _, f := range p.covers {
		f.playing = false
		if f.gone {
			s.heardGone(f)
			continue
		}
		s.announced(f)
	}
}

// unplayed has all that an announcement covered wait again: after an interruption for the one that interrupted, after
// a failed attempt for a while.
func (s *State) unplayed(p *play, r Result) {
	var delay time.Duration
	if r != Interrupted {
		for _, g := range p.groups {
			delay = max(delay, g.unheard(s.now.Mono, p.rank))
		}
	}
	for _, f := range p.covers {
		f.playing = false
		if p.announcement.Kind != Repeat {
			s.taken.takeBack(s.now.Mono, f.taken)
		}
		if r != Interrupted {
			f.notBefore = s.now.Mono + delay
			s.hold(f)
		}
		s.file(f)
	}
}

// announced has a failure be announced: now.
func (s *State) announced(f *failure) {
	f.announced, f.at, f.last, f.notBefore = true, s.now.Wall, s.now.Mono, 0
	s.remember(f)
	s.file(f)
}
