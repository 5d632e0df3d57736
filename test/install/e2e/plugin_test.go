package e2e_test

import (
	"strings"
	"testing"
)

// TestPlugin has kubectl find its plugin on PATH, and does each of its commands against an installation.
func TestPlugin(t *testing.T) {
	c := newCluster(t)
	c.kubectl("apply", "-k", "config/dev")
	c.settled(inTurn...)
	c.kubectl("apply", "-f", "config/samples/01-orders.yaml")
	for _, step := range []struct{ command, want string }{
		{`echo '{"amount": 99999}' | kubectl checky run -f - --rule-set orders --name big || echo "exit code $?"`, "exit code 1"},
		{`kubectl checky explain big`, "orders/amount-range (error) failed at /amount"},
		{`kubectl checky results --phase Failure -o name`, "check.checky.dev/big"},
		{`kubectl checky silence big --for 1h --comment maintenance`, "created: Check big of namespace default silent until"},
		{`kubectl checky silence --list`, "maintenance"},
		{`kubectl checky ack big --by ada`, "acknowledged by ada"},
		{`kubectl checky explain big`, "Acknowledged  ada"},
	} {
		if out := c.script(t.TempDir(), step.command); !strings.Contains(out, step.want) {
			t.Errorf("%s printed no %s:\n%s", step.command, step.want, out)
		}
	}
	did(t, "kubectl checky run, explain, results, silence, ack, with the plugin found on PATH")
}
