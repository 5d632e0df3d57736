package check

import (
	"slices"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// agedAnswers are when each replica said that it could not reach the API server, in order.
func agedAnswers(r *Run) map[string][]time.Duration {
	aged := map[string][]time.Duration{}
	for _, c := range r.calls {
		if c.Done() && c.Age > 0 {
			aged[c.Via] = append(aged[c.Via], c.end)
		}
	}
	for _, times := range aged {
		slices.Sort(times)
	}
	return aged
}

// lastBefore is the last of some times, in order, that is before another; 0: none is.
func lastBefore(times []time.Duration, t time.Duration) time.Duration {
	at, _ := slices.BinarySearch(times, t)
	if at == 0 {
		return 0
	}
	return times[at-1]
}

// ageUnit is what a facade rounds the age of its answers down to.
const ageUnit = time.Second

// Tokens finds revoked tokens that go on working, and good ones that are refused.
//
// A replica that cannot reach the API server goes on from memory, and says in Age how old that may be (docs/rest.md, Reading): a token that was
// revoked since then still works there, and for as long after it has said so last as anywhere. A replica that is stopped answers when it goes on, before it can have heard anything.
//
// A token that is rotated has two secrets, of which the first works for the grace, and no longer.
func Tokens(r *Run, b Bounds) []Violation {
	var found []Violation
	madeAt, revoking, revoked := ledger(r)
	told := map[string]bool{}
	aged := agedAnswers(r)
	for _, c := range r.calls {
		switch c.Kind {
		case history.TokenUse, history.Post, history.Status, history.Events, history.Delete:
		default:
			continue
		}
		end, isRevoked := revoked[c.Token]
		begun, isBegun := revoking[c.Token]
		about := c.Token + " at " + c.Via
		switch {
		case told[about]:
		case c.Done() && isRevoked:
			late := c.Begin - max(end.end, lastBefore(aged[c.Via], c.Begin)) - b.Lag
			if c.Age > 0 {
				late -= c.Age + ageUnit
			}
			if late > 0 && !r.hit(plan.Stop, c.Via, c.Begin-b.Lag, c.end) {
				told[about] = true
				found = append(found, violation("tokens", about, []history.Entry{end.entry, c.entry},
					"it worked %s after it was revoked", (c.Begin-end.end).Round(time.Millisecond)))
			}
		case c.Answer == "401" && (!isBegun || c.end < begun):
			if issued, ok := madeAt[c.Token]; ok && issued.end < c.Begin {
				told[about] = true
				found = append(found, violation("tokens", about, []history.Entry{issued.entry, c.entry}, "it is good, and was refused"))
			}
		}
	}
	return found
}

// ledger is what became of each secret: the call that made it, when its end may have begun, and the call by whose end, and the grace, it has ended.
func ledger(r *Run) (madeAt map[string]call, ending map[string]time.Duration, ended map[string]call) {
	madeAt, ending, ended = map[string]call{}, map[string]time.Duration{}, map[string]call{}
	ends := func(token string, from time.Duration, c *call, sure bool) {
		if first, ok := ending[token]; !ok || from < first {
			ending[token] = from
		}
		if last, ok := ended[token]; sure && (!ok || c.end < last.end) {
			ended[token] = *c
		}
	}
	for _, c := range r.calls {
		switch c.Kind {
		case history.TokenMake, history.LogIn:
			if c.Done() {
				madeAt[c.Token] = c
			}
		case history.TokenRotate:
			from, late := c.Begin+c.Grace-graceUnit, c
			late.end += c.Grace
			switch {
			case c.Done():
				ends(c.Token, from, &late, true)
				madeAt[c.Next] = c
			case c.Unknown(): // it may have been, with the grace beginning when it arrived
				ends(c.Token, from, &late, false)
			}
		case history.TokenRevoke:
			for _, token := range []string{c.Token, c.Token + history.Rotated} {
				ends(token, c.Begin, &c, c.Done() || c.Answer == "404")
			}
		}
	}
	return madeAt, ending, ended
}

// graceUnit is what the end of a grace is stated to.
const graceUnit = time.Second
