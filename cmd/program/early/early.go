// Package early is imported, for nothing but that, by commands that start, do little and end:
//
//	import _ "github.com/checky-dev/checky/cmd/program/early"
//
// Packages are initialised in the order of their dependencies and then of their paths. This one depends on almost nothing, so it comes before
// the hundreds of packages of Kubernetes' libraries, whose variables are some megabytes. With Go's usual aim, a heap of
// 4 MiB at first, the collector would run several times before main begins, and find nothing to free; that was a quarter of the time of
// a short run. What stays for long asks for the usual pace by program.CollectAsUsual.
package early

import (
	"os"
	"runtime/debug"
)

// percent makes the first collection wait for a heap of 16 MiB.
const percent = 400

func init() { relax() }

func relax() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
