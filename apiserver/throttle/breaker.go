package throttle

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// breaker stops calls to what does not answer, and lets one through now and then to see whether it does again.
//
//	closed --a call fails--> open --cooldown has passed--> one probe --fails--> open, for another cooldown
//	   ^                                                       |
//	   +-----------------------succeeds------------------------+
type breaker struct {
	clock    clock.PassiveClock
	cooldown time.Duration

	mu      sync.Mutex
	open    bool
	until   time.Time
	probing bool
}

// enter says whether to call. Each call that is made has to end with leave, which is told whether it was the probe.
func (b *breaker) enter() (call, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return true, false
	case b.probing || b.clock.Now().Before(b.until):
		return false, false
	}
	b.probing = true
	return true, true
}

// leave says how a call went, and returns whether that opened or closed the breaker. While it is open only the probe
// counts: calls that began before it opened tell nothing new.
func (b *breaker) leave(probe, failed bool) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	} else if b.open {
		return false
	}
	if failed {
		b.until = b.clock.Now().Add(b.cooldown)
	}
	changed = b.open != failed
	b.open = failed
	return changed
}
