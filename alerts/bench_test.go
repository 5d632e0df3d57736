package alerts_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// hundred policies, each of a team of its own, quiet at night and at weekends.
func hundred(b *testing.B) []*alerts.Policy {
	b.Helper()
	return many(100, func(i int) *alerts.Policy {
		return compiled(b, fmt.Sprintf("policy-%02d", i), v1alpha1.AlertPolicySpec{
			Priority:          int32(i % 10),
			Selector:          &metav1.LabelSelector{MatchLabels: map[string]string{"team": fmt.Sprint(i)}},
			NamespaceSelector: expression("stage", metav1.LabelSelectorOpIn, "live", "test"),
			QuietHours: []v1alpha1.QuietHours{
				hours("22:00-06:00", "Europe/Berlin", v1alpha1.SeverityCritical),
				hours("00:00-24:00", "Europe/Berlin", saturday, sunday, v1alpha1.SeverityCritical),
			},
		})
	})
}

var checkOfTeam99 = alerts.Subject{
	Namespace: "shop", Name: "order-1", Severity: v1alpha1.SeverityError,
	Labels: labels.Set{"team": "99", "app": "shop"}, NamespaceLabels: labels.Set{"stage": "live"},
}

func BenchmarkSelects(b *testing.B) {
	policies := hundred(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		policies[i%len(policies)].Selects(checkOfTeam99)
	}
}

func BenchmarkChoose(b *testing.B) {
	policies := hundred(b)
	b.ReportAllocs()
	for b.Loop() {
		if alerts.Choose(policies, checkOfTeam99) == nil {
			b.Fatal("none is chosen")
		}
	}
}

func BenchmarkQuiet(b *testing.B) {
	policies := hundred(b)
	worst := quietPolicy(b, many(20, func(i int) v1alpha1.QuietHours {
		// Each adjoins the next, and each in a zone of its own, so that none can be skipped or shares its zone.
		return hours(fmt.Sprintf("%02d:00-%02d:00", 19-i, 20-i), leaping[i])
	})...)
	for name, bench := range map[string]struct {
		policies []*alerts.Policy
		at       string
	}{
		"sounds":           {policies, "2026-06-10T12:00:00Z"},
		"night":            {policies, "2026-06-10T23:00:00Z"},
		"weekend":          {policies, "2026-06-12T23:00:00Z"},
		"clock is set":     {policies, "2026-03-29T00:30:00Z"},
		"20 zones and all": {[]*alerts.Policy{worst}, "2026-03-29T00:30:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, bench.at)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				bench.policies[i%len(bench.policies)].Quiet(at, v1alpha1.SeverityError)
			}
		})
	}
}

// TestAskingAllocatesNothing holds that what is asked of each failure, again and again, leaves no garbage.
func TestAskingAllocatesNothing(t *testing.T) {
	p := quietPolicy(t, hours("22:00-06:00", "Europe/Berlin"), hours("00:00-24:00", "Pacific/Apia", saturday))
	policies := []*alerts.Policy{p, alerts.Default()}
	at := instant(t, "2026-03-29T00:30:00Z")
	if n := testing.AllocsPerRun(100, func() {
		alerts.Choose(policies, checkOfTeam99)
		p.Quiet(at, v1alpha1.SeverityError)
		p.OnNode(checkOfTeam99.Labels)
		p.Tone(v1alpha1.SeverityError)
	}); n > 0 {
		t.Errorf("it allocates %v times", n)
	}
}
