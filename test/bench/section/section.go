// Package section says what a section of the benchmark is: a function that measures one subject and returns what it saw.
//
//	Options --Func--> *report.Section
//
// A section starts what it needs, measures, stops what it started and removes what it wrote below Options.Work, also where the context
// ends early. It prints progress to Options.Out and nothing elsewhere; what stays is the report's.
package section

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/checky-dev/checky/test/bench/report"
)

// Func measures one subject. What could be measured before an error is returned along with it and is shown; a target that was
// missed is no error.
type Func func(ctx context.Context, o Options) (*report.Section, error)

// Section is a subject by name.
type Section struct {
	// ID is what -only selects it by: lower-case letters.
	ID string
	// Title is its heading in the report.
	Title string
	Run   Func
}

// Options are the same for every section of a run.
type Options struct {
	// Quick asks for the small sizes, which report and prove nothing: all sections together take 3 minutes then.
	Quick bool
	// Steady is how long memory is looked at over time. 0: the section's own choice.
	Steady time.Duration
	// Out is where progress goes, a line at a time.
	Out io.Writer
	// Work is a temporary folder that the section may fill; whoever made it removes it.
	Work string
	// Profiles is a folder for CPU profiles, to be looked into by go tool pprof. Empty: none are kept.
	Profiles string
	// Root is the folder of the checkout.
	Root string
	// Bin is the folder of the built checky and checky-alertd.
	Bin string
	// Assets is the folder of the control plane's binaries: etcd, kube-apiserver, kubectl.
	Assets string
}

// KeepProfile keeps a profile as NAME.pprof, where there is one and a folder for it.
func (o Options) KeepProfile(name string, profile []byte) error {
	if o.Profiles == "" || len(profile) == 0 {
		return nil
	}
	if err := os.MkdirAll(o.Profiles, 0o755); err != nil { //nolint:gosec // profiles are for everybody
		return err
	}
	return os.WriteFile(filepath.Join(o.Profiles, name+".pprof"), profile, 0o644) //nolint:gosec // the same
}

// Progress prints a line of progress.
func (o Options) Progress(format string, args ...any) {
	fmt.Fprintf(o.Out, "  "+format+"\n", args...)
}
