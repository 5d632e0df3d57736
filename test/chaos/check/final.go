package check

import (
	"slices"

	"github.com/checky-dev/checky/test/chaos/history"
)

// Final looks at what the store holds when all is over: every Check has the verdict of its payload by the last version of its rule sets, and
// its payload is one that was acknowledged, or was sent after that without an answer.
func Final(r *Run, _ Bounds) []Violation {
	var found []Violation
	o := newOffline()
	written := map[string][]call{} // calls that set a Check's payload, by name
	for _, c := range r.calls {
		if c.Kind == history.KubeCreate || c.Kind == history.KubeUpdate || c.Kind == history.Post {
			written[c.Name] = append(written[c.Name], c)
			if c.Name != c.Order { // one without an answer has no name yet
				written[c.Order] = append(written[c.Order], c)
			}
		}
	}
	for _, l := range r.checks {
		if l.final == nil {
			continue
		}
		if problem := r.atTheEnd(o, l.final); problem != "" {
			found = append(found, violation("final", l.name, l.shown(), "%s", problem))
		}
		if calls := written[l.name]; !admits(calls, l.final.Payload) && !admits(written[l.order], l.final.Payload) {
			shown := l.shown()
			for _, c := range calls {
				shown = append(shown, c.entry)
			}
			found = append(found, violation("final", l.name, shown, "its payload is not the last that was acknowledged"))
		}
	}
	return found
}

// admits tells whether a payload is the last that was acknowledged, or one that was sent after it.
func admits(calls []call, payload string) bool {
	for _, c := range slices.Backward(calls) {
		if (c.Done() || c.Unknown()) && c.Payload == payload {
			return true
		}
		if c.Done() {
			return false
		}
	}
	return false
}

// atTheEnd tells what is wrong with a Check's last verdict; empty: nothing is.
func (r *Run) atTheEnd(o *offline, s *seen) string {
	if !finished(s) {
		return "it has no verdict on its last spec"
	}
	var sets []seen
	for _, name := range s.Sets {
		for _, l := range r.sets[name] {
			if l.final != nil {
				sets = append(sets, *l.final)
			}
		}
	}
	if len(sets) != len(s.Sets) {
		return "" // what is deleted leaves the verdict as it was
	}
	program, err := o.program(sets)
	switch {
	case err != nil:
		return "its rules are no program: " + err.Error()
	case program.Digest() != s.Verdict.Rules:
		return "its verdict is not by the last version of its rule sets"
	}
	payload := s.Payload
	if s.Source != "" {
		payload = ""
		for _, l := range r.sources[s.Source] {
			if l.final != nil {
				payload = l.final.Payload
			}
		}
		if s.Verdict.Input != digestOf(payload) {
			return "its verdict is not on the last content of " + s.Source
		}
	}
	if e := o.verdict(payload, program); e.phase != s.Verdict.Phase {
		return "its verdict is " + string(s.Verdict.Phase) + ", and the engine says " + string(e.phase)
	}
	return ""
}
