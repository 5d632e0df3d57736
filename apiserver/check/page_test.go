package check

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
)

// These tests are of internals: pages and cursors need a ledger, and no cluster.

// checkAt is a Check as the cache would hold it. The seconds are few, so that Checks share them.
func checkAt(name string, second int64, owner string, phase v1alpha1.Phase) *v1alpha1.Check {
	c := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, UID: types.UID(name), Generation: 1,
		Labels: map[string]string{v1alpha1.OwnerLabel: owner}, CreationTimestamp: metav1.Unix(second, 0),
	}}
	c.Status.Phase, c.Status.ObservedGeneration = phase, 1
	return c
}

var (
	anyName  = rapid.StringMatching(`[0-9a-hjkmnp-tv-z]{26}`)
	anyPhase = rapid.SampledFrom([]v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure, v1alpha1.PhaseError})
)

func drawCheck(t *rapid.T, from, to int64) *v1alpha1.Check {
	return checkAt(anyName.Draw(t, "name"), rapid.Int64Range(from, to).Draw(t, "second"),
		rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "owner"), anyPhase.Draw(t, "phase"))
}

// wholes unpacks Checks.
func wholes(list []*packed.Check) (all []*v1alpha1.Check) {
	for _, c := range list {
		all = append(all, c.Whole())
	}
	return all
}

func olderFirst(a, b *v1alpha1.Check) int {
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order
	}
	return strings.Compare(a.Name, b.Name)
}

func names(list []*v1alpha1.Check) []string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = fmt.Sprintf("%d %s", c.CreationTimestamp.Unix(), c.Name)
	}
	return texts
}

// TestOldVerdicts lists a Check whose spec has changed since its verdict as what it is told to be: pending.
func TestOldVerdicts(t *testing.T) {
	s := offline(t)
	c := checkAt(strings.Repeat("a", idLength), 1, "ada", v1alpha1.PhaseSuccess)
	c.Generation = 2
	s.checks.handler().OnAdd(c, true)
	for phase, want := range map[v1alpha1.Phase]int{v1alpha1.PhasePending: 1, v1alpha1.PhaseSuccess: 0} {
		page, err := s.List(t.Context(), "ada", Query{Phases: []v1alpha1.Phase{phase}})
		if err != nil || len(page.Checks) != want {
			t.Errorf("%s: got %d checks, %v, want %d", phase, len(page.Checks), err, want)
		}
	}
}

// TestPages walks through an owner's Checks in pages of any size, while others come and go: what is there throughout is seen
// just once, the newest first.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := offline(t)
		feed := s.checks.handler()
		all := map[string]*v1alpha1.Check{}
		for range rapid.IntRange(0, 60).Draw(t, "checks") {
			c := drawCheck(t, 100, 105)
			all[c.Name] = c
			feed.OnAdd(c, true)
		}
		var phases []v1alpha1.Phase
		if rapid.Bool().Draw(t, "filtered") {
			phases = rapid.SliceOfN(anyPhase, 1, 2).Draw(t, "phases")
		}
		var want []*v1alpha1.Check
		for _, c := range all {
			if c.Labels[v1alpha1.OwnerLabel] == "ada" && (phases == nil || slices.Contains(phases, c.Status.Phase)) {
				want = append(want, c)
			}
		}
		slices.SortFunc(want, func(a, b *v1alpha1.Check) int { return olderFirst(b, a) })

		deleted := map[string]bool{}
		query, got := Query{Phases: phases, Limit: rapid.IntRange(0, MaxLimit).Draw(t, "limit")}, []*v1alpha1.Check(nil)
		for {
			page, err := s.List(t.Context(), "ada", query)
			if err != nil {
				t.Fatal(err)
			}
			if limit := max(query.Limit, 1); query.Limit > 0 && len(page.Checks) > limit || page.Next != "" && len(page.Checks) == 0 {
				t.Fatalf("a page of %d checks, next %q", len(page.Checks), page.Next)
			}
			got = append(got, page.Checks...)
			if page.Next == "" {
				break
			}
			query.Cursor = page.Next
			feed.OnAdd(drawCheck(t, 106, 110), false)
			if len(want) > 0 && rapid.Bool().Draw(t, "delete") {
				gone := rapid.SampledFrom(want).Draw(t, "gone")
				deleted[gone.Name] = true
				feed.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: gone})
			}
		}
		stays := func(c *v1alpha1.Check) bool { return deleted[c.Name] }
		seen := names(slices.DeleteFunc(slices.Clone(got), stays))
		if diff := cmp.Diff(names(slices.DeleteFunc(slices.Clone(want), stays)), seen); diff != "" {
			t.Fatalf("pages (-want +got):\n%s", diff)
		}
	})
}

// TestLedger feeds a ledger with whatever an informer may tell, and compares it with a plain map.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger("default")
		feed := l.handler()
		model := map[string]*v1alpha1.Check{}
		few := rapid.SliceOfN(anyName, 1, 4).Draw(t, "names")
		for range rapid.IntRange(0, 80).Draw(t, "events") {
			c := drawCheck(t, 100, 102)
			c.Name = rapid.SampledFrom(few).Draw(t, "name")
			c.Generation = rapid.Int64Range(1, 2).Draw(t, "generation")
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				feed.OnAdd(c, false)
				model[c.Name] = c
			case 1:
				feed.OnUpdate(model[c.Name], c)
				model[c.Name] = c
			case 2:
				feed.OnDelete(c)
				delete(model, c.Name)
			case 3:
				c.Namespace = "other"
				feed.OnAdd(c, false)
			case 4:
				c.Labels = map[string]string{v1alpha1.OwnerLabel: ""} // by then it is nobody's
				feed.OnUpdate(model[c.Name], c)
				delete(model, c.Name)
			}
		}
		unfinished := int64(0)
		owned := map[string][]*v1alpha1.Check{}
		for _, c := range model {
			if !Finished(c) {
				unfinished++
			}
			owned[ownerOf(c)] = append(owned[ownerOf(c)], c)
		}
		for _, list := range owned {
			slices.SortFunc(list, olderFirst)
		}
		byName, byOwner := map[string]*v1alpha1.Check{}, map[string][]*v1alpha1.Check{}
		for name, c := range l.byName {
			byName[name] = c.Whole()
		}
		for owner, list := range l.byOwner {
			byOwner[owner] = wholes(list)
		}
		if diff := cmp.Diff(model, byName); diff != "" {
			t.Fatalf("names (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(owned, byOwner); diff != "" {
			t.Fatalf("owners (-want +got):\n%s", diff)
		}
		if got := l.unfinished.Load(); got != unfinished {
			t.Fatalf("%d unfinished, want %d", got, unfinished)
		}
	})
}

func TestFollowers(t *testing.T) {
	l := newLedger("default")
	feed := l.handler()
	name := strings.Repeat("a", idLength)
	first, second := l.follow(name), l.follow(name)
	pending, done := checkAt(name, 1, "ada", v1alpha1.PhasePending), checkAt(name, 1, "ada", v1alpha1.PhaseSuccess)
	feed.OnAdd(pending, false)
	feed.OnUpdate(pending, done)
	feed.OnAdd(checkAt(strings.Repeat("b", idLength), 1, "ada", v1alpha1.PhasePending), false)
	for i, f := range []*follower{first, second} {
		<-f.wake
		if c, gone := l.latest(f); c != done || gone {
			t.Errorf("follower %d sees %v, gone %t", i, c, gone)
		}
		select {
		case <-f.wake:
			t.Errorf("follower %d was woken twice for what it saw at once", i)
		default:
		}
	}
	l.unfollow(name, first)
	feed.OnDelete(done)
	if _, gone := l.latest(first); gone {
		t.Error("one who has gone was told")
	}
	if c, gone := l.latest(second); c != done || !gone {
		t.Errorf("the other sees %v, gone %t", c, gone)
	}
	l.unfollow(name, second)
	l.unfollow(name, second)
	if len(l.followers) != 0 {
		t.Errorf("%d names are followed by nobody", len(l.followers))
	}
}

func TestListRefuses(t *testing.T) {
	s := offline(t)
	for _, limit := range []int{-1, MaxLimit + 1} {
		if refused := (*InvalidError)(nil); !errors.As(second(s.List(t.Context(), "ada", Query{Limit: limit})), &refused) || refused.Field != "query.limit" {
			t.Errorf("limit %d is taken", limit)
		}
	}
	if err := second(s.List(t.Context(), "ada", Query{Cursor: "x"})); !errors.Is(err, ErrBadCursor) {
		t.Errorf("cursor: %v", err)
	}
	s.complete.Store(false)
	for what, err := range map[string]error{
		"list":      second(s.List(t.Context(), "ada", Query{})),
		"rule sets": second(s.RuleSets(t.Context())),
		"dry run":   second(s.DryRun(t.Context(), Request{Input: []byte(`1`)})),
	} {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s before there is anything to list: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzCursor holds that just what was written is read: any other text is ErrBadCursor.
func FuzzCursor(f *testing.F) {
	good := position{created: 1767355200, name: "01h455vb4pex5vsknk084sn02q"}.cursor()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(strings.ToUpper(good))
	f.Add(good + "\n")
	f.Add(good[:20] + "\r\n" + good[22:])
	f.Add(base64.RawURLEncoding.EncodeToString(append([]byte{2}, make([]byte, 34)...)))
	f.Add(base64.RawURLEncoding.EncodeToString(append([]byte{1, 255, 0, 0, 0, 0, 0, 0, 0}, "01h455vb4pex5vsknk084sn02q"...)))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(text)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if p.cursor() != text || p.created < 0 || !validID(p.name) {
			t.Fatalf("%q is read as %+v, which is written %q", text, p, p.cursor())
		}
	})
}

// FuzzID holds that what is taken for an id is a name that a Check can have.
func FuzzID(f *testing.F) {
	f.Add("01h455vb4pex5vsknk084sn02q")
	f.Add("01H455VB4PEX5VSKNK084SN02Q")
	f.Add("01h455vb4pex5vsknk084sn0li")
	f.Fuzz(func(t *testing.T, id string) {
		if validID(id) != (len(id) == 26 && strings.Trim(id, "0123456789abcdefghjkmnpqrstvwxyz") == "") {
			t.Errorf("%q", id)
		}
	})
}

// BenchmarkList is one page of an owner who has 10,000 Checks.
func BenchmarkList(b *testing.B) {
	s := offline(b)
	feed := s.checks.handler()
	for i := range int64(10_000) {
		name, err := s.nameFor("ada", fmt.Sprint("key-", i))
		if err != nil {
			b.Fatal(err)
		}
		feed.OnAdd(checkAt(name, time.Now().Unix()+i/50, "ada", v1alpha1.PhaseSuccess), true)
	}
	for name, query := range map[string]Query{
		"First": {}, "NoneMatches": {Phases: []v1alpha1.Phase{v1alpha1.PhaseError}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.List(b.Context(), "ada", query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
