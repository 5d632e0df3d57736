package check

import (
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// ageUnit is what a facade rounds the age of its answers down to.
const ageUnit = time.Second

// Tokens finds revoked tokens that go on working, and good ones that are refused.
//
// A replica that cannot reach the API server goes on from memory, and says in Age how old that may be (docs/rest.md, Reading): a token that was
// revoked since then still works there. A replica that is stopped answers when it goes on, before it can have heard anything.
func Tokens(r *Run, b Bounds) []Violation {
	var found []Violation
	madeAt, revoking, revoked := map[string]call{}, map[string]time.Duration{}, map[string]call{}
	for _, c := range r.calls {
		switch {
		case (c.Kind == history.TokenMake || c.Kind == history.LogIn) && c.Done():
			madeAt[c.Token] = c
		case c.Kind == history.TokenRevoke:
			if first, ok := revoking[c.Token]; !ok || c.Begin < first {
				revoking[c.Token] = c.Begin
			}
			if _, ok := revoked[c.Token]; !ok && (c.Done() || c.Answer == "404") {
				revoked[c.Token] = c
			}
		}
	}
	told := map[string]bool{}
	for _, c := range r.calls {
		switch c.Kind {
		case history.TokenUse, history.Post, history.Status, history.Delete:
		default:
			continue
		}
		end, isRevoked := revoked[c.Token]
		begun, isBegun := revoking[c.Token]
		about := c.Token + " at " + c.Via
		switch {
		case told[about]:
		case c.Done() && isRevoked:
			late := c.Begin - end.end - b.Lag
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
