package engines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
)

// command is a command line that checks the order once.
type command struct {
	name string
	// tool is built by hack/tools.sh; empty: it is one of this checkout.
	tool string
	args []string
	// exit is the code that it ends with, says is in what it prints: it has found what there is to find.
	exit int
	says []string
}

// coldFiles are the files of the working folder, by name.
func coldFiles() map[string]string {
	var list strings.Builder
	list.WriteString("rules:\n")
	for _, r := range fiveRules {
		fmt.Fprintf(&list, "- {name: %s, module: %s}\n", r.name, r.module)
	}
	return map[string]string{
		"valid.json": string(validOrder.text), "invalid.json": string(invalidOrder.text), "rules.yaml": list.String(),
		"orders.rego": regoPolicy(fiveRules),
	}
}

// The commands in the order of the table. The first is what the others are compared with.
func coldCommands() []command {
	check := []string{"check", "-f", "invalid.json", "-r", "rules.yaml"}
	return []command{
		{name: "checky check, explained", args: check, exit: 1, says: []string{"of 5 rules, 1 failed", "rag-content.txt:"}},
		{name: "checky check, valid payload", args: []string{"check", "-f", "valid.json", "-r", "rules.yaml"}, says: []string{"Success"}},
		{name: "opa eval", tool: "opa", args: []string{"eval", "-d", "orders.rego", "-i", "invalid.json", "data.orders.deny"}, says: []string{"amount"}},
	}
}

// started is what runs of a command took.
type started struct{ wall, cpu, packages []float64 } // ns

// cold measures processes that start, check and end.
func (r *run) cold(ctx context.Context) error {
	dir := filepath.Join(r.Work, "cold")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range coldFiles() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	commands, paths, missing := r.findTools(ctx)
	n := 40
	if r.Quick {
		n = 8
	}
	all := make([]started, len(commands))
	for round := range n + 1 {
		for j := range commands {
			i := (round + j) % len(commands)
			took, err := commands[i].run(ctx, paths[i], dir)
			if err != nil {
				return err
			}
			if round == 0 {
				continue // the first finds files that are not in memory yet
			}
			all[i].add(took)
			if took, err = commands[i].run(ctx, paths[i], dir, "GODEBUG=inittrace=1"); err != nil {
				return err
			}
			all[i].packages = append(all[i].packages, took.packages...)
		}
	}
	r.coldTable(commands, all, n)
	r.coldTarget(commands, all, missing)
	for _, problem := range missing {
		r.out.Notes = append(r.out.Notes, "Cold starts: "+problem+".")
	}
	return nil
}

// findTools builds the tools, and leaves out those that cannot be.
func (r *run) findTools(ctx context.Context) (commands []command, paths, missing []string) {
	for _, c := range coldCommands() {
		path := filepath.Join(r.Bin, "checky")
		if c.tool != "" {
			build := exec.CommandContext(ctx, filepath.Join(r.Root, "hack", "tools.sh"), c.tool) //nolint:gosec // the checkout's own script
			if r.Quick {
				build.Env = append(os.Environ(), "CHECKY_TOOLS=built")
			}
			var errOut bytes.Buffer
			build.Stderr = &errOut
			printed, err := build.Output()
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s is left out, as it could not be built: %s", c.tool, lastLine(errOut.String(), err)))
				continue
			}
			path = strings.TrimSpace(string(printed))
			// hack/tools.sh keeps each tool in a folder TOOL-VERSION-goVERSION-...
			version, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(filepath.Dir(path)), c.tool+"-"), "-go")
			r.out.Versions = append(r.out.Versions, c.tool+" "+version)
		}
		commands, paths = append(commands, c), append(paths, path)
	}
	return commands, paths, missing
}

func lastLine(text string, err error) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

func (s *started) add(one started) {
	s.wall = append(s.wall, one.wall...)
	s.cpu = append(s.cpu, one.cpu...)
}

// initialized is a line of what Go's runtime tells of a package's initialization (GODEBUG=inittrace=1).
var initialized = regexp.MustCompile(`(?m)^init \S+ @\S+ ms, (\S+) ms clock`)

// run runs it once, with more settings if need be.
func (c command) run(ctx context.Context, path, dir string, settings ...string) (started, error) {
	cmd := exec.CommandContext(ctx, path, c.args...) //nolint:gosec // a command of this package
	cmd.Dir = dir
	// Nobody's settings play a part, and nothing is asked for on a network.
	cmd.Env = append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "NO_COLOR=1", "OPA_DISABLE_TELEMETRY=1", "CHECKPOINT_DISABLE=1"}, settings...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return started{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != c.exit {
		return started{}, fmt.Errorf("%s ended with code %d, want %d: %s", c.name, code, c.exit, out.String())
	}
	for _, part := range c.says {
		if !strings.Contains(out.String(), part) {
			return started{}, fmt.Errorf("%s did not say %q: %s", c.name, part, out.String())
		}
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	packages := 0.0
	for _, line := range initialized.FindAllStringSubmatch(out.String(), -1) {
		took, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			return started{}, fmt.Errorf("%s: %w", line[0], err)
		}
		packages += took * 1e6
	}
	return started{wall: []float64{float64(wall)}, cpu: []float64{float64(cpu)}, packages: []float64{packages}}, nil
}

func (r *run) coldTable(commands []command, all []started, n int) {
	t := report.Table{
		Title:   "Cold starts",
		Columns: report.Columns("command", "median", "quartiles", "of the first", "CPU", "packages"),
		Caption: fmt.Sprintf("A process from its start to its end, %d times each, in turns; files are in the page cache. Each tells the broken rule. "+
			"Packages: the part of it that goes by before main begins, with the initialization of the packages of the binary, "+
			"as Go's runtime tells it (GODEBUG=inittrace=1) in as many runs more.", n),
	}
	chart := report.Chart{
		ID: "cold-starts", Title: "One check by a process that starts cold", Kind: report.Bars,
		Alt: "Median time from the start of a process to its end, by command.", Y: report.Axis{Label: "ms"},
	}
	var times report.Series
	base := measure.Quantile(all[0].wall, 0.5)
	for i, c := range commands {
		median := measure.Quantile(all[i].wall, 0.5)
		t.Rows = append(t.Rows, []string{
			"`" + c.name + "`", report.Nanoseconds(median),
			report.Nanoseconds(measure.Quantile(all[i].wall, 0.25)) + " to " + report.Nanoseconds(measure.Quantile(all[i].wall, 0.75)),
			report.Figure(median/base, "×"), report.Nanoseconds(measure.Quantile(all[i].cpu, 0.5)),
			report.Nanoseconds(measure.Quantile(all[i].packages, 0.5)),
		})
		chart.Categories = append(chart.Categories, c.name)
		times.Y = append(times.Y, median/1e6)
	}
	chart.Series = []report.Series{times}
	r.out.Tables = append(r.out.Tables, t)
	r.out.Charts = append(r.out.Charts, chart)
}

func (r *run) coldTarget(commands []command, all []started, missing []string) {
	const name, limit = "a cold `checky check` with retrieval beside a cold `opa eval`", 1
	for i, c := range commands {
		if c.tool == "opa" {
			ours, theirs := measure.Quantile(all[0].wall, 0.5), measure.Quantile(all[i].wall, 0.5)
			r.out.Targets = append(r.out.Targets, report.AtMost(name, limit, ours/theirs, "×").
				Noted("%s beside %s; before main begins, %s and %s: one binary has the operator's and the facade's libraries too", report.Nanoseconds(ours), report.Nanoseconds(theirs),
					report.Nanoseconds(measure.Quantile(all[0].packages, 0.5)), report.Nanoseconds(measure.Quantile(all[i].packages, 0.5))))
			return
		}
	}
	r.out.Targets = append(r.out.Targets, report.Missing(name, "at most "+report.Figure(limit, "×"), strings.Join(missing, "; ")))
}
