package check

import (
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/checky-dev/checky/test/chaos/history"
)

// Keys finds payloads of which there are two Checks, and idempotency keys whose answers fit no order of the calls.
// What is undecided in time is none, but for more than a few of them: a rule that can look at little is to say so.
func Keys(r *Run, b Bounds) []Violation {
	found := append(twins(r), linearize(r, b)...)
	if r.undecided*100 > r.keys*b.Undecided {
		found = append(found, violation("keys", "all", []history.Entry{{At: r.end}}, "of %d keys %d are undecided, and at most %d in a hundred may be",
			r.keys, r.undecided, b.Undecided))
	}
	return found
}

// twins finds orders with two Checks at a time. A second one is right where the first was gone when it was made.
func twins(r *Run) []Violation {
	var found []Violation
	byOrder := map[string]*life{}
	for _, l := range r.checks {
		if l.order == "" {
			continue
		}
		first := byOrder[l.order]
		byOrder[l.order] = l
		if first == nil || first.deleted != nil && first.deleted.Revision <= l.versions[0].Revision {
			continue
		}
		found = append(found, violation("keys", l.order, append(r.posts(l.order), first.versions[0].entry, l.versions[0].entry),
			"two Checks were made of it, %s and %s", first.name, l.name))
	}
	return found
}

// posts are the calls that made an order's Check.
func (r *Run) posts(order string) []history.Entry {
	var entries []history.Entry
	for _, c := range r.calls {
		if c.Order == order && (c.Kind == history.Post || c.Kind == history.KubeCreate) {
			entries = append(entries, c.entry)
		}
	}
	return entries
}

// Effects of calls on a key.
const (
	made     = "made"    // it is there, under an id
	maybe    = "maybe"   // it was made, or not
	there    = "there"   // it is there, or was until a moment ago
	absent   = "absent"  // it is not there
	ended    = "ended"   // it is gone
	perhaps  = "perhaps" // it is gone, or not
	anyID    = "?"
	goneSign = "-"
)

// effect is one call, as the register of a key sees it.
type effect struct{ what, id string }

// register is a key's: empty before its Check was made, the Check's id while it is there, and goneSign after that.
var register = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(state, input, _ any) []any {
		held, _ := state.(string)
		e, _ := input.(effect)
		return step(held, e)
	},
	Equal: func(a, b any) bool { return a == b },
}).ToModel()

// step is what a register may hold after an effect; nothing: the effect cannot have been.
//
// A replica may know a Check for a moment that another has deleted (docs/rest.md, Reading); it never denies one that is there, since what its
// cache has not got it asks for.
func step(held string, e effect) []any {
	present := held != "" && held != goneSign
	switch e.what {
	case made:
		if !present || held == e.id || held == anyID {
			return []any{e.id}
		}
	case maybe:
		if !present {
			return []any{held, anyID}
		}
		return []any{held}
	case there:
		if held != "" {
			return []any{held}
		}
	case absent:
		if !present {
			return []any{held}
		}
	case ended:
		return []any{goneSign}
	case perhaps:
		if present {
			return []any{held, goneSign}
		}
		return []any{held}
	}
	return nil
}

// linearize looks for an order of each key's calls that explains all answers.
func linearize(r *Run, b Bounds) []Violation {
	operations := map[string][]porcupine.Operation{}
	shown := map[string][]history.Entry{}
	ids := map[string]string{} // keys, by the ids that were answered
	for _, c := range r.calls {
		e, sure, counts := effectOf(&c)
		if c.Key == "" || !counts {
			continue
		}
		if c.Kind == history.Post && c.Done() {
			ids[c.Name] = c.Key
		}
		end := c.end
		if !sure { // it may have its effect at any time
			end = r.end + time.Hour
		}
		operations[c.Key] = append(operations[c.Key], porcupine.Operation{Input: e, Call: int64(c.Begin), Return: int64(end)})
		shown[c.Key] = append(shown[c.Key], c.entry)
	}
	for name, key := range ids {
		for _, l := range r.byName[name] {
			if l.deleted != nil { // by its time to live, or by a call that is there too
				operations[key] = append(operations[key], porcupine.Operation{
					Input: effect{what: perhaps}, Call: int64(l.born()), Return: int64(l.deleted.at),
				})
				shown[key] = append(shown[key], l.deleted.entry)
			}
		}
	}
	var found []Violation
	until := time.Now().Add(b.LinearizeAll)
	r.keys, r.undecided = len(operations), 0
	for _, key := range slices.Sorted(maps.Keys(operations)) {
		left := min(b.Linearize, time.Until(until))
		if left <= 0 { // none would be as much as one likes
			r.undecided++
			continue
		}
		switch porcupine.CheckOperationsTimeout(register, operations[key], left) {
		case porcupine.Illegal:
			found = append(found, violation("keys", key, shown[key], "no order of the calls explains the answers"))
		case porcupine.Unknown:
			r.undecided++
		case porcupine.Ok:
		}
	}
	return found
}

// effectOf is what a call did to its key. sure: it was done when it was answered. counts: it is one that says something about it.
func effectOf(c *call) (e effect, sure, counts bool) {
	switch c.Kind {
	case history.Post:
		if c.Done() {
			return effect{made, c.Name}, true, true
		}
		// A 409 says that it was recorded, and is gone.
		return effect{what: maybe}, false, c.Unknown() || c.Answer == "409"
	case history.Status:
		if c.Done() {
			return effect{what: there}, true, true
		}
		return effect{what: absent}, true, c.Answer == "404"
	case history.Delete:
		switch {
		case c.Done():
			return effect{what: ended}, true, true
		case c.Answer == "404":
			return effect{what: absent}, true, true
		}
		return effect{what: perhaps}, false, c.Unknown()
	}
	return effect{}, false, false
}
