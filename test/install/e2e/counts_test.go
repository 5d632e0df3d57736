package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// counts is what became of a load.
type counts struct {
	sent, acknowledged, completed int
	read, late                    int // looks at old checks, and how many of them a replica answered that did not know the verdict yet
	held                          int // not sent, since maxOutstanding were under way
	applied, appliedDone          int // of those that were made with kubectl's means

	// Requests that were sent again, by what came back: nothing, 429, 503, another 5xx.
	silent, limited, busy, other int

	// Breaches: acknowledged and then gone or without a verdict; of one key and two ids; another verdict; never acknowledged.
	lost, twins, wrong, abandoned int

	gap time.Duration // the longest from one acknowledgement to the next
}

// breaches is how much there was that must not be.
func (n counts) breaches() int { return n.lost + n.twins + n.wrong + n.abandoned }

// failed is how many requests had no answer, or one of the server's failing.
func (n counts) failed() int { return n.silent + n.busy + n.other }

func (n counts) String() string {
	return fmt.Sprintf("sent %d, acknowledged %d, completed %d; applied %d, completed %d; read again %d (late %d); "+
		"sent again: no answer %d, 429 %d, 503 %d, other %d; held back %d; lost %d, twins %d, wrong %d, abandoned %d; longest without an acknowledgement %.1f s",
		n.sent, n.acknowledged, n.completed, n.applied, n.appliedDone, n.read, n.late,
		n.silent, n.limited, n.busy, n.other, n.held, n.lost, n.twins, n.wrong, n.abandoned, n.gap.Seconds())
}

// since is what has been counted since m; its gap is n's.
func (n counts) since(m counts) counts {
	n.sent, n.acknowledged, n.completed, n.read = n.sent-m.sent, n.acknowledged-m.acknowledged, n.completed-m.completed, n.read-m.read
	n.late -= m.late
	n.held, n.applied, n.appliedDone = n.held-m.held, n.applied-m.applied, n.appliedDone-m.appliedDone
	n.silent, n.limited, n.busy, n.other = n.silent-m.silent, n.limited-m.limited, n.busy-m.busy, n.other-m.other
	n.lost, n.twins, n.wrong, n.abandoned = n.lost-m.lost, n.twins-m.twins, n.wrong-m.wrong, n.abandoned-m.abandoned
	return n
}

// now is what has been counted so far; the longest gap is that since the last call.
func (l *load) now() counts {
	done := l.ledger.done()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.counts
	n.gap = max(n.gap, time.Since(l.answered))
	n.appliedDone = done
	l.longest = max(l.longest, n.gap)
	l.counts.gap = 0
	return n
}

// calm waits until every check that was sent so far has its verdict, and one that was sent after that.
func (l *load) calm() {
	l.c.t.Helper()
	l.mu.Lock()
	mark := l.next
	l.mu.Unlock()
	l.c.await("the load catches up", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.next == mark {
			return errors.New("nothing is sent")
		}
		behind := 0
		for number := range l.outstanding {
			if number <= mark {
				behind++
			}
		}
		if behind > 0 {
			return fmt.Errorf("%d checks have no verdict", behind)
		}
		return nil
	})
}

// finish ends the sending, waits for all verdicts, compares what there is with what must be, and returns the counts of all of it.
func (l *load) finish() counts {
	l.c.t.Helper()
	l.cancel()
	l.group.Wait()
	l.mu.Lock()
	n, causes := l.counts, maps.Clone(l.causes)
	l.mu.Unlock()
	l.c.await("Checks that were applied have their verdicts", func(context.Context) error {
		if done := l.ledger.done(); done != n.applied {
			return fmt.Errorf("%d of %d", done, n.applied)
		}
		return nil
	})
	l.c.await("as many Checks as keys", func(context.Context) error {
		if made := l.ledger.madeIn(checks); made != n.acknowledged {
			return fmt.Errorf("%d Checks were made for %d keys", made, n.acknowledged)
		}
		return nil
	})
	if made := l.ledger.madeIn(applied); made != n.applied {
		l.c.t.Errorf("%d Checks were made where %d were applied", made, n.applied)
	}
	for _, told := range l.ledger.told() {
		l.c.t.Error(told)
	}
	l.c.await("the facade's lists", l.listed)
	for _, cause := range slices.SortedFunc(maps.Keys(causes), func(a, b string) int { return cmp.Compare(causes[b], causes[a]) }) {
		l.c.t.Logf("no answer %d times: %s", causes[cause], cause)
	}
	n.appliedDone = n.applied
	l.mu.Lock()
	n.gap = max(l.longest, n.gap)
	l.mu.Unlock()
	if n.breaches() > 0 || n.completed != n.acknowledged || n.completed != n.sent {
		l.c.t.Errorf("the load: %s", n)
	}
	return n
}

// listed compares the facade's lists with what must be in them.
func (l *load) listed(ctx context.Context) error {
	found := map[string]string{}
	for _, token := range l.tokens[:accounts] {
		if err := l.list(ctx, token, found); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var missing []string
	now := time.Now()
	for _, r := range l.records {
		if _, want := wanted(r.number); !l.over(r, now) && found[r.id] != want {
			missing = append(missing, fmt.Sprintf("%s: %q, should be %s", r.id, found[r.id], want))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of %d: %s", len(missing), len(l.records), strings.Join(missing[:min(3, len(missing))], "; "))
	}
	return nil
}

// list adds the checks of an account, with their status.
func (l *load) list(ctx context.Context, token string, found map[string]string) error {
	for query := (url.Values{"limit": {"100"}}); ; {
		status, text, err := l.f.call(ctx, http.MethodGet, "/v1/checks?"+query.Encode(), token, nil)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("GET /v1/checks: %d: %s", status, text)
		}
		var page struct {
			Checks []result `json:"checks"`
			Next   string   `json:"next_cursor"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return err
		}
		for _, r := range page.Checks {
			found[r.ID] = r.Status
		}
		if page.Next == "" {
			return nil
		}
		query.Set("cursor", page.Next)
	}
}
