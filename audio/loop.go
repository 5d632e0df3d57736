//go:build linux

package audio

import (
	"context"
	"errors"
	"time"

	"github.com/checky-dev/checky/audio/dispatch"
)

// loop asks the state what to do, and does it, until the context ends. It alone asks, plays and journals.
func (d *daemon) loop(ctx context.Context) error {
	l := &looper{daemon: d, timer: time.NewTimer(0)}
	defer l.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.end()
			return nil
		case <-d.news:
		case <-l.timer.C:
		case ended := <-l.ended():
			l.finish(ended)
		}
		d.turned.Store(int64(d.now().Mono))
		l.turn(ctx)
	}
}

// looper is what the loop holds.
type looper struct {
	*daemon
	playing *playing
	timer   *time.Timer

	unwritten pace          // of what the log says of a journal that cannot be written
	again     time.Duration // Mono before which such a one is not tried again without news
	overflow  pace          // of what the log says of Checks that are not followed
}

// Bounds of the loop.
const (
	// endPatience is how long what plays at the daemon's end may go on. With what is still to be written then, it is less than the grace period of
	// a Pod, which is 30 s.
	endPatience = 22 * time.Second
	// journalRetry is how often a journal that could not be written is tried again where nothing new is to be written.
	journalRetry = 10 * time.Second
	// reminder is how often the log says again what goes on.
	reminder = 10 * time.Minute
)

// pace holds back what the log has said a while ago.
type pace struct {
	told bool
	at   time.Duration
}

// due tells whether it is to be said at a moment by Mono, and takes it for said.
func (p *pace) due(now time.Duration) bool {
	if p.told && now-p.at < reminder {
		return false
	}
	p.told, p.at = true, now
	return true
}

// playing is an announcement that is being played.
type playing struct {
	announcement *dispatch.Announcement
	cancel       context.CancelFunc
	done         chan dispatch.Result // of one place
}

// turn asks once, and does what is said.
func (l *looper) turn(ctx context.Context) {
	l.mu.Lock()
	now := l.now()
	decision := l.state.Next(now)
	l.mu.Unlock()
	l.write(&decision)
	l.suppressed(decision.Suppressed)
	for i := range decision.Inquire {
		select {
		case l.inquiry <- decision.Inquire[i]:
		default: // too many at once: their recovery is not announced
		}
	}
	if over := decision.Over; over != nil {
		l.metrics.FloodOver(*over)
		l.log.Info("The flood is over", "count", over.Count, "began", over.Began, "lasted", over.Lasted.String())
	}
	if decision.Room {
		select {
		case l.room <- struct{}{}:
		default: // it is known already
		}
	}
	if decision.Interrupt {
		l.stop()
	}
	if decision.Play != nil {
		l.start(ctx, decision.Play)
	}
	l.timer.Reset(max(decision.Wake-l.now().Mono, 0)) // what was just done took its time
}

// end lets what plays be heard to its end, and journals it: it is not heard again after the next start. What takes too long is cut short, and
// is.
func (l *looper) end() {
	if l.playing != nil {
		cut := time.AfterFunc(endPatience, l.playing.cancel)
		l.finish(<-l.playing.done)
		cut.Stop()
	}
	l.mu.Lock()
	decision := l.state.Next(l.now())
	l.mu.Unlock()
	l.write(&decision)
}

// ended tells of the announcement that plays; it never does where none plays.
func (l *looper) ended() <-chan dispatch.Result {
	if l.playing == nil {
		return nil
	}
	return l.playing.done
}

// start plays an announcement in a goroutine of its own. The daemon's own end does not cut it short.
func (l *looper) start(ctx context.Context, a *dispatch.Announcement) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &playing{announcement: a, cancel: cancel, done: make(chan dispatch.Result, 1)}
	l.playing = p
	go func() { p.done <- l.speaker.announce(ctx, a) }()
}

// stop cuts short what plays, if anything does, and waits until its player is gone.
func (l *looper) stop() {
	if l.playing == nil {
		return
	}
	l.playing.cancel()
	l.finish(<-l.playing.done)
}

// finish tells the state how what played has ended.
func (l *looper) finish(result dispatch.Result) {
	l.playing.cancel()
	id := l.playing.announcement.ID
	l.playing = nil
	l.mu.Lock()
	l.state.Done(l.now(), id, result)
	l.mu.Unlock()
}

// write journals what was decided. What the journal cannot take it keeps, and tries again with the next: the daemon goes on without it, and
// says so.
func (l *looper) write(d *dispatch.Decision) {
	failing, now := l.journaled() != nil, l.now().Mono
	if l.journal == nil || len(d.Remember)+len(d.Forget) == 0 && (!failing || now < l.again) {
		return
	}
	err := l.journal.Apply(d.Remember, d.Forget)
	l.unkept.Store(&err)
	switch {
	case err != nil:
		l.again = now + journalRetry
		l.metrics.JournalFailed()
		if l.unwritten.due(now) {
			l.log.Error(err, "Could not write the journal; what is announced until it can may be announced again after a restart")
		}
	case failing:
		l.unwritten = pace{}
		l.log.Info("The journal is written again")
	}
}

// suppressed leaves a trace of alerts that make no sound.
func (l *looper) suppressed(list []dispatch.Suppression) {
	left := 0
	for i := range list {
		s := &list[i]
		if s.Reason == dispatch.ReasonOverflow {
			left++
		}
		l.metrics.Suppressed(s.Reason)
		l.log.V(1).Info("Makes no sound", "namespace", s.Alert.Namespace, "check", s.Alert.Name, "reason", s.Reason, "policy", s.Policy)
	}
	if left > 0 && l.overflow.due(l.now().Mono) {
		l.log.Error(errOverflow, "Checks fail that are not followed, and make no sound", "followed", dispatch.DefaultMaxAlerts, "left", left)
	}
}

// errOverflow is why a failure is not followed.
var errOverflow = errors.New("too many Checks fail")
