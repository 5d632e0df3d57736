package dispatch

import (
	"time"
)

// floodWindow is the stretch over which announced failures are counted, in seconds.
const floodWindow = 60

// rate counts failures over the last minute: one place for each second.
type rate struct {
	second int64 // the latest
	counts [floodWindow]int
	total  int
}

func secondOf(at time.Duration) int64 { return int64(at / time.Second) }

// advance drops the seconds that have left the minute.
func (r *rate) advance(now time.Duration) {
	second := secondOf(now)
	for steps := 0; r.second < second && steps < floodWindow; steps++ {
		r.second++
		place := &r.counts[r.second%floodWindow]
		r.total -= *place
		*place = 0
	}
	r.second = max(r.second, second)
}

func (r *rate) add(now time.Duration, n int) {
	r.advance(now)
	r.counts[r.second%floodWindow] += n
	r.total += n
}

// falls is when there will be no more than so many, if none is added.
func (r *rate) falls(most int) (at time.Duration) {
	left := r.total
	for second := max(r.second-floodWindow+1, 0); second <= r.second && left > most; second++ {
		left -= r.counts[second%floodWindow]
		at = time.Duration(second+floodWindow) * time.Second
	}
	return at
}

// takeBack uncounts a failure that was counted at a moment, if that is within the minute still.
func (r *rate) takeBack(now, at time.Duration) {
	r.advance(now)
	if second := secondOf(at); r.second-second < floodWindow && r.counts[second%floodWindow] > 0 {
		r.counts[second%floodWindow]--
		r.total--
	}
}

// floodSpan is how long one signal stands for a flood. One that lasts longer is signalled anew: nobody who makes Checks fail for hours keeps a node from
// telling of others' failures for as long.
const floodSpan = 5 * time.Minute

// flood is more failures within a minute than are told apart. It begins with a signal, which plays or was played, and
// lasts until they come slowly again. Failures no worse than what it has announced so far are covered by it.
type flood struct {
	id   uint64 // of the signal
	rank int    // the worst severity that was announced in its course

	count int           // of failures that it covered and that count as heard
	began Moment        // when its signal did
	last  time.Duration // when it last covered a failure
}

// floods tells whether what is due now is too much to be told apart from what was announced within the last minute.
func (s *State) floods(due int) bool {
	s.taken.advance(s.now.Mono)
	return due+s.taken.total > s.options.FloodThreshold
}

// calm ends a flood once its signal is over and failures come slowly again, or have come for so long that what is due next is another flood, and has it
// be told.
func (s *State) calm() {
	s.taken.advance(s.now.Mono)
	if s.flood == nil || s.signalling() {
		return
	}
	if s.taken.total <= s.options.FloodThreshold || s.now.Mono-s.flood.began.Mono >= floodSpan {
		s.out.over = &FloodSummary{Count: s.flood.count, Began: s.flood.began.Wall, Lasted: s.flood.last - s.flood.began.Mono}
		s.flood = nil
	}
}

// signalling tells whether the flood's signal is playing.
func (s *State) signalling() bool {
	return s.playing != nil && s.playing.announcement.ID == s.flood.id
}

// cover has the flood cover what is due and not worse than it. While its signal plays, it is not known yet whether
// they were heard.
func (s *State) cover() {
	if s.flood == nil {
		return
	}
	for _, g := range s.groups {
		for rank := 0; rank <= s.flood.rank; rank++ {
			for _, f := range s.counted(g.waiting[rank].until(s.now.Mono)) {
				s.tell(f, ReasonFlood)
				s.flood.last = s.now.Mono
				if s.signalling() {
					f.playing = true
					s.playing.covers = append(s.playing.covers, f)
				} else {
					s.flood.count++
					s.announced(f)
				}
			}
		}
	}
}

// counted counts failures that are announced for the first time, and gives them back.
func (s *State) counted(list []*failure) []*failure {
	for _, f := range list {
		f.taken = s.now.Mono
	}
	s.taken.add(s.now.Mono, len(list))
	return list
}

// covered is up to which severity a flood covers what fails; -1: there is none.
func (s *State) covered() int {
	if s.flood == nil {
		return -1
	}
	return s.flood.rank
}
