package check

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestCatalogue feeds a catalogue with whatever informers may tell, and compares it with plain maps.
func TestCatalogue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalogue("default")
		feed := c.handler()
		type state struct {
			ref       v1alpha1.RuleSetReference
			isDefault bool
		}
		model := map[v1alpha1.RuleSetReference]state{}
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			now := state{isDefault: rapid.Bool().Draw(t, "default")}
			now.ref.Name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			annotations := map[string]string{v1alpha1.DefaultRuleSetAnnotation: map[bool]string{true: "true", false: "yes"}[now.isDefault]}
			var object client.Object = &v1alpha1.RuleSet{}
			now.ref.Kind = v1alpha1.KindRuleSet
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0: // of the cluster, where the annotation means nothing
				object, now.ref.Kind, now.isDefault = &v1alpha1.ClusterRuleSet{}, v1alpha1.KindClusterRuleSet, false
			case 1: // of another namespace
				object.SetNamespace("other")
			default:
				object.SetNamespace("default")
			}
			object.SetName(now.ref.Name)
			object.SetAnnotations(annotations)
			concerns := object.GetNamespace() != "other"
			switch rapid.IntRange(0, 2).Draw(t, "event") {
			case 0:
				feed.OnAdd(object, false)
			case 1:
				feed.OnUpdate(nil, object)
			case 2:
				feed.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: object})
				if concerns {
					delete(model, now.ref)
				}
				continue
			}
			if concerns {
				model[now.ref] = now
			}
		}
		got, defaults := map[v1alpha1.RuleSetReference]state{}, map[v1alpha1.RuleSetReference]bool{}
		for _, e := range c.all() {
			got[e.ref] = state{e.ref, e.isDefault}
		}
		for _, e := range c.byDefault() {
			if defaults[e.ref] {
				t.Fatalf("%v is a default twice", e.ref)
			}
			defaults[e.ref] = true
		}
		if !maps.Equal(got, model) {
			t.Fatalf("has %v, want %v", got, model)
		}
		for ref, s := range model {
			if s.isDefault != defaults[ref] {
				t.Fatalf("%v: default %t, want %t", ref, defaults[ref], s.isDefault)
			}
		}
	})
}

func TestDryRunOfNobody(t *testing.T) {
	s := offline(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request := Request{Input: []byte(validOrder), Rules: parseRules(t, fiveModules)}
	if _, err := s.DryRun(ctx, request); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller has gone, and the verdict is %v", err)
	}
}

func TestNewNeeds(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a Service was made of nothing")
	}
	s := offline(t)
	s.started.Store(true)
	if err := s.Start(t.Context()); err == nil {
		t.Error("a Service was started twice")
	}
}

// TestNext tells states apart that a follower of one Check may be woken by.
func TestNext(t *testing.T) {
	const name = "01h455vb4pex5vsknk084sn02q"
	state := func(version, uid, owner string, phase v1alpha1.Phase) *v1alpha1.Check {
		c := checkAt(name, 1, owner, phase)
		c.ResourceVersion, c.UID = version, types.UID(uid)
		return c
	}
	known := state("10", "a", "ada", v1alpha1.PhasePending)
	cases := map[string]struct {
		reason string
		state  *v1alpha1.Check
		gone   bool
		want   string // the resource version told; "end", or "wait" for more
	}{
		"newer":                {"a change", state("11", "a", "ada", v1alpha1.PhasePending), false, "11"},
		"newer, by length":     {"versions are numbers", state("100", "a", "ada", v1alpha1.PhasePending), false, "100"},
		"the same":             {"the cache has caught up", state("10", "a", "ada", v1alpha1.PhasePending), false, "wait"},
		"older":                {"the cache is behind what was read", state("9", "a", "ada", v1alpha1.PhasePending), false, "wait"},
		"deleted":              {"without a verdict", state("12", "a", "ada", v1alpha1.PhasePending), true, "end"},
		"deleted, told late":   {"after a new list the last state known is told", state("9", "a", "ada", v1alpha1.PhasePending), true, "end"},
		"finished and deleted": {"the verdict is not lost", state("12", "a", "ada", v1alpha1.PhaseSuccess), true, "12"},
		"replaced":             {"its key was used again", state("12", "b", "ada", v1alpha1.PhasePending), false, "end"},
		"one before it":        {"the deletion of the one that it replaced", state("9", "b", "ada", v1alpha1.PhasePending), true, "wait"},
		"given away":           {"somebody has changed the label", state("11", "a", "bob", v1alpha1.PhasePending), false, "end"},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			t.Log(c.reason)
			s := offline(t)
			f := s.checks.follow(name)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.checks.tell(s.checks.packer.Pack(c.state), c.gone)
			if c.want == "wait" {
				go func() { // end the wait once the state has been looked at
					for len(f.wake) > 0 {
						runtime.Gosched()
					}
					cancel()
				}()
			}
			next, err := s.next(ctx, f, known)
			got := "end"
			switch {
			case next != nil:
				got = next.ResourceVersion
			case err == nil:
				got = "wait"
			case !errors.Is(err, ErrNotFound):
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAllInOrder(t *testing.T) {
	c := newCatalogue("default")
	for _, name := range []string{"b", "c", "a"} {
		set, everywhere := &v1alpha1.RuleSet{}, &v1alpha1.ClusterRuleSet{}
		set.Namespace, set.Name, everywhere.Name = "default", name, name
		c.handler().OnAdd(everywhere, true)
		c.handler().OnAdd(set, true)
	}
	var got []string
	for _, e := range c.all() {
		got = append(got, string(e.ref.Kind)+"/"+e.ref.Name)
	}
	want := []string{"RuleSet/a", "RuleSet/b", "RuleSet/c", "ClusterRuleSet/a", "ClusterRuleSet/b", "ClusterRuleSet/c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
