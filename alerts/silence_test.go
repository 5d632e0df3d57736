package alerts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func moment(t testing.TB, s string) metav1.Time {
	t.Helper()
	return metav1.NewTime(instant(t, s))
}

func TestMutes(t *testing.T) {
	starts, ends := moment(t, "2026-05-31T10:00:00Z"), moment(t, "2026-05-31T12:00:00Z")
	during := instant(t, "2026-05-31T11:00:00Z")
	failing := alerts.Subject{Namespace: "shop", Name: "order-1", Labels: labels.Set{"team": "orders"}, Severity: "error"}
	unknown := failing
	unknown.Severity = "loud"
	elsewhere := failing
	elsewhere.Namespace = "stock"
	cases := map[string]struct {
		spec    v1alpha1.SilenceSpec
		subject alerts.Subject
		at      time.Time
		want    bool
	}{
		"all of its namespace":             {v1alpha1.SilenceSpec{}, failing, during, true},
		"none of another":                  {v1alpha1.SilenceSpec{}, elsewhere, during, false},
		"by name":                          {v1alpha1.SilenceSpec{Checks: []string{"order-0", "order-1"}}, failing, during, true},
		"by another name":                  {v1alpha1.SilenceSpec{Checks: []string{"order-10"}}, failing, during, false},
		"by label":                         {v1alpha1.SilenceSpec{Selector: label("team", "orders")}, failing, during, true},
		"by another label":                 {v1alpha1.SilenceSpec{Selector: label("team", "stock")}, failing, during, false},
		"an empty selector is all":         {v1alpha1.SilenceSpec{Selector: &metav1.LabelSelector{}}, failing, during, true},
		"its severity":                     {v1alpha1.SilenceSpec{Severities: []v1alpha1.Severity{"warning", "error"}}, failing, during, true},
		"another severity":                 {v1alpha1.SilenceSpec{Severities: []v1alpha1.Severity{"warning"}}, failing, during, false},
		"an unknown severity is of all":    {v1alpha1.SilenceSpec{}, unknown, during, true},
		"an unknown severity is no other":  {v1alpha1.SilenceSpec{Severities: []v1alpha1.Severity{"error"}}, unknown, during, false},
		"before it starts":                 {v1alpha1.SilenceSpec{StartsAt: &starts}, failing, starts.Add(-1), false},
		"from when it starts":              {v1alpha1.SilenceSpec{StartsAt: &starts}, failing, starts.Time, true},
		"without a start, since ever":      {v1alpha1.SilenceSpec{}, failing, time.Time{}, true},
		"until before its end":             {v1alpha1.SilenceSpec{}, failing, ends.Add(-1), true},
		"not at its end":                   {v1alpha1.SilenceSpec{}, failing, ends.Time, false},
		"name, label of another namespace": {v1alpha1.SilenceSpec{Checks: []string{"order-1"}}, elsewhere, during, false},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			tc.spec.EndsAt = ends
			s, problems := alerts.CompileSilence(&v1alpha1.Silence{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "works"}, Spec: tc.spec,
			})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := s.Mutes(tc.subject, tc.at); got != tc.want {
				t.Errorf("mutes: %t, want %t", got, tc.want)
			}
		})
	}
}

func TestSilenceState(t *testing.T) {
	starts, ends := moment(t, "2026-05-31T10:00:00Z"), moment(t, "2026-05-31T12:00:00Z")
	s, problems := alerts.CompileSilence(&v1alpha1.Silence{Spec: v1alpha1.SilenceSpec{StartsAt: &starts, EndsAt: ends}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for at, want := range map[time.Time]v1alpha1.SilenceState{
		{}: v1alpha1.SilencePending, starts.Add(-1): v1alpha1.SilencePending, starts.Time: v1alpha1.SilenceActive,
		ends.Add(-1): v1alpha1.SilenceActive, ends.Time: v1alpha1.SilenceExpired,
	} {
		if got := s.State(at); got != want {
			t.Errorf("at %s it is %s, want %s", at, got, want)
		}
	}
}

func TestCompileSilenceRefuses(t *testing.T) {
	ends := moment(t, "2026-05-31T12:00:00Z")
	cases := map[string]struct {
		spec v1alpha1.SilenceSpec
		want []string
	}{
		"no end":              {v1alpha1.SilenceSpec{}, []string{"spec.endsAt: Required value"}},
		"an end at the start": {v1alpha1.SilenceSpec{StartsAt: &ends, EndsAt: ends}, []string{"spec.endsAt: Invalid value"}},
		"names and labels":    {v1alpha1.SilenceSpec{Checks: []string{"a"}, Selector: &metav1.LabelSelector{}, EndsAt: ends}, []string{"spec: Invalid value"}},
		"a list of no names":  {v1alpha1.SilenceSpec{Checks: []string{}, EndsAt: ends}, []string{"spec.checks: Required value"}},
		"too many names":      {v1alpha1.SilenceSpec{Checks: make([]string, 101), EndsAt: ends}, []string{"spec.checks: Too many"}},
		"a name twice":        {v1alpha1.SilenceSpec{Checks: []string{"a", "a"}, EndsAt: ends}, []string{"spec.checks[1]: Duplicate value"}},
		"not a name":          {v1alpha1.SilenceSpec{Checks: []string{"A"}, EndsAt: ends}, []string{"spec.checks[0]: Invalid value"}},
		"a bad selector":      {v1alpha1.SilenceSpec{Selector: expression("a", "Is"), EndsAt: ends}, []string{"spec.selector.matchExpressions[0].operator: Invalid value"}},
		"unknown severity":    {v1alpha1.SilenceSpec{Severities: []v1alpha1.Severity{"loud"}, EndsAt: ends}, []string{"spec.severities[0]: Unsupported value"}},
		"long words":          {v1alpha1.SilenceSpec{CreatedBy: strings.Repeat("ü", 257), Comment: strings.Repeat("ü", 1025), EndsAt: ends}, []string{"spec.comment: Too long", "spec.createdBy: Too long"}},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			s, problems := alerts.CompileSilence(&v1alpha1.Silence{Spec: tc.spec})
			if diff := cmp.Diff(tc.want, told(problems)); diff != "" || s != nil {
				t.Errorf("silence %v, problems (-want +got):\n%s\n%v", s, diff, problems)
			}
		})
	}
	longest := v1alpha1.SilenceSpec{CreatedBy: strings.Repeat("ü", 256), Comment: strings.Repeat("ü", 1024), EndsAt: ends}
	if _, problems := alerts.CompileSilence(&v1alpha1.Silence{Spec: longest}); len(problems) > 0 {
		t.Error(problems)
	}
}
