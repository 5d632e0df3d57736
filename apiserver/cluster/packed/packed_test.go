package packed

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// failing is a Check as the API server gives it: its payload has some 600 bytes, six rules failed, and three passages help.
func failing(n int) *v1alpha1.Check {
	at := metav1.NewTime(time.Unix(1767225600+int64(n), 0))
	payload := fmt.Sprintf(`{"id":"order-%06d","amount":%d.%02d,"currency":"EURO","customer":{"email":"customer%d@example","name":"Customer %d","vat":"DE%09d"},"items":[`, n, 99999+n, n%100, n, n, n*7919)
	for i := range 6 {
		payload += fmt.Sprintf(`{"sku":"SKU-%05d","quantity":%d,"price":%d.%02d},`, (n*31+i*17)%100000, -i, n%1000, i)
	}
	payload = strings.TrimSuffix(payload, ",") + fmt.Sprintf(`],"created":"2026-01-%02dT10:%02d:00Z","note":"deliver to the back door, ring twice, and leave it with the neighbour at number %d"}`, n%28+1, n%60, n%90)
	c := &v1alpha1.Check{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "checky-checks", Name: fmt.Sprintf("%026d", n), UID: types.UID(fmt.Sprintf("%08x-1111-4222-8333-%012x", n*2654435761, n*40503)),
			ResourceVersion: fmt.Sprint(100000 + n), Generation: 1, CreationTimestamp: at,
			Labels:      map[string]string{v1alpha1.OwnerLabel: fmt.Sprintf("acc-%016d", n%50)},
			Annotations: map[string]string{"checky.dev/request-digest": digest(n), "checky.dev/traceparent": fmt.Sprintf("00-%032x-%016x-01", n*7717, n*31)},
		},
		Spec: v1alpha1.CheckSpec{InputJSON: payload, RuleSets: []v1alpha1.RuleSetReference{{Kind: v1alpha1.KindRuleSet, Name: "orders"}}, FailOn: v1alpha1.SeverityError},
	}
	c.Status.ObservedGeneration, c.Status.StartTime, c.Status.CompletionTime = 1, &at, &at
	v := &c.Status.Verdict
	v.Phase, v.RuleCount, v.Summary = v1alpha1.PhaseFailure, 6, &v1alpha1.Summary{Fail: 6}
	v.InputDigest, v.RulesDigest, v.Alert = digest(n+1), digest(-1), &v1alpha1.Alert{Key: digest(n + 2), Severity: v1alpha1.SeverityError}
	v.Explanation = "Failure: of 6 rules, 6 failed."
	for i, field := range []string{"amount", "currency", "email", "quantity", "sku", "vat"} {
		line := 40 + i%3
		rule := "orders/" + field + "-rule"
		v.RulesApplied = append(v.RulesApplied, rule)
		v.Results = append(v.Results, v1alpha1.Result{
			Rule: rule, Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityError, Path: fmt.Sprintf("/items/%d/%s", i, field),
			Message: fmt.Sprintf("expected a number at most 10000, found %d", 99999+n+i), Passages: []string{fmt.Sprintf("rag-content.txt:%d", line)},
		})
		v.Explanation += fmt.Sprintf("\n- %s (error) failed at /items/%d/%s: expected a number at most 10000, found %d\n  %s [rag-content.txt:%d]", rule, i, field, 99999+n+i, passageText(line), line)
	}
	for line := 40; line < 43; line++ {
		v.Passages = append(v.Passages, v1alpha1.Passage{ID: fmt.Sprintf("rag-content.txt:%d", line), Title: "Amounts", Text: passageText(line)})
	}
	for _, kind := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionPassed, v1alpha1.ConditionExplained} {
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, ObservedGeneration: 1, LastTransitionTime: at, Reason: "Evaluated", Message: "there is a verdict",
		})
	}
	return c
}

func passageText(line int) string {
	return fmt.Sprintf("Line %d of the knowledge file: an order's amount is in the currency of its account, above 0 and at most 10,000; orders above that limit need a second approval by the finance team before they are sent.", line)
}

func digest(n int) string {
	return fmt.Sprintf("sha256:%016x%016x%016x%016x", uint64(n)*0x9e3779b97f4a7c15, uint64(n)*0xbf58476d1ce4e5b9, uint64(n)*0x94d049bb133111eb, uint64(n)*0xd6e8feb86659fd93)
}

// forget has a Packer hold nothing whole.
func (p *Packer) forget() { p.recent.Purge() }

func TestWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(c *v1alpha1.Check)
	}{
		"Failing":       {"passages are put back in their order", func(*v1alpha1.Check) {}},
		"Passing":       {"there are none", func(c *v1alpha1.Check) { c.Status.Passages, c.Status.Phase = nil, v1alpha1.PhaseSuccess }},
		"NoRules":       {"there is no digest of rules", func(c *v1alpha1.Check) { c.Status.RulesDigest = "" }},
		"Pending":       {"it is held as it is", func(c *v1alpha1.Check) { c.Status = v1alpha1.CheckStatus{} }},
		"Edited":        {"its verdict is on an older spec", func(c *v1alpha1.Check) { c.Generation = 2 }},
		"Digits":        {"a payload's text stays as it is", func(c *v1alpha1.Check) { c.Spec.InputJSON = "{\"a\": 1.000000000000000000000001, \"b\":\"<&>\u2028\"}" }},
		"Value":         {"the same of a value", func(c *v1alpha1.Check) { c.Spec.InputJSON, c.Spec.Input.Raw = "", []byte(`{"a":"<b>","n":1e400}`) }},
		"LongPassages":  {"the dictionary is longer than counts", func(c *v1alpha1.Check) { c.Status.Passages[0].Text = strings.Repeat("many words ", 5000) }},
		"Large":         {"the text is longer than what can be referred to", func(c *v1alpha1.Check) { c.Spec.InputJSON = `"` + strings.Repeat("0123456789abcdef-", 15000) + `"` }},
		"OtherMetadata": {"all of it is kept", func(c *v1alpha1.Check) { c.Finalizers, c.Labels["team"] = []string{"example.com/hold"}, "a" }},
	} {
		t.Run(name, func(t *testing.T) {
			c := failing(7)
			tc.change(c)
			want := c.DeepCopy()
			p := New()
			packed := p.Pack(c)
			p.forget()
			if diff := cmp.Diff(want, packed.Whole()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if packed.Bytes != Weigh(want) || packed.Created != want.CreationTimestamp.Unix() || packed.Owner != want.Labels[v1alpha1.OwnerLabel] {
				t.Errorf("at hand: %d bytes, created %d, owner %q", packed.Bytes, packed.Created, packed.Owner)
			}
			if wantPhase := map[bool]v1alpha1.Phase{true: want.Status.Phase, false: v1alpha1.PhasePending}[Finished(want)]; packed.Phase != wantPhase {
				t.Errorf("phase %s, want %s", packed.Phase, wantPhase)
			}
		})
	}
}

// TestAnyText holds that whatever texts a Check has come back as they were, also from several goroutines' buffers one after the other.
func TestAnyText(t *testing.T) {
	p := New()
	rapid.Check(t, func(t *rapid.T) {
		c := failing(rapid.IntRange(0, 1000).Draw(t, "n"))
		c.Status.Explanation = rapid.String().Draw(t, "explanation")
		c.Status.Passages = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) v1alpha1.Passage {
			return v1alpha1.Passage{ID: rapid.String().Draw(t, "id"), Title: rapid.String().Draw(t, "title"), Text: rapid.String().Draw(t, "text")}
		}), 0, 4).Draw(t, "passages")
		text, err := json.Marshal(rapid.String().Draw(t, "payload"))
		if err != nil {
			t.Fatal(err)
		}
		c.Spec.InputJSON = string(text)
		if len(c.Status.Passages) == 0 {
			c.Status.Passages = nil
		}
		want := c.DeepCopy()
		packed := p.Pack(c)
		p.forget()
		if diff := cmp.Diff(want, packed.Whole()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

func TestRecent(t *testing.T) {
	p := New()
	c := failing(1)
	packed := p.Pack(c)
	if packed.Whole() != c {
		t.Error("a Check that was packed just now is unpacked")
	}
	for i := range maxRecent {
		p.Pack(failing(i))
	}
	first := packed.Whole()
	if first == c {
		t.Error("a Check that was packed long ago is held whole")
	}
	if packed.Whole() != first {
		t.Error("a Check that was read just now is unpacked again")
	}
	for field, enlarge := range map[string]func(c *v1alpha1.Check, text string){
		"explanation": func(c *v1alpha1.Check, text string) { c.Status.Explanation = text },
		"annotation":  func(c *v1alpha1.Check, text string) { c.Annotations["example.com/note"] = text },
		"finalizer":   func(c *v1alpha1.Check, text string) { c.Finalizers = []string{text} },
	} {
		large := failing(2)
		enlarge(large, strings.Repeat("a", maxRecentBytes))
		packed := p.Pack(large)
		if whole := packed.Whole(); whole == large || packed.Whole() == whole {
			t.Errorf("a Check with a large %s is held whole", field)
		}
	}
}

// TestTransform passes on what is no Check.
func TestTransform(t *testing.T) {
	p := New()
	packed, err := p.Transform(failing(1))
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Transform(packed)
	if err != nil || again != packed {
		t.Errorf("%v, %v: what is packed is packed again", again, err)
	}
	object := packed.(*Check).GetObjectMeta()
	want := failing(1)
	if object.GetNamespace() != want.Namespace || object.GetName() != want.Name || object.GetUID() != want.UID || object.GetResourceVersion() != want.ResourceVersion {
		t.Errorf("the informer sees %+v", object)
	}
}

// BenchmarkHeld reports how many bytes of memory a failing Check takes whose payload has some 600 bytes, whole and packed.
func BenchmarkHeld(b *testing.B) {
	const checks = 10_000
	decoded := func(n int) *v1alpha1.Check { // strings of their own, as they come off the wire
		text, err := json.Marshal(failing(n))
		if err != nil {
			b.Fatal(err)
		}
		c := &v1alpha1.Check{}
		if err := json.Unmarshal(text, c); err != nil {
			b.Fatal(err)
		}
		return c
	}
	for name, hold := range map[string]func(*Packer, *v1alpha1.Check) any{
		"whole":  func(_ *Packer, c *v1alpha1.Check) any { return c },
		"packed": func(p *Packer, c *v1alpha1.Check) any { return p.Pack(c) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, before := New(), heap()
				held := make([]any, checks)
				for i := range held {
					held[i] = hold(p, decoded(i))
				}
				p.forget()
				b.ReportMetric(float64(heap()-before)/checks, "B/check")
				runtime.KeepAlive(held)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkPack(b *testing.B) {
	p, c := New(), failing(1)
	b.ReportAllocs()
	for b.Loop() {
		p.Pack(c)
	}
}

func BenchmarkWhole(b *testing.B) {
	p := New()
	packed := p.Pack(failing(1))
	b.ReportMetric(float64(len(packed.text)), "B/text")
	b.ReportAllocs()
	for b.Loop() {
		p.forget()
		if packed.Whole() == nil {
			b.Fatal("it cannot be read")
		}
	}
}

// TestDictionary keeps what is compressed with within what counts.
func TestDictionary(t *testing.T) {
	if len(common) > maxDictionary/4 {
		t.Errorf("the dictionary has %d bytes", len(common))
	}
	c := New().Pack(failing(1))
	if d := c.dictionary(); !slices.Equal(d[len(d)-len(common):], common) {
		t.Error("what every Check has is not the nearest")
	}
}

// TestBatchBytes counts what a batch takes, before its verdict and after.
func TestBatchBytes(t *testing.T) {
	c := &v1alpha1.Check{Spec: v1alpha1.CheckSpec{Inputs: []v1alpha1.BatchInput{
		{Name: "four", InputJSON: strings.Repeat("1", 1000)}, {Input: v1alpha1.JSON{Raw: []byte("12345")}},
	}}}
	before := Weigh(c)
	if want := Overhead + 2*itemOverhead + 4 + 1000 + 5; before != want {
		t.Errorf("%d bytes, want %d", before, want)
	}
	c.Status.Batch = &v1alpha1.BatchVerdict{FailedIndexes: "0", Items: []v1alpha1.BatchItem{
		{Name: "four", Message: "eleven char", Results: []v1alpha1.Result{{Rule: "rule", Message: "message", Path: "/path"}}},
	}}
	if got, want := Weigh(c)-before, 1+itemOverhead+4+11+4+7+5; got != want {
		t.Errorf("the verdict has %d bytes, want %d", got, want)
	}
}
