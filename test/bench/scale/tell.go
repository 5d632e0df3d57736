package scale

import (
	"fmt"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// wanted is how much memory a finished Check may take in each program, in bytes.
const wanted = 2 << 10

// programs are those that are started at each level.
var programs = []struct {
	name string
	of   func(*level) *start
}{
	{"controller", func(l *level) *start { return &l.controller }},
	{"facade", func(l *level) *start { return &l.facade }},
	{"alertd", func(l *level) *start { return &l.alertd }},
}

// section tells what was found.
func (b *bench) section() *report.Section {
	s := &report.Section{
		ID: "scale", Title: "Many finished Checks",
		Intro: fmt.Sprintf("Programs are started beside finished Checks of %d-byte orders, half of which failed, all in the facade's namespace and of %d owners. "+
			"Nothing is deleted meanwhile. Memory is the process' own resident memory (RssAnon) once it has stopped changing, "+
			"its garbage collected; per Check it is what a level takes more than the empty store, divided by the Checks.", payloadBytes, owners),
		Targets: b.targets(),
		Tables:  []report.Table{b.starts(), b.memory(), b.editing()},
		Notes: []string{
			"The Checks are copies, in etcd, of ones that the operator has finished: to the byte what the API server would have stored, but for names and UIDs.",
			"alertd keeps the failing Checks alone: its figure by failing Check is twice that by Check.",
		},
	}
	if len(b.levels) > 2 {
		s.Charts = []report.Chart{b.chart()}
	}
	return s
}

// perCheck is what a Check takes at a level, in bytes.
func (b *bench) perCheck(l *level, of func(*level) *start, memory func(*start) int64) float64 {
	return float64(memory(of(l))-memory(of(b.levels[0]))) / float64(l.checks)
}

func resident(s *start) int64 { return s.memory }
func live(s *start) int64     { return s.live }

func (b *bench) targets() []report.Target {
	last := b.levels[len(b.levels)-1]
	var targets []report.Target
	for _, p := range programs {
		name, share, note := "Memory of a finished Check in "+p.name, 1.0, ""
		if p.name == "alertd" {
			name, share, note = "Memory of a failing Check in alertd", 0.5, ", half of which failed"
		}
		targets = append(targets, report.AtMost(name, wanted/1024, b.perCheck(last, p.of, resident)/share/1024, "KiB").
			Noted("beside %s Checks%s; %s are in use after a collection", report.Number(float64(last.checks)), note,
				report.Bytes(b.perCheck(last, p.of, live)/share)))
	}
	p50, p99 := cluster.Quantiles(b.storm.during)
	calm50, calm99 := cluster.Quantiles(b.storm.calm)
	return append(targets, report.AtMost("Wait of a fresh Check (p99) behind an edit, beside the time that the edit takes to settle", 0.1,
		float64(p99)/float64(b.storm.settled), "×").
		Noted("p99 %s and median %s while %s Checks are evaluated anew in %s; without that %s and %s", report.Duration(p99), report.Duration(p50),
			report.Number(float64(b.storm.concerned)), report.Duration(b.storm.settled), report.Duration(calm99), report.Duration(calm50)))
}

func (b *bench) starts() report.Table {
	t := report.Table{
		Title: "Time from a process' start until it is ready", Columns: report.Columns("Checks in the store"),
		Caption: "The controller is ready when a Check that waited for it has its verdict, the others when /readyz says so.",
	}
	for _, p := range programs {
		t.Columns = append(t.Columns, report.Column{Name: p.name, Number: true}, report.Column{Name: "peak memory", Number: true})
	}
	for _, l := range b.levels {
		row := []string{report.Number(float64(l.checks))}
		for _, p := range programs {
			row = append(row, report.Duration(p.of(l).ready), report.Bytes(float64(p.of(l).peak)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (b *bench) memory() report.Table {
	t := report.Table{Title: "Memory", Columns: report.Columns("Checks in the store")}
	for _, p := range programs {
		t.Columns = append(t.Columns, report.Column{Name: p.name, Number: true}, report.Column{Name: "per Check", Number: true}, report.Column{Name: "in use", Number: true})
	}
	t.Columns = append(t.Columns, report.Column{Name: "kube-apiserver", Number: true}, report.Column{Name: "etcd", Number: true})
	t.Caption = "In use: what the heap holds after a collection, per Check. The rest is room that Go keeps for the next."
	for i, l := range b.levels {
		row := []string{report.Number(float64(l.checks))}
		for _, p := range programs {
			per, inUse := "–", "–"
			if i > 0 {
				per, inUse = report.Bytes(b.perCheck(l, p.of, resident)), report.Bytes(b.perCheck(l, p.of, live))
			}
			row = append(row, report.Bytes(float64(p.of(l).memory)), per, inUse)
		}
		t.Rows = append(t.Rows, append(row, report.Bytes(float64(l.apiserver)), report.Bytes(float64(l.etcd))))
	}
	return t
}

func (b *bench) editing() report.Table {
	s := b.storm
	p50, p99 := cluster.Quantiles(s.during)
	calm50, calm99 := cluster.Quantiles(s.calm)
	return report.Table{
		Title:   fmt.Sprintf("A fresh Check while an edit of a rule set has %s verdicts given anew", report.Number(float64(s.concerned))),
		Columns: report.Columns("", "Checks", "p50", "p99"),
		Rows: [][]string{
			{"before the edit", report.Number(float64(len(s.calm))), report.Duration(calm50), report.Duration(calm99)},
			{"while it settles", report.Number(float64(len(s.during))), report.Duration(p50), report.Duration(p99)},
		},
		Caption: fmt.Sprintf("Creation to verdict, one at a time, at most %s/s. The edit settled in %s: %s verdicts/s; each Check was written %s times.",
			report.Number(1/freshEvery.Seconds()), report.Duration(s.settled), report.Number(float64(s.concerned)/s.settled.Seconds()),
			report.Number(float64(s.writes)/float64(s.concerned))),
	}
}

func (b *bench) chart() report.Chart {
	chart := report.Chart{
		ID: "memory", Title: "Memory beside finished Checks", Alt: "Resident memory of controller, facade and alertd by how many finished Checks there are",
		Kind: report.Lines, X: report.Axis{Label: "finished Checks"}, Y: report.Axis{Label: "memory, MiB"},
	}
	for _, p := range programs {
		series := report.Series{Name: p.name}
		for _, l := range b.levels {
			series.X, series.Y = append(series.X, float64(l.checks)), append(series.Y, float64(p.of(l).memory)/(1<<20))
		}
		chart.Series = append(chart.Series, series)
	}
	return chart
}
