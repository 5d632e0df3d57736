package program

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
)

// TestMemoryLimitOfTheEnvironment: where GOMEMLIMIT says something it stays, and the log tells what it is.
func TestMemoryLimitOfTheEnvironment(t *testing.T) {
	const limit = 1 << 40
	t.Setenv("GOMEMLIMIT", "1TiB")
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(limit)) // Go itself reads the variable before main
	var logged []string
	limitMemory(funcr.New(func(_, line string) { logged = append(logged, line) }, funcr.Options{}))
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("the limit is %d, want %d", got, limit)
	}
	if len(logged) != 1 || !strings.Contains(logged[0], `"bytes"=1099511627776`) {
		t.Errorf("logged %q, want one line with the limit", logged)
	}
}

func TestCollectAsUsual(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	t.Setenv("GOGC", "300")
	if CollectAsUsual(); debug.SetGCPercent(400) != 400 {
		t.Error("GOGC of the environment is not what counts")
	}
	t.Setenv("GOGC", "")
	if CollectAsUsual(); debug.SetGCPercent(400) != usualPercent {
		t.Error("the collector does not keep its usual pace")
	}
}
