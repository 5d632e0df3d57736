package operator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// maxOtherWrites is how many writes besides the status a Check may cost, on average: none of its own, and some for all of them.
const maxOtherWrites = 0.02

// section tells what was found.
func (b *bench) section() (*report.Section, error) {
	s := &report.Section{
		ID: "operator", Title: "Operator",
		Intro: fmt.Sprintf("Checks of %d-byte orders by five rules in %d namespaces, one in three of which fails, are created by %d connections at full speed. "+
			"*Operator*: the controller gives the verdicts. *Ceiling*: no operator runs, and the same client writes a status of the same size itself, "+
			"as soon as it has its answer. Rounds of %d Checks alternate on one control plane; figures are the medians of %d.",
			payloadBytes, teams, cluster.Workers, b.checks, b.rounds),
		Tables: []report.Table{b.throughput(), b.lowLoadTable(), b.cost(), b.requests()},
		Charts: []report.Chart{b.chart()},
		Notes: []string{
			fmt.Sprintf("%d Checks come before each round, so that the operator tells of bad ones in sum: before that each has an Event of its own.", warming),
			"etcd waits for the disk at each write. Client, controller, API server and etcd share the machine.",
			"Processor time is that of the processes as the kernel counts it, to 10 ms; peaks begin anew with each round.",
			"Requests are the API server's own count, the two seconds after the last verdict included; bytes are counted by a TCP proxy between the controller and the API server, TLS and all.",
		},
		Targets: b.targets(),
	}
	if len(b.profile) == 0 {
		s.Notes = append(s.Notes, "This controller serves no profiles.")
		return s, nil
	}
	for _, by := range []struct {
		title  string
		groups []cluster.Group
		find   cluster.Find
	}{
		{"What the controller's processor time is spent for", cluster.Who, cluster.ByGroup},
		{"What the controller's processor time is spent on", cluster.What, cluster.ByFunction},
	} {
		shares, err := cluster.Shares(b.profile, by.groups, by.find)
		if err != nil {
			return nil, err
		}
		s.Tables = append(s.Tables, b.shares(by.title, shares))
	}
	return s, nil
}

func values(rounds []*round, of func(*round) float64) []float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = of(r)
	}
	return list
}

func median(rounds []*round, of func(*round) float64) float64 {
	return cluster.Median(values(rounds, of))
}

// spread is the least and the most, as people read it.
func spread(rounds []*round, of func(*round) float64) string {
	list := values(rounds, of)
	return report.Number(slices.Min(list)) + " to " + report.Number(slices.Max(list))
}

// ratios are those of each pair of rounds.
func (b *bench) ratios() []float64 {
	list := make([]float64, len(b.ceiling))
	for i := range list {
		list[i] = b.withOperator[i].perSecond() / b.ceiling[i].perSecond()
	}
	return list
}

func (b *bench) targets() []report.Target {
	ratios := b.ratios()
	p50, p99 := cluster.Quantiles(b.slow)
	bare50, bare99 := cluster.Quantiles(b.slowBare)
	status := func(r *round) float64 {
		return r.perCheck(func(q cluster.Request) bool { return q.Writes() && q.Resource == "checks" && q.Subresource == "status" })
	}
	others := func(r *round) float64 { return r.perCheck(otherWrite) }
	return []report.Target{
		report.AtLeast("Operator's throughput, beside a client that writes the statuses itself", 0.9, cluster.Median(ratios), "×").
			Noted("%s Checks/s beside %s; pairs of rounds from %s to %s", report.Number(median(b.withOperator, (*round).perSecond)),
				report.Number(median(b.ceiling, (*round).perSecond)), report.Number(slices.Min(ratios)), report.Number(slices.Max(ratios))),
		report.AtMost("Creation to verdict at low load, beside the bare pair of writes", 1.5, float64(p50)/float64(bare50), "×").
			Noted("medians %s and %s; 99th percentiles %s and %s", report.Duration(p50), report.Duration(bare50), report.Duration(p99), report.Duration(bare99)),
		report.AtMost("Status writes for each Check", 1, median(b.withOperator, status), ""),
		report.AtMost("Other writes for each Check", maxOtherWrites, median(b.withOperator, others), "").Noted("events and leases; %s", writesBy(b.withOperator[0])),
	}
}

// otherWrite is neither the creation nor the status.
func otherWrite(q cluster.Request) bool { return q.Writes() && q.Resource != "checks" }

// writesBy lists the other writes of a round.
func writesBy(r *round) string {
	var list []string
	for request, n := range r.requests {
		if otherWrite(request) {
			list = append(list, fmt.Sprintf("%s %d", request, n))
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		return "there were none"
	}
	return fmt.Sprintf("in a round of %d Checks: %s", r.checks, strings.Join(list, ", "))
}

func (b *bench) throughput() report.Table {
	row := func(name string, rounds []*round) []string {
		return []string{
			name, report.Number(median(rounds, (*round).perSecond)), spread(rounds, (*round).perSecond),
			report.Nanoseconds(median(rounds, func(r *round) float64 { return float64(r.p50) })),
			report.Nanoseconds(median(rounds, func(r *round) float64 { return float64(r.p99) })),
		}
	}
	return report.Table{
		Title: "At full speed", Columns: report.Columns("", "Checks/s", "rounds from–to", "p50", "p99"),
		Rows:    [][]string{row("operator", b.withOperator), row("ceiling", b.ceiling)},
		Caption: "Times are from the request that creates a Check to the watch event with its verdict. All are created as fast as the API server takes them, so they tell of the queue.",
	}
}

func (b *bench) lowLoadTable() report.Table {
	row := func(name string, times []time.Duration) []string {
		p50, p99 := cluster.Quantiles(times)
		return []string{name, report.Duration(p50), report.Duration(p99)}
	}
	return report.Table{
		Title: "One at a time", Columns: report.Columns("", "p50", "p99"),
		Rows:    [][]string{row("operator: creation to verdict, as a watch sees it", b.slow), row("bare pair: creation and one status write, one after the other", b.slowBare)},
		Caption: fmt.Sprintf("%d Checks each, %s/s.", b.paced, report.Number(1/b.every.Seconds())),
	}
}

func (b *bench) cost() report.Table {
	t := report.Table{
		Title:   "Cost",
		Columns: report.Columns("process", "CPU s per 1,000 Checks", "without operator", "peak memory", "without operator"),
	}
	for _, name := range []string{"controller", "kube-apiserver", "etcd"} {
		cpu := func(r *round) float64 { return r.used[name].CPU.Seconds() * 1000 / float64(r.checks) }
		peak := func(r *round) float64 { return float64(r.used[name].Peak) }
		without := []string{"–", "–"}
		if name != "controller" {
			without = []string{report.Number(median(b.ceiling, cpu)), report.Bytes(median(b.ceiling, peak))}
		}
		t.Rows = append(t.Rows, []string{name, report.Number(median(b.withOperator, cpu)), without[0], report.Bytes(median(b.withOperator, peak)), without[1]})
	}
	return t
}

func (b *bench) requests() report.Table {
	t := report.Table{Title: "Requests to the API server for each Check", Columns: report.Columns("request", "operator", "ceiling")}
	kinds := map[cluster.Request]bool{}
	for _, r := range slices.Concat(b.withOperator, b.ceiling) {
		for request := range r.requests {
			kinds[request] = true
		}
	}
	cell := func(rounds []*round, request cluster.Request) string {
		n := median(rounds, func(r *round) float64 { return r.perCheck(func(q cluster.Request) bool { return q == request }) })
		if n < 0.001 {
			return "under 0.001"
		}
		return report.Number(n)
	}
	for _, request := range slices.SortedFunc(maps.Keys(kinds), func(a, b cluster.Request) int { return strings.Compare(a.String(), b.String()) }) {
		t.Rows = append(t.Rows, []string{request.String(), cell(b.withOperator, request), cell(b.ceiling, request)})
	}
	up := func(r *round) float64 { return float64(r.bytes.Up) / float64(r.checks) }
	down := func(r *round) float64 { return float64(r.bytes.Down) / float64(r.checks) }
	t.Rows = append(t.Rows,
		[]string{"bytes from the controller", report.Bytes(median(b.withOperator, up)), "–"},
		[]string{"bytes to the controller", report.Bytes(median(b.withOperator, down)), "–"})
	return t
}

func (b *bench) shares(title string, shares []cluster.Share) report.Table {
	t := report.Table{Title: title, Columns: report.Columns("", "share"), Caption: "From a CPU profile of one more round at full speed."}
	for _, share := range shares {
		if share.Part >= 0.005 {
			t.Rows = append(t.Rows, []string{share.Name, report.Figure(100*share.Part, "%")})
		}
	}
	return t
}

func (b *bench) chart() report.Chart {
	chart := report.Chart{
		ID: "throughput", Title: "Checks a second, round by round", Alt: "Checks a second with the operator and without it, for each pair of rounds",
		Kind: report.Bars, Y: report.Axis{Label: "Checks/s"},
		Series: []report.Series{{Name: "operator", Y: values(b.withOperator, (*round).perSecond)}, {Name: "ceiling", Y: values(b.ceiling, (*round).perSecond)}},
	}
	for i := range b.ceiling {
		chart.Categories = append(chart.Categories, fmt.Sprintf("pair %d", i+1))
	}
	return chart
}
