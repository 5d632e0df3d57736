package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
)

// began is when hand-written histories begin.
var began = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// story is a hand-written history.
type story struct {
	t        *testing.T
	entries  []history.Entry
	revision uint64
}

func tell(t *testing.T) *story {
	t.Helper()
	s := &story{t: t}
	return s.add(0, history.Entry{Start: &history.Start{Seed: 1, Wall: began}})
}

func at(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func (s *story) add(seconds float64, e history.Entry) *story {
	e.At = at(seconds)
	s.entries = append(s.entries, e)
	return s
}

// call adds one that took a tenth of a second.
func (s *story) call(seconds float64, c history.Call) *story {
	c.Begin = at(seconds - 0.1)
	return s.add(seconds, history.Entry{Call: &c})
}

func (s *story) fault(seconds float64, id int, kind, target, state string) *story {
	return s.add(seconds, history.Entry{Fault: &history.Fault{ID: id, Kind: kind, Target: target, State: state}})
}

func (s *story) process(seconds float64, name string, start int, ended bool) *story {
	return s.add(seconds, history.Entry{Process: &history.Process{Name: name, Start: start, Ended: ended}})
}

// limited are the rules of a set that takes amounts up to a limit.
func limited(limit int) []v1alpha1.Rule {
	module := &v1alpha1.ModuleRule{Name: "range"}
	module.Params.Raw = fmt.Appendf(nil, `{"field":"$.amount","max":%d}`, limit)
	return []v1alpha1.Rule{{Name: "amount", Module: module, Severity: v1alpha1.SeverityCritical}}
}

// set adds a version of the rule set orders.
func (s *story) set(seconds float64, generation int64, limit int) *story {
	s.revision++
	return s.add(seconds, history.Entry{Seen: &history.Seen{
		Type: "MODIFIED", Kind: "RuleSet", Name: "orders", UID: "set", Revision: s.revision, Generation: generation, Rules: limited(limit),
	}})
}

// finalSet adds what the store holds of it in the end.
func (s *story) finalSet(seconds float64, limit int) *story {
	s.revision++
	return s.add(seconds, history.Entry{Seen: &history.Seen{
		Type: history.Final, Kind: "RuleSet", Name: "orders", UID: "set", Revision: s.revision, Rules: limited(limit),
	}})
}

func payload(order string, amount int) string {
	return fmt.Sprintf(`{"id":%q,"amount":%d}`, order, amount)
}

// object is a version of a Check.
type object struct {
	name, uid, order string // uid and order: the name, where they are empty
	generation       int64  // 1, where it is 0
	amount           int
	limit            int // of the rules of its verdict; 0: it has none
	ttl              int32
	change           func(*history.Seen)
}

// check adds a version of a Check, with the verdict that the engine gives.
func (s *story) check(seconds float64, how string, o object) *story {
	s.t.Helper()
	s.revision++
	version := &history.Seen{
		Type: how, Kind: "Check", Name: o.name, UID: or(o.uid, o.name), Revision: s.revision, Generation: max(o.generation, 1),
		Payload: payload(or(o.order, o.name), o.amount), Sets: []string{"orders"}, ETag: fmt.Sprint("v", s.revision),
		Verdict: &history.Verdict{Phase: v1alpha1.PhasePending, Generation: -1, Status: "new"},
	}
	if o.ttl > 0 {
		version.TTL = &o.ttl
	}
	if o.limit > 0 {
		engine := newOffline()
		program, err := engine.program([]seen{{Seen: &history.Seen{Name: "orders", Rules: limited(o.limit)}}})
		if err != nil {
			s.t.Fatal(err)
		}
		e := engine.verdict(version.Payload, program)
		version.Verdict = &history.Verdict{
			Phase: e.phase, Generation: version.Generation, Rules: program.Digest(), Digest: e.digest,
			Status: fmt.Sprint(seconds, e.digest, program.Digest()), Completed: began.Add(at(seconds)).Truncate(time.Second),
		}
		if e.phase == v1alpha1.PhaseFailure {
			version.Verdict.AlertKey, version.Verdict.Severity = "sha256:a", v1alpha1.SeverityCritical
		}
	}
	if o.change != nil {
		o.change(version)
	}
	return s.add(seconds, history.Entry{Seen: version})
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// finds applies a rule, and tells what it says; empty: nothing.
func (s *story) finds(rule func(*Run, Bounds) []Violation) string {
	var says []string
	for _, v := range rule(Index(s.entries), DefaultBounds()) {
		if len(v.Shown) == 0 {
			s.t.Errorf("%s: %s: nothing is shown", v.About, v.Says)
		}
		says = append(says, v.About+": "+v.Says)
	}
	slices.Sort(says)
	return strings.Join(says, "; ")
}

// tried is a history, and what a rule is to find in it.
type tried struct {
	reason string
	story  func(*story)
	want   string // a part of what it says; empty: it finds nothing
}

// try applies a rule to histories.
func try(t *testing.T, rule func(*Run, Bounds) []Violation, histories map[string]tried) {
	t.Helper()
	for name, tc := range histories {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			tc.story(s)
			got := s.finds(rule)
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("%s: found %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
