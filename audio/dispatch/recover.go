package dispatch

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// maxInquiry is for how long an answer to Decision.Inquire is waited for. A recovery that is told later is not news.
const maxInquiry = time.Minute

// recovery is a Check that was announced and does not fail any more. Until Recovered is told, it may as well be deleted.
type recovery struct {
	alert Alert
	rank  int
	group *group
	until time.Duration // for so long the answer is waited for
	sure  bool          // Recovered was told
}

// recoveries are all of them.
type recoveries struct {
	of    map[types.UID]*recovery
	asked []*recovery // in the order of their until
}

// recovered is what a group has to say of recoveries.
type recovered struct {
	waiting []*recovery
	due     time.Duration // when they are to be announced
	last    time.Duration // when the last were
	ever    bool          // any were
	failed  int           // announcements that failed in a row
}

func (r *recoveries) drop(uid types.UID) { delete(r.of, uid) }

// dropAll drops those of a group that is no more.
func (r *recoveries) dropAll(g *group) {
	for uid, x := range r.of {
		if x.group == g {
			delete(r.of, uid)
		}
	}
}

// holds tells whether a recovery still is one: the Check may fail again.
func (r *recoveries) holds(x *recovery) bool { return r.of[x.alert.UID] == x }

// expire drops those whose answer did not come.
func (r *recoveries) expire(now time.Duration) {
	for len(r.asked) > 0 && r.asked[0].until <= now {
		if x := r.asked[0]; !x.sure && r.holds(x) {
			r.drop(x.alert.UID)
		}
		r.asked = r.asked[1:]
	}
	if len(r.asked) == 0 {
		r.asked = nil
	}
}

// inquire asks what became of a failure that was heard and is gone, if its policy has a tone for recoveries.
func (s *State) inquire(f *failure) {
	if !slices.Contains(s.groups, f.group) || f.group.policy.Recovery == nil || len(s.recoveries.asked) >= s.options.MaxAlerts {
		return // or its policy is no more
	}
	x := &recovery{alert: f.alert, rank: f.rank, group: f.group, until: s.now.Mono + maxInquiry}
	s.recoveries.of[f.alert.UID] = x
	s.recoveries.asked = append(s.recoveries.asked, x)
	s.out.inquire = append(s.out.inquire, x.alert)
}

// heardGone asks what became of a failure that went while its tone played: it was heard all the same.
func (s *State) heardGone(f *failure) {
	if s.alerts[f.alert.UID] == nil && s.recoveries.of[f.alert.UID] == nil {
		s.inquire(f)
	}
}

// Recovered answers Decision.Inquire: the Check passes now. Answers that come too late, or that nobody asked for, are
// ignored.
func (s *State) Recovered(m Moment, uid types.UID) {
	s.advance(m)
	s.recoveries.expire(s.now.Mono)
	x := s.recoveries.of[uid]
	if x == nil || x.sure {
		return
	}
	x.sure = true
	g := &x.group.recovered
	if len(g.waiting) == 0 {
		g.due = s.now.Mono + x.group.policy.GroupWait
		if g.ever {
			g.due = max(g.due, g.last+x.group.policy.GroupInterval)
		}
	}
	g.waiting = append(g.waiting, x)
}

// playRecovery announces the recoveries of the first group that is due. Those that quiet hours or a Silence hold back
// are dropped, not held: nobody needs to hear in the morning that the night ended well.
func (s *State) playRecovery() {
	for _, g := range s.groups {
		if len(g.recovered.waiting) == 0 || g.recovered.due > s.now.Mono {
			continue
		}
		var now []*recovery
		for _, x := range g.recovered.waiting {
			switch {
			case !s.recoveries.holds(x):
			case g.policy.Recovery == nil || s.quiet(g, x.rank) || s.silenced(&x.alert):
				s.recoveries.drop(x.alert.UID)
			default:
				now = append(now, x)
			}
		}
		g.recovered.waiting = nil
		if len(now) > 0 {
			s.startRecovery(g, now)
			return
		}
	}
}

func (s *State) startRecovery(g *group, now []*recovery) {
	slices.SortStableFunc(now, func(a, b *recovery) int { return cmp.Compare(b.rank, a.rank) })
	a := &Announcement{
		Kind: Recovery, Policy: g.policy, Severity: now[0].alert.Severity, Tone: *g.policy.Recovery, Count: len(now),
	}
	for _, x := range now[:min(len(now), MaxListed)] {
		a.Alerts = append(a.Alerts, x.alert)
	}
	s.begin(&play{announcement: a, rank: recoveryRank, recoveries: now, groups: []*group{g}})
}

// doneRecovery ends the announcement of recoveries. An interrupted one is due again at once; one that failed is tried
// a few times, and then dropped.
func (s *State) doneRecovery(p *play, r Result) {
	g := p.groups[0]
	retry := true
	switch r {
	case Played:
		g.recovered.ever, g.recovered.last, g.recovered.failed = true, s.now.Mono, 0
		retry = false
	case Interrupted:
		g.recovered.due = s.now.Mono
	default:
		g.recovered.failed++
		g.recovered.due = s.now.Mono + backoff(g.recovered.failed)
		if g.recovered.failed >= maxAttempts {
			g.recovered.failed, retry = 0, false
		}
	}
	for _, x := range p.recoveries {
		switch {
		case !s.recoveries.holds(x):
		case retry:
			g.recovered.waiting = append(g.recovered.waiting, x)
		default:
			s.recoveries.drop(x.alert.UID)
		}
	}
}
