// Command bench measures Checky and what it is compared with, and writes a report.
//
//	sections.go: a list of sections --main--> dist/bench/benchmarks.md and charts; with -docs the documentation's page and the README's table
//
// It is a module of its own, so that what Checky is compared with is no part of what Checky is built of. `make bench` runs all of it in less than
// 20 minutes on two cores that have nothing else to do, `make bench-quick` small sizes in 3 minutes; docs/development.md has more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/test/bench/load"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

func main() { os.Exit(run()) }

// options are the flags.
type options struct {
	only, out, root, bin string
	quick, docs, merge   bool
	steady               time.Duration
}

func run() int {
	controlplane.ExitIfSupervisor()
	load.ExitIfGenerator()
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "only", "", "sections to run, separated by commas: "+strings.Join(ids(sections), ", ")+" (default: all)")
	flags.BoolVar(&o.quick, "quick", false, "small sizes, which prove nothing")
	flags.DurationVar(&o.steady, "steady", 0, "how long the section steady looks at memory over time (default: some minutes)")
	flags.StringVar(&o.out, "out", "", "folder for the report (default: dist/bench of the checkout)")
	flags.BoolVar(&o.docs, "docs", false, "write docs/benchmarks.md, its charts and the README's table as well; it needs all sections")
	flags.BoolVar(&o.merge, "merge", false, "take the sections that do not run from the report that is in the folder")
	flags.StringVar(&o.root, "root", "", "the checkout (default: the folder above this one that has hack/tools.sh)")
	flags.StringVar(&o.bin, "bin", "", "folder of checky and checky-alertd (default: bin of the checkout)")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	chosen, err := o.complete(flags.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	// The second Ctrl-C ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := o.bench(ctx, chosen, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func ids(list []section.Section) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.ID
	}
	return names
}

// complete fills in the defaults, and gives the sections to run.
func (o *options) complete(args []string) ([]section.Section, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("%q: name sections with -only", args[0])
	}
	chosen := sections
	if o.only != "" {
		chosen = nil
		wanted := strings.Split(o.only, ",")
		for _, id := range wanted {
			if !slices.Contains(ids(sections), id) {
				return nil, fmt.Errorf("-only: there is no section %q; there are %s", id, strings.Join(ids(sections), ", "))
			}
		}
		for _, s := range sections {
			if slices.Contains(wanted, s.ID) {
				chosen = append(chosen, s)
			}
		}
	}
	if o.docs && o.quick {
		return nil, errors.New("-docs: a quick run proves nothing, and is none for the documentation")
	}
	if o.root == "" {
		root, err := checkout()
		if err != nil {
			return nil, err
		}
		o.root = root
	}
	if o.bin == "" {
		o.bin = filepath.Join(o.root, "bin")
	}
	if o.out == "" {
		o.out = filepath.Join(o.root, "dist", "bench")
	}
	return chosen, nil
}

// checkout is the nearest folder above that has the tools.
func checkout() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "hack", "tools.sh")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("-root: %s is in no checkout of Checky; name one", start)
		}
	}
}

// bench runs the sections and writes the report. A section that fails keeps none of the others from running; its error is returned.
func (o *options) bench(ctx context.Context, chosen []section.Section, progress io.Writer) error {
	work, err := os.MkdirTemp("", "checky-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // what is left in a temporary folder is nobody's loss
	r := &report.Report{Run: report.ThisMachine(ctx, o.root), Quick: o.quick}
	r.Run.Command = o.command()
	var failed []error
	for _, s := range chosen {
		if ctx.Err() != nil {
			failed = append(failed, fmt.Errorf("%s: not run: %w", s.Title, ctx.Err()))
			continue
		}
		fmt.Fprintf(progress, "%s\n", s.Title)
		found, err := o.section(ctx, s, filepath.Join(work, s.ID), progress)
		if found != nil {
			found.Commit = r.Run.Commit
			r.Sections = append(r.Sections, found)
			fmt.Fprintf(progress, "%s took %s\n", s.Title, found.Took.Round(time.Second))
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.Title, err))
			fmt.Fprintf(progress, "%s failed: %v\n", s.Title, err)
		}
	}
	r.Run.Took = time.Since(r.Run.Began)
	for _, err := range failed {
		r.Failures = append(r.Failures, err.Error())
	}
	if err := o.write(r, len(failed) == 0, progress); err != nil {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// section runs one section in a folder of its own. A panic of it is its error.
func (o *options) section(ctx context.Context, s section.Section, work string, progress io.Writer) (found *report.Section, err error) {
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, err
	}
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if found != nil {
			found.ID, found.Title, found.Began, found.Took = s.ID, s.Title, began.UTC().Truncate(time.Second), time.Since(began)
		}
	}()
	return s.Run(ctx, section.Options{
		Quick: o.quick, Steady: o.steady, Profiles: filepath.Join(o.out, "profiles"), Out: progress, Work: work, Root: o.root, Bin: o.bin, Assets: os.Getenv("KUBEBUILDER_ASSETS"),
	})
}

// write writes what was found. The documentation gets a whole report only.
func (o *options) write(r *report.Report, whole bool, progress io.Writer) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil { //nolint:gosec // a report is for everybody
		return err
	}
	kept := filepath.Join(o.out, "report.json")
	if o.merge {
		if err := r.Merge(kept, ids(sections)); err != nil {
			return err
		}
	}
	page := filepath.Join(o.out, "benchmarks.md")
	if err := errors.Join(r.Save(page, filepath.Join(o.out, "benchmarks")), r.Keep(kept)); err != nil {
		return err
	}
	fmt.Fprintf(progress, "\n%s\nThe report is %s\n", r.Headline(), page)
	if !o.docs {
		return nil
	}
	if !whole || len(r.Sections) < len(sections) {
		return errors.New("-docs: not every section is there, and the documentation is left as it was")
	}
	return errors.Join(
		r.Save(filepath.Join(o.root, "docs", "benchmarks.md"), filepath.Join(o.root, "docs", "pictures", "benchmarks")),
		r.Splice(filepath.Join(o.root, "README.md")))
}

// command is what to type to have the report again.
func (o *options) command() string {
	command := "make bench"
	if o.quick {
		command = "make bench-quick"
	}
	var flags []string
	if o.only != "" {
		flags = append(flags, "-only "+o.only)
	}
	if o.steady != 0 {
		flags = append(flags, "-steady "+o.steady.String())
	}
	if o.merge {
		flags = append(flags, "-merge")
	}
	if len(flags) > 0 {
		command += " BENCH='" + strings.Join(flags, " ") + "'"
	}
	return command
}
