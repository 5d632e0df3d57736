package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/test/chaos/check"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/mutant"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// What the command says by its exit code.
const (
	exitHeld     = 0
	exitViolated = 1
	exitUnmade   = 2
)

func main() {
	controlplane.ExitIfSupervisor()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// flags are what the command is told.
type flags struct {
	seed     uint64
	duration time.Duration
	rate     float64
	dir      string
	bin      string
	assets   string
	plan     bool
	mutants  bool
	only     string
	judge    string
	quick    bool
}

func run(args []string, out, errOut io.Writer) int {
	var f flags
	set := flag.NewFlagSet("chaos", flag.ContinueOnError)
	set.SetOutput(errOut)
	set.Uint64Var(&f.seed, "seed", 0, "what is random comes from it; 0: another one each time")
	set.DurationVar(&f.duration, "duration", 3*time.Minute, "how long the run is, its beginning without faults included")
	set.Float64Var(&f.rate, "rate", 8, "how many orders begin a second")
	set.StringVar(&f.dir, "dir", "", "folder for the run, which is to be empty or not there (default: a new one)")
	set.StringVar(&f.bin, "bin", "bin", "folder of checky and checky-alertd")
	set.StringVar(&f.assets, "assets", os.Getenv("KUBEBUILDER_ASSETS"), "folder of etcd and kube-apiserver (default: they are found, or built)")
	set.BoolVar(&f.plan, "plan", false, "print what would go wrong, and do nothing")
	set.BoolVar(&f.mutants, "mutants", false, "run every deliberate bug, and tell whether each is found")
	set.StringVar(&f.only, "mutant", "", "run this deliberate bug alone")
	set.StringVar(&f.judge, "judge", "", "judge the history in this file, and run nothing")
	set.BoolVar(&f.quick, "quick", false, "each fault that matters once, a short report, and nothing left behind but what shows violations")
	if err := set.Parse(args); err != nil {
		return exitUnmade
	}
	if f.seed == 0 {
		f.seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // it is printed
	}
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard()) // what the API server does not answer is in the history
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := f.do(ctx, out)
	if err != nil {
		fmt.Fprintln(errOut, "chaos:", err)
		return exitUnmade
	}
	return code
}

// do does what the flags say.
func (f *flags) do(ctx context.Context, out io.Writer) (int, error) {
	switch {
	case f.judge != "":
		return f.judgeAgain(out)
	case f.plan:
		fmt.Fprintf(out, "seed %d\n%s", f.seed, f.planned())
		return exitHeld, nil
	case f.mutants || f.only != "":
		return f.runMutants(ctx, out)
	}
	if f.duration < minDuration {
		return exitUnmade, fmt.Errorf("-duration: %s is less than %s", f.duration, minDuration)
	}
	dir, err := f.folder()
	if err != nil {
		return exitUnmade, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.duration+patience, fmt.Errorf("it did not end within %s after its time", patience))
	defer cancel()
	verdict, err := trial{
		seed: f.seed, plan: f.planned(), until: f.duration, rate: f.rate, dir: dir, bin: f.bin, assets: f.assets, out: out,
	}.run(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
		return exitUnmade, fmt.Errorf("%w; the folder of the run is %s", err, dir)
	}
	if !f.quick {
		return verdict.tell(out, dir)
	}
	return verdict.tellBriefly(out, dir)
}

// patience is how long a run may take beyond its time: to start, to settle and to be judged.
const patience = 12 * time.Minute

// How a run's time is spent.
const (
	// minDuration leaves room for the beginning and one fault.
	minDuration = 45 * time.Second
	// warm is how long nothing fails.
	warm = 15 * time.Second
)

// planned is the plan of the seed.
func (f *flags) planned() plan.Plan {
	return plan.New(f.seed, plan.Options{Warm: warm, Faults: f.duration - warm, Quick: f.quick})
}

// folder is where the run keeps everything.
func (f *flags) folder() (string, error) {
	if f.dir == "" {
		return os.MkdirTemp("", "checky-chaos-")
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(f.dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("-dir: %s is not empty", f.dir)
	}
	return f.dir, err
}

// judgeAgain judges a history that was written before.
func (f *flags) judgeAgain(out io.Writer) (int, error) {
	file, err := os.Open(f.judge)
	if err != nil {
		return exitUnmade, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	entries, err := history.Read(file)
	if err != nil {
		return exitUnmade, err
	}
	return judged(entries).tell(out, "")
}

// mutantFor is how long a deliberate bug has to show.
const mutantFor = 40 * time.Second

// runMutants runs the deliberate bugs, each in a cluster of its own.
func (f *flags) runMutants(ctx context.Context, out io.Writer) (int, error) {
	caught, all := 0, 0
	for _, m := range mutant.All() {
		if f.only != "" && f.only != m.Name {
			continue
		}
		all++
		dir, err := os.MkdirTemp("", "checky-mutant-")
		if err != nil {
			return exitUnmade, err
		}
		verdict, err := trial{
			seed: f.seed, plan: plan.Plan{Seed: f.seed, Faults: m.Faults}, until: mutantFor, rate: f.rate, dir: dir, bin: f.bin, assets: f.assets,
			out: io.Discard, twist: m.Twist(),
		}.run(ctx)
		if err != nil {
			return exitUnmade, fmt.Errorf("mutant %s: %w; the folder of the run is %s", m.Name, err, dir)
		}
		found := verdict.byRule()
		if found[m.Rule] > 0 {
			caught++
			fmt.Fprintf(out, "caught  %-10s %s: rule %s, %d violations\n", m.Name, m.What, m.Rule, found[m.Rule])
			if err := os.RemoveAll(dir); err != nil {
				return exitUnmade, err
			}
			continue
		}
		fmt.Fprintf(out, "MISSED  %-10s %s: rule %s found nothing (all rules: %v); the folder of the run is %s\n", m.Name, m.What, m.Rule, found, dir)
	}
	if all == 0 {
		return exitUnmade, errors.New("-mutant: there is no such deliberate bug")
	}
	fmt.Fprintf(out, "caught %d of %d\n", caught, all)
	if caught < all {
		return exitViolated, nil
	}
	return exitHeld, nil
}

// judged applies the rules to a history.
func judged(entries []history.Entry) verdict {
	r := check.Index(entries)
	calls, faults, verdicts := r.Counts()
	v := verdict{calls: calls, faults: faults, verdicts: verdicts, violations: check.All(r, check.DefaultBounds()), entries: entries}
	v.keys, v.undecided = r.Decided()
	return v
}
