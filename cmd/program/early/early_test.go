package early

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestCollectorWaits: the first collection waits from the start on, unless the environment says when it is due.
func TestCollectorWaits(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Log("GOGC is set, and goes before")
		return
	}
	defer debug.SetGCPercent(100)
	if got := debug.SetGCPercent(100); got != percent {
		t.Errorf("the collector's aim is %d %%, want %d", got, percent)
	}
	t.Setenv("GOGC", "50")
	if relax(); debug.SetGCPercent(100) != 100 {
		t.Error("GOGC of the environment is not what counts")
	}
}
