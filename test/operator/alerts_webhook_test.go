package operator_test

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers"
)

// TestAdmittedEarlier has a policy from before the webhooks: it can be labelled and deleted as it is, and changed for the better alone.
func TestAdmittedEarlier(t *testing.T) {
	c := newCluster(t)
	c.apply(policyYAML("earlier", `{quietHours: [{start: "22:00", end: "06:00", timeZone: Europe/Berln}]}`))
	c.alertsOperatorWithWebhooks()
	p := policy("earlier")
	edit(c, p, func() { p.Labels = map[string]string{"team": "sales"} })
	p.Spec.Volume = 30
	if err := c.Update(t.Context(), p); err == nil || !strings.Contains(err.Error(), "spec.quietHours[0].timeZone") {
		t.Errorf("a change that leaves it invalid: %v", err)
	}
	edit(c, p, func() { p.Spec.QuietHours[0].TimeZone = "Europe/Berlin" })
	c.readiness("earlier", v1alpha1.ReasonValid)
}

// TestSilenceInThePast is taken, with a warning: to set the end to now is how a Silence is ended.
func TestSilenceInThePast(t *testing.T) {
	c := newCluster(t)
	c.alertsOperatorWithWebhooks()
	heard := &warnings{}
	config := rest.CopyConfig(c.admin)
	config.WarningHandlerWithContext = heard
	careful, err := client.New(config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		reason string
		ends   time.Duration // from now
		want   int
	}{{"it is to come", time.Hour, 0}, {"it is over", -time.Minute, 1}} {
		s := c.silence("over")
		s.Spec.EndsAt = metav1.NewTime(time.Now().Add(step.ends))
		if err := careful.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if len(heard.texts) != step.want {
			t.Errorf("%s: warnings %q", step.reason, heard.texts)
		}
		if err := c.Delete(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if len(heard.texts) > 0 && !strings.HasPrefix(heard.texts[0], "spec.endsAt: ") {
		t.Errorf("the warning names no field: %s", heard.texts[0])
	}
}

// warnings are those of the API server.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.texts = append(w.texts, text)
}

// alertsOperatorWithWebhooks returns once the API server calls them.
func (c *cluster) alertsOperatorWithWebhooks() {
	c.t.Helper()
	dir, port := c.t.TempDir(), freePort(c.t)
	authority := c.webhookCertificate(dir)
	c.alertsOperator(func(o *controllers.Options) { o.Webhooks, o.WebhookCertDir, o.WebhookPort = true, dir, port })
	c.registerWebhooks(authority, port)
	c.awaitWebhook()
}
