package alerts_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func compiled(t testing.TB, name string, spec v1alpha1.AlertPolicySpec) *alerts.Policy {
	t.Helper()
	p, problems := alerts.Compile(&v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func TestSelects(t *testing.T) {
	failing := alerts.Subject{
		Namespace: "shop", Name: "order-1", Severity: v1alpha1.SeverityError,
		Labels: labels.Set{"team": "orders"}, NamespaceLabels: labels.Set{"stage": "live"},
	}
	of := func(severity v1alpha1.Severity) alerts.Subject {
		s := failing
		s.Severity = severity
		return s
	}
	cases := map[string]struct {
		spec    v1alpha1.AlertPolicySpec
		subject alerts.Subject
		want    bool
	}{
		"nothing set selects errors":       {v1alpha1.AlertPolicySpec{}, failing, true},
		"and what is worse":                {v1alpha1.AlertPolicySpec{}, of("critical"), true},
		"but not warnings":                 {v1alpha1.AlertPolicySpec{}, of("warning"), false},
		"the lowest severity":              {v1alpha1.AlertPolicySpec{MinSeverity: "info"}, of("info"), true},
		"below it":                         {v1alpha1.AlertPolicySpec{MinSeverity: "critical"}, failing, false},
		"unknown severity":                 {v1alpha1.AlertPolicySpec{MinSeverity: "info"}, of("loud"), false},
		"no severity":                      {v1alpha1.AlertPolicySpec{MinSeverity: "info"}, of(""), false},
		"empty selectors are all":          {v1alpha1.AlertPolicySpec{Selector: &metav1.LabelSelector{}, NamespaceSelector: &metav1.LabelSelector{}}, failing, true},
		"no labels at all":                 {v1alpha1.AlertPolicySpec{}, alerts.Subject{Severity: "error"}, true},
		"by label":                         {v1alpha1.AlertPolicySpec{Selector: label("team", "orders")}, failing, true},
		"by another label":                 {v1alpha1.AlertPolicySpec{Selector: label("team", "stock")}, failing, false},
		"by the namespace's label":         {v1alpha1.AlertPolicySpec{NamespaceSelector: label("stage", "live")}, failing, true},
		"by another one":                   {v1alpha1.AlertPolicySpec{NamespaceSelector: label("stage", "test")}, failing, false},
		"labels of a Check are not those":  {v1alpha1.AlertPolicySpec{NamespaceSelector: label("team", "orders")}, failing, false},
		"both, and one of them does not":   {v1alpha1.AlertPolicySpec{Selector: label("team", "orders"), NamespaceSelector: label("stage", "test")}, failing, false},
		"by an expression":                 {v1alpha1.AlertPolicySpec{Selector: expression("team", "NotIn", "stock")}, failing, true},
		"by an expression that is missing": {v1alpha1.AlertPolicySpec{Selector: expression("team", "DoesNotExist")}, failing, false},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			if got := compiled(t, "p", tc.spec).Selects(tc.subject); got != tc.want {
				t.Errorf("selected: %t, want %t", got, tc.want)
			}
		})
	}
}

func label(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func expression(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func TestOnNode(t *testing.T) {
	cases := map[string]struct {
		want   map[string]string
		node   labels.Set
		sounds bool
	}{
		"unset is every node":       {nil, nil, true},
		"one that has it":           {map[string]string{"room": "1"}, labels.Set{"room": "1", "os": "linux"}, true},
		"one that has another":      {map[string]string{"room": "1"}, labels.Set{"room": "2"}, false},
		"one without":               {map[string]string{"room": "1"}, nil, false},
		"empty is not missing":      {map[string]string{"room": ""}, labels.Set{"os": "linux"}, false},
		"empty, and there":          {map[string]string{"room": ""}, labels.Set{"room": ""}, true},
		"all of them must be there": {map[string]string{"room": "1", "os": "linux"}, labels.Set{"room": "1"}, false},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			if got := compiled(t, "p", v1alpha1.AlertPolicySpec{NodeSelector: tc.want}).OnNode(tc.node); got != tc.sounds {
				t.Errorf("sounds: %t, want %t", got, tc.sounds)
			}
		})
	}
}

// TestTone holds what is heard for each severity, and that what comes out of the API's cache is copied.
func TestTone(t *testing.T) {
	own := &v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: "sounds", Key: "siren.wav"}}
	spec := v1alpha1.AlertPolicySpec{
		Tones:        v1alpha1.SeverityTones{Critical: own, Info: &v1alpha1.Tone{Pattern: v1alpha1.TonePatternHigh}},
		RecoveryTone: &v1alpha1.Tone{File: "well.ogg"},
	}
	p := compiled(t, "p", spec)
	want := *own.DeepCopy()
	own.ConfigMapKeyRef.Name = "changed"
	for severity, tone := range map[v1alpha1.Severity]v1alpha1.Tone{
		"info": {Pattern: "high"}, "warning": {Pattern: "low"}, "error": {Pattern: "medium"}, "critical": want,
		"": {Pattern: "medium"}, "loud": {Pattern: "medium"},
	} {
		if diff := cmp.Diff(tone, p.Tone(severity)); diff != "" {
			t.Errorf("severity %q (-want +got):\n%s", severity, diff)
		}
	}
	named := map[string]v1alpha1.Tone{}
	for _, n := range p.Tones() {
		named[n.Path.String()] = n.Tone
	}
	if diff := cmp.Diff(map[string]v1alpha1.Tone{
		"spec.tones.info": {Pattern: "high"}, "spec.tones.critical": want, "spec.recoveryTone": {File: "well.ogg"},
	}, named); diff != "" {
		t.Errorf("tones that are set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&v1alpha1.Tone{File: "well.ogg"}, p.Recovery); diff != "" {
		t.Errorf("recovery tone (-want +got):\n%s", diff)
	}
}

// TestChoose holds which of several policies applies, in whatever order they come.
func TestChoose(t *testing.T) {
	loud := compiled(t, "loud", v1alpha1.AlertPolicySpec{Priority: 10, MinSeverity: "critical"})
	b := compiled(t, "b", v1alpha1.AlertPolicySpec{})
	a := compiled(t, "a", v1alpha1.AlertPolicySpec{})
	last := compiled(t, "0-last", v1alpha1.AlertPolicySpec{Priority: -1, MinSeverity: "info"})
	cases := map[string]struct {
		severity v1alpha1.Severity
		want     *alerts.Policy
	}{
		"the highest priority":               {"critical", loud},
		"of those that select it":            {"error", a},
		"a low priority is better than none": {"warning", last},
		"none selects it":                    {"", nil},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			for _, order := range [][]*alerts.Policy{{loud, a, b, last}, {last, b, a, loud}, {b, loud, last, a}} {
				if got := alerts.Choose(order, alerts.Subject{Severity: tc.severity}); got != tc.want {
					t.Errorf("chosen: %+v, want %+v", got, tc.want)
				}
			}
		})
	}
	if got := alerts.Choose(nil, alerts.Subject{Severity: "critical"}); got != nil {
		t.Errorf("of none, %s is chosen", got.Name)
	}
}

// TestDefault holds what is heard where nobody wrote a policy.
func TestDefault(t *testing.T) {
	p := alerts.Default()
	if p.Name != "default" || p.RepeatInterval != 0 || p.Recovery != nil || len(p.Tones()) > 0 || !p.OnNode(nil) {
		t.Errorf("the default policy is %+v", p)
	}
	if p.GroupWait != time.Second || p.GroupInterval != 10*time.Second || p.Volume != 80 {
		t.Errorf("the default policy is %+v", p)
	}
	selected := map[v1alpha1.Severity]v1alpha1.TonePattern{}
	for _, s := range []v1alpha1.Severity{"", "info", "warning", "error", "critical"} {
		if p.Selects(alerts.Subject{Severity: s}) {
			selected[s] = p.Tone(s).Pattern
		}
	}
	if diff := cmp.Diff(map[v1alpha1.Severity]v1alpha1.TonePattern{"error": "medium", "critical": "high"}, selected); diff != "" {
		t.Errorf("what sounds (-want +got):\n%s", diff)
	}
}

func TestRank(t *testing.T) {
	for want, s := range []v1alpha1.Severity{"", "info", "warning", "error", "critical"} {
		if got := alerts.Rank(s); got != want {
			t.Errorf("the rank of %q is %d, want %d", s, got, want)
		}
	}
	if got := alerts.Rank("Error"); got != 0 {
		t.Errorf("the rank of an unknown severity is %d", got)
	}
}
