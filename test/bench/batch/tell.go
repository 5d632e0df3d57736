package batch

import (
	"fmt"
	"slices"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// section tells what was found.
func (b *bench) section() *report.Section {
	s := &report.Section{
		ID: "batch", Title: "Batches",
		Intro: fmt.Sprintf("One Check with %d payloads of %d bytes, one in three of which fails by five rules, beside Checks of one payload each. A verdict is durable: "+
			"it is in the object's status, in etcd, when it counts. Rounds alternate; figures are the medians of %d.", payloads, payloadBytes, b.rounds),
		Targets: b.targets(),
		Tables:  []report.Table{b.rates(), b.cost()},
		Charts: []report.Chart{{
			ID: "verdicts", Title: "Durable payload verdicts a second", Alt: "Payload verdicts a second by single Checks, by batches and by batches through the REST facade",
			Kind: report.Bars, Y: report.Axis{Label: "verdicts/s", Log: true},
			Categories: []string{"single Checks", "batches, values", "batches, texts", "batches by POST"}[:3+min(len(b.post), 1)],
			Series:     []report.Series{{Name: "verdicts/s", Y: b.medians()}},
		}},
		Notes: []string{
			"The API server reads a payload that is a value member by member, and copies it so several times; one that is a text it takes as one string.",
			"etcd waits for the disk at each write. Client, controller, facade, API server and etcd share the machine.",
			fmt.Sprintf("Objects are created by %d connections that do not wait for verdicts; POSTs are sent by %d that do.", cluster.Workers, connections),
		},
	}
	return s
}

func perSecond(rounds []measured) []float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = r.perSecond
	}
	return list
}

func (b *bench) medians() []float64 {
	var list []float64
	for _, rounds := range [][]measured{b.one, b.object, b.text, b.post} {
		if len(rounds) > 0 {
			list = append(list, cluster.Median(perSecond(rounds)))
		}
	}
	return list
}

func target(name string, rounds []measured) report.Target {
	list := perSecond(rounds)
	return report.AtLeast(name, wanted, cluster.Median(list), "verdicts/s").
		Noted("rounds from %s to %s", report.Number(slices.Min(list)), report.Number(slices.Max(list)))
}

func (b *bench) targets() []report.Target {
	byPost := "Durable payload verdicts by POST /v1/checks:batch"
	targets := []report.Target{target("Durable payload verdicts by spec.inputs, as texts (inputJSON)", b.text)}
	if b.refused != "" {
		return append(targets, report.Missing(byPost, "at least "+report.Figure(wanted, "verdicts/s"), b.refused))
	}
	return append(targets, target(byPost, b.post))
}

func (b *bench) rates() report.Table {
	t := report.Table{Title: "Durable verdicts", Columns: report.Columns("", "payloads an object", "verdicts/s", "rounds from–to", "beside single Checks")}
	single := cluster.Median(perSecond(b.one))
	for _, row := range []struct {
		name   string
		each   float64
		rounds []measured
	}{{"single Checks", 1, b.one}, {"batches, payloads as values (input)", payloads, b.object}, {"batches, payloads as texts (inputJSON)", payloads, b.text}, {"batches by POST /v1/checks:batch", payloads, b.post}} {
		if len(row.rounds) == 0 {
			continue
		}
		list := perSecond(row.rounds)
		t.Rows = append(t.Rows, []string{
			row.name, report.Number(row.each), report.Number(cluster.Median(list)), report.Number(slices.Min(list)) + " to " + report.Number(slices.Max(list)),
			report.Figure(cluster.Median(list)/single, "×"),
		})
	}
	return t
}

func (b *bench) cost() report.Table {
	t := report.Table{
		Title:   "Cost",
		Columns: report.Columns("process", "CPU s per 1,000 verdicts, single", "values", "texts", "peak memory, single", "values", "texts"),
	}
	for _, name := range []string{"controller", "kube-apiserver", "etcd"} {
		row := []string{name}
		for _, of := range []func(measured) string{
			func(m measured) string { return report.Number(m.used[name].CPU.Seconds() * 1000 / float64(m.verdicts)) },
			func(m measured) string { return report.Bytes(float64(m.used[name].Peak)) },
		} {
			row = append(row, of(b.one[len(b.one)-1]), of(b.object[len(b.object)-1]), of(b.text[len(b.text)-1]))
		}
		t.Rows = append(t.Rows, row)
	}
	t.Caption = "Of the last round."
	return t
}
