package program

import (
	"errors"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
)

// memoryRatio is how much of its container's memory a server aims at: the rest is for what Go's collector does not count, such as the
// pages of the binary, and for the moments in which it is behind.
const memoryRatio = 0.9

// CollectAsUsual sets the pace of Go's collector to what it is where nothing is said, unless GOGC says something: for what runs for
// long in a program that package early made wait.
func CollectAsUsual() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(usualPercent)
	}
}

// usualPercent is Go's own.
const usualPercent = 100

// limitMemory tells Go's collector what memory the container has, so that it collects more often before the kernel would end the
// process. GOMEMLIMIT in the environment goes before it, and AUTOMEMLIMIT=off leaves it.
func limitMemory(logger logr.Logger) {
	limit, err := memlimit.Set(memlimit.WithRatio(memoryRatio))
	if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		logger.Info("The container's memory limit cannot be told; set GOMEMLIMIT", "reason", err.Error())
	}
	if limit < math.MaxInt64 {
		logger.Info("The collector keeps to a memory limit", "bytes", limit)
	}
}
