package check

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
)

// controlPlane are the processes that are not Checky's.
var controlPlane = []string{"etcd", "kube-apiserver"}

// Machine finds processes that crashed, or hold more in the end than at the beginning; and tells when all did not settle in time.
func Machine(r *Run, b Bounds) []Violation {
	found := leaks(r, b)
	for _, e := range r.process {
		if p := e.Process; p.Panic != "" && !slices.Contains(controlPlane, p.Name) {
			found = append(found, violation("machine", p.Name, []history.Entry{e}, "it crashed: %s", p.Panic))
		}
	}
	if e, ok := r.marks[history.Unsettled]; ok {
		found = append(found, violation("machine", "the cluster", []history.Entry{e}, "it did not settle: %s", e.Mark.Note))
	}
	if settled, ok := r.marks[history.Settled]; ok {
		last := max(r.marks[history.FaultsEnd].At, r.marks[history.CallsEnd].At)
		if took := settled.At - last; took > b.Settle {
			found = append(found, violation("machine", "the cluster", []history.Entry{settled}, "it settled after %s, and should within %s",
				took.Round(time.Second), b.Settle))
		}
	}
	return found
}

// leaks compares each process's last sample with the first ones of its kind: of two replicas the one that leads has more goroutines, and
// leads in turn.
func leaks(r *Run, b Bounds) []Violation {
	var found []Violation
	first := map[string][]history.Entry{} // by the kind of process
	seen, last := map[string]bool{}, map[string]history.Entry{}
	for _, e := range r.samples {
		name := e.Sample.Process
		if !seen[name] {
			seen[name] = true
			first[kindOf(name)] = append(first[kindOf(name)], e)
		}
		last[name] = e
	}
	for name, to := range last {
		grew := func(what string, of func(*history.Sample) int64, most int64) {
			from := slices.MaxFunc(first[kindOf(name)], func(a, b history.Entry) int { return cmp.Compare(of(a.Sample), of(b.Sample)) })
			if before, after := of(from.Sample), of(to.Sample); after-before > most {
				found = append(found, violation("machine", name, []history.Entry{from, to}, "%s: from %d to %d, and at most %d more are right", what, before, after, most))
			}
		}
		grew("descriptors", func(s *history.Sample) int64 { return int64(s.Descriptors) }, int64(b.Descriptors))
		grew("goroutines", func(s *history.Sample) int64 { return int64(s.Goroutines) }, int64(b.Goroutines))
		grew("resident bytes", func(s *history.Sample) int64 { return s.Resident }, b.Resident)
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.About+a.Says, b.About+b.Says) })
	return found
}

// kindOf is a process's name without the number of its replica.
func kindOf(process string) string { return strings.TrimRight(process, "-0123456789") }
