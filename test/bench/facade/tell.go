package facade

import (
	"fmt"
	"slices"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// section tells what was found.
func (b *bench) section() (*report.Section, error) {
	s := &report.Section{
		ID: "facade", Title: "REST facade",
		Intro: fmt.Sprintf("POST /v1/check by %d accounts over kept HTTP/1.1 connections, the load generator a process of its own on the same machine. "+
			"Dry runs are of orders of %d bytes, recorded checks of %d, two of three good, by five rules; a recorded check is answered with its verdict. "+
			"A closed loop finds the most there is; an open loop then sends half of that rate by schedule, and its latencies count from when a request was due.",
			users, dryBytes, recordedBytes),
		Targets: b.targets(),
		Tables:  []report.Table{b.most(), b.half(), b.beside()},
		Charts:  []report.Chart{b.chart()},
		Notes: []string{
			"Generator, facade, controller, API server and etcd share the machine, and etcd waits for the disk at each write.",
			"CPU per request is the facade's alone, as the kernel counts it; the generator's own is told beside it.",
		},
	}
	for _, p := range []struct {
		title string
		text  []byte
	}{
		{"What the facade's processor time is spent on: dry runs", b.profile},
		{"What the facade's processor time is spent on: recorded checks", b.recordedProfile},
	} {
		if len(p.text) == 0 {
			continue
		}
		shares, err := cluster.Shares(p.text, cluster.What, cluster.ByFunction)
		if err != nil {
			return nil, err
		}
		t := report.Table{Title: p.title, Columns: report.Columns("", "share"), Caption: "From a CPU profile of one more closed loop of 16 connections."}
		for _, share := range shares {
			if share.Part >= 0.005 {
				t.Rows = append(t.Rows, []string{share.Name, report.Figure(100*share.Part, "%")})
			}
		}
		s.Tables = append(s.Tables, t)
	}
	return s, nil
}

// best is the run of the greatest rate of a kind, without TLS.
func (b *bench) best(name string) *run {
	var best *run
	for _, r := range b.runs {
		if r.name == name && !r.tls && (best == nil || r.closed.PerSecond() > best.closed.PerSecond()) {
			best = r
		}
	}
	return best
}

func (b *bench) ratios() []float64 {
	list := make([]float64, len(b.byDriver))
	for i := range list {
		list[i] = b.byFacade[i] / b.byDriver[i]
	}
	return list
}

func (b *bench) targets() []report.Target {
	best, ratios := b.best("dry run"), b.ratios()
	return []report.Target{
		report.AtLeast("Dry runs over HTTP", 15_000, best.closed.PerSecond(), "requests/s").
			Noted("%d connections; the generator took %s of processor time a request, the facade %s", best.connections,
				report.Duration(best.closed.CPU/time.Duration(max(best.closed.Sent(), 1))), report.Duration(best.closed.cpu)),
		report.AtMost("Latency (p99) of dry runs at half of that rate", 10, float64(best.open.P99)/float64(time.Millisecond), "ms").
			Noted("open loop, from when a request was due; median %s", report.Duration(best.open.P50)),
		report.AtLeast("Recorded checks over HTTP, beside the operator's own throughput", 0.85, cluster.Median(ratios), "×").
			Noted("%s beside %s Checks/s; pairs of rounds from %s to %s", report.Number(cluster.Median(slices.Clone(b.byFacade))),
				report.Number(cluster.Median(slices.Clone(b.byDriver))), report.Number(slices.Min(ratios)), report.Number(slices.Max(ratios))),
	}
}

func (b *bench) most() report.Table {
	t := report.Table{
		Title:   "The most there is (closed loop)",
		Columns: report.Columns("", "connections", "requests/s", "p50", "p99", "facade's CPU", "generator's CPU"),
		Caption: "CPU is processor time for each request.",
	}
	for _, r := range b.runs {
		m := r.closed
		t.Rows = append(t.Rows, []string{
			r.title(), report.Number(float64(r.connections)), report.Number(m.PerSecond()), report.Duration(m.P50), report.Duration(m.P99),
			report.Duration(m.cpu), report.Duration(m.CPU / time.Duration(max(m.Sent(), 1))),
		})
	}
	return t
}

func (b *bench) half() report.Table {
	t := report.Table{
		Title:   "At half of that rate (open loop)",
		Columns: report.Columns("", "connections", "requests/s", "p50", "p99", "max", "facade's CPU"),
		Caption: "Requests are due at a constant rate, whatever became of those before; a latency counts from when its request was due.",
	}
	for _, r := range b.runs {
		m := r.open
		t.Rows = append(t.Rows, []string{
			r.title(), report.Number(float64(r.connections)), report.Number(m.PerSecond()), report.Duration(m.P50), report.Duration(m.P99),
			report.Duration(m.Max), report.Duration(m.cpu),
		})
	}
	return t
}

func (b *bench) beside() report.Table {
	t := report.Table{
		Title:   "Recorded checks beside the operator's own throughput",
		Columns: report.Columns("pair of rounds", "facade, Checks/s", "operator alone, Checks/s", "ratio"),
		Caption: fmt.Sprintf("The facade is sent checks by %d connections, each of which waits for its verdict. Alone, the operator has %d Checks created for it by "+
			"%d connections that do not wait.", comparedConnections, b.checks, cluster.Workers),
	}
	for i := range b.byFacade {
		t.Rows = append(t.Rows, []string{
			report.Number(float64(i + 1)), report.Number(b.byFacade[i]), report.Number(b.byDriver[i]), report.Number(b.byFacade[i] / b.byDriver[i]),
		})
	}
	return t
}

func (b *bench) chart() report.Chart {
	chart := report.Chart{
		ID: "requests", Title: "Requests a second by connections", Alt: "Requests a second in a closed loop, for dry runs and recorded checks, by the number of connections",
		Kind: report.Bars, Y: report.Axis{Label: "requests/s", Log: true},
	}
	for _, n := range b.connections {
		chart.Categories = append(chart.Categories, fmt.Sprintf("%d", n))
	}
	for _, kind := range []struct {
		name string
		tls  bool
	}{{"dry run", false}, {"dry run", true}, {"recorded", false}} {
		series := report.Series{}
		for _, r := range b.runs {
			if r.name == kind.name && r.tls == kind.tls {
				series.Name = r.title()
				series.Y = append(series.Y, r.closed.PerSecond())
			}
		}
		chart.Series = append(chart.Series, series)
	}
	return chart
}
