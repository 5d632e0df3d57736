package steady

import (
	"fmt"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// grows is by how much of its mean a program's memory may grow in an hour.
const grows = 0.05

// section tells what was found.
func (b *bench) section() *report.Section {
	return &report.Section{
		ID: "steady", Title: "Memory over time",
		Intro: fmt.Sprintf("An installation under half of the load that it sustains (%s of %s Checks/s, one in five by the REST facade) for %s. "+
			"Retention keeps %d finished Checks in each of %d namespaces, so that memory that grows is memory that is lost. Memory is the process' own resident memory (RssAnon), each second.",
			report.Number(b.rate), report.Number(b.sustained), b.length, b.kept, teams+1),
		Targets: b.targets(),
		Tables:  []report.Table{b.trends(), b.latencies()},
		Charts:  []report.Chart{b.memory(), b.controlPlane(), b.held()},
		Notes: []string{
			fmt.Sprintf("The slope is that of the least squares line through the means of %d blocks of equal length, the first %s of the time left out; "+
				"± is its 95 %% interval. A short run has a wide one.", blocks, report.Figure(100*warmUp, "%")),
			"Client, generator and every process share the machine, and etcd waits for the disk at each write.",
		},
	}
}

func (b *bench) targets() []report.Target {
	var targets []report.Target
	for _, s := range b.samples {
		if s.program == nil {
			continue
		}
		name := "Growth of " + s.name + "'s memory in an hour at half load"
		if b.length < telling {
			targets = append(targets, report.Missing(name, "at most "+report.Figure(100*grows, "%"),
				fmt.Sprintf("%s is too short to tell; `-steady 30m` is long enough", b.length)))
			continue
		}
		t := fit(s.at, s.anon)
		target := report.AtMost(name, 100*grows, 100*t.slope/t.mean, "%")
		target.Met = t.slope-t.error <= grows*t.mean
		targets = append(targets, target.Noted("±%s %% in %s; met unless the whole 95 %% interval is above it", report.Number(100*t.error/t.mean), b.length))
	}
	return targets
}

func (b *bench) trends() report.Table {
	t := report.Table{
		Title:   "Trends",
		Columns: report.Columns("process", "memory, mean", "slope per hour", "±", "descriptors", "slope per hour", "goroutines", "slope per hour", "CPU, cores"),
	}
	for _, s := range b.samples {
		memory, files := fit(s.at, s.anon), fit(s.at, s.descriptors)
		row := []string{
			s.name, report.Bytes(memory.mean), report.Bytes(memory.slope), report.Bytes(memory.error),
			report.Number(files.mean), report.Number(files.slope) + " ± " + report.Number(files.error), "–", "–",
		}
		if s.program != nil {
			routines := fit(s.metricsAt, s.goroutines)
			row[6], row[7] = report.Number(routines.mean), report.Number(routines.slope)+" ± "+report.Number(routines.error)
		}
		t.Rows = append(t.Rows, append(row, report.Number(s.cpu.Minutes()/s.at[len(s.at)-1])))
	}
	return t
}

func (b *bench) latencies() report.Table {
	times := make([]time.Duration, len(b.spans))
	for i, span := range b.spans {
		times[i] = span.Done.Sub(span.Sent)
	}
	p50, p99 := cluster.Quantiles(times)
	return report.Table{
		Title: "What became of the load", Columns: report.Columns("", "Checks", "p50", "p99"),
		Rows: [][]string{
			{"created by a bare client", report.Number(float64(len(times))), report.Duration(p50), report.Duration(p99)},
			{"posted to the facade", report.Number(float64(b.posts.Good)), report.Duration(b.posts.P50), report.Duration(b.posts.P99)},
		},
		Caption: "From when a Check was due to its verdict. Every one had its verdict.",
	}
}

// points is how many a line of a chart has at the most.
const points = 120

// memory shows what Checky's programs take, from nothing up: a slope is seen.
func (b *bench) memory() report.Chart {
	return memoryOf("memory", "Resident memory of Checky's programs at half load", b.samples[:len(b.programs)])
}

// controlPlane shows what the API server and its store take, which is far more.
func (b *bench) controlPlane() report.Chart {
	return memoryOf("control-plane", "Resident memory of the control plane in the same time", b.samples[len(b.programs):])
}

func memoryOf(id, title string, samples []*series) report.Chart {
	chart := report.Chart{
		ID: id, Title: title, Alt: "Resident memory of each process over the time of the run",
		Kind: report.Lines, X: report.Axis{Label: "minutes"}, Y: report.Axis{Label: "memory, MiB"},
	}
	for _, s := range samples {
		x, y := thinned(s.at, s.anon)
		for i := range y {
			y[i] /= 1 << 20
		}
		chart.Series = append(chart.Series, report.Series{Name: s.name, X: x, Y: y})
	}
	return chart
}

func (b *bench) held() report.Chart {
	chart := report.Chart{
		ID: "held", Title: "Goroutines and descriptors at half load", Alt: "Goroutines and open descriptors of Checky's programs over the time of the run",
		Kind: report.Lines, X: report.Axis{Label: "minutes"}, Y: report.Axis{Label: "how many"},
	}
	for _, s := range b.samples {
		if s.program == nil {
			continue
		}
		x, y := thinned(s.metricsAt, s.goroutines)
		chart.Series = append(chart.Series, report.Series{Name: s.name + ", goroutines", X: x, Y: y})
		x, y = thinned(s.at, s.descriptors)
		chart.Series = append(chart.Series, report.Series{Name: s.name + ", descriptors", X: x, Y: y})
	}
	return chart
}

// thinned is a series as the means of so many neighbours that a chart can show it.
func thinned(x, y []float64) (tx, ty []float64) {
	each := (len(x) + points - 1) / points
	for from := 0; from < len(x); from += each {
		to := min(from+each, len(x))
		var sx, sy float64
		for i := from; i < to; i++ {
			sx, sy = sx+x[i], sy+y[i]
		}
		n := float64(to - from)
		tx, ty = append(tx, sx/n), append(ty, sy/n)
	}
	return tx, ty
}
