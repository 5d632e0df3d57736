//go:build linux

package player_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/checky-dev/checky/audio/player"
)

// TestInterruptedAtAnyTime: whenever a context ends, before the player is there as well as while it sounds, it was an interruption and no
// failure, unless the sound was over.
func TestInterruptedAtAnyTime(t *testing.T) {
	defer leavesNothing(t)()
	job := player.Job{Pattern: "low", Volume: 50, Device: parse(t, "record:"+folder(t))}
	p := newPlayer()
	var interrupted, played int
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
		switch _, err := p.Play(ctx, job); {
		case err == nil:
			played++
		case errors.Is(err, player.ErrInterrupted):
			interrupted++
		default:
			t.Errorf("interrupted after %v: %v", time.Duration(i)*10*time.Microsecond, err)
		}
		timer.Stop()
		cancel()
	}
	t.Logf("%d were interrupted, %d played to the end", interrupted, played)
}
