package packed

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// anything generates Checks with something in any of their fields, also what no Check of the API server's has.
func anything() *rapid.Generator[v1alpha1.Check] {
	text := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"<&>\u2028", "\xff\xfe not UTF-8 \xc3", "a\x00b", `"\ud800"`, strings.Repeat("again and again ", 50), passageText(1)}),
	)
	value := rapid.Custom(func(t *rapid.T) v1alpha1.JSON {
		return v1alpha1.JSON{Raw: []byte(rapid.SampledFrom([]string{
			"", "null", "1e400", "-0", "1.10", `"\u003c"`, `{"a":{"b":[1,{"a":null,"a":2}]}}`, "\"\xff\"", strings.Repeat("[", 200) + strings.Repeat("]", 200),
		}).Draw(t, "value"))}
	})
	at := rapid.Custom(func(t *rapid.T) metav1.Time {
		return metav1.NewTime(time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), 0))
	})
	labels := rapid.MapOfN(rapid.OneOf(text, rapid.Just(v1alpha1.OwnerLabel)), text, 0, 3)
	return rapid.MakeCustom[v1alpha1.Check](rapid.MakeConfig{
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[v1alpha1.JSON]():      value.AsAny(),
			reflect.TypeFor[metav1.Time]():        at.AsAny(),
			reflect.TypeFor[v1alpha1.Phase]():     rapid.SampledFrom([]v1alpha1.Phase{v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure, v1alpha1.PhaseError, v1alpha1.PhasePending, "", "Odd"}).AsAny(),
			reflect.TypeFor[map[string]string]():  labels.AsAny(),
			reflect.TypeFor[*metav1.FieldsV1]():   rapid.Just[*metav1.FieldsV1](nil).AsAny(),
			reflect.TypeFor[[]v1alpha1.Passage](): rapid.SliceOfN(rapid.Make[v1alpha1.Passage](), 0, 3).AsAny(),
		},
		Kinds: map[reflect.Kind]*rapid.Generator[any]{reflect.String: text.AsAny()},
		Fields: map[reflect.Type]map[string]*rapid.Generator[any]{
			reflect.TypeFor[metav1.ObjectMeta]():    {"Generation": rapid.Int64Range(1, 2).AsAny()},
			reflect.TypeFor[v1alpha1.CheckStatus](): {"ObservedGeneration": rapid.Int64Range(1, 2).AsAny()},
		},
	})
}

// TestAnything holds that a Check comes back as the client decoded it, whatever it has in its fields.
func TestAnything(t *testing.T) {
	p, made := New(), anything()
	rapid.Check(t, func(t *rapid.T) {
		drawn := made.Draw(t, "check")
		sent, err := json.Marshal(&drawn)
		if err != nil {
			t.Fatal(err)
		}
		c := &v1alpha1.Check{}
		if err := utiljson.Unmarshal(sent, c); err != nil {
			t.Fatalf("%v: %s", err, sent)
		}
		want := c.DeepCopy()
		packed := p.Pack(c)
		p.forget()
		got := packed.Whole()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		if finished := Finished(want); finished != (packed.whole == nil) || finished != (packed.Phase != v1alpha1.PhasePending) {
			t.Fatalf("finished %t, held whole %t, phase %s", finished, packed.whole != nil, packed.Phase)
		}
	})
}
