//go:build linux

package audio

import (
	"context"
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
	for i := range decision.Suppressed {
		l.suppressed(&decision.Suppressed[i])
	}
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
	if decision.Interrupt {
		l.stop()
	}
	if decision.Play != nil {
		l.start(ctx, decision.Play)
	}
	l.timer.Reset(max(decision.Wake-now.Mono, 0))
}

// end lets what plays be heard to its end, which is bounded by the player's deadline, and journals it: it is not heard again after the
// next start.
func (l *looper) end() {
	if l.playing != nil {
		l.finish(<-l.playing.done)
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
	if l.journal == nil || len(d.Remember)+len(d.Forget) == 0 && l.journaled() == nil {
		return
	}
	err := l.journal.Apply(d.Remember, d.Forget)
	l.unkept.Store(&err)
	if err != nil {
		l.metrics.JournalFailed()
		l.log.Error(err, "Could not write the journal; what was announced meanwhile may be announced again after a restart")
	}
}

// suppressed leaves a trace of an alert that makes no sound.
func (l *looper) suppressed(s *dispatch.Suppression) {
	l.metrics.Suppressed(s.Reason)
	l.log.V(1).Info("Makes no sound", "namespace", s.Alert.Namespace, "check", s.Alert.Name, "reason", s.Reason, "policy", s.Policy)
}
