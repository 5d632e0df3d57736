package check

import (
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestMasked takes out of messages what is the caller's, and leaves the rest.
func TestMasked(t *testing.T) {
	rule := &v1alpha1.Rule{
		Name: "secret-rule", Message: "hunter2hunter2\n", When: "inptu.amount > 1",
		Module: &v1alpha1.ModuleRule{Name: "rnage"},
	}
	for message, want := range map[string]string{
		`module.name: there is no module "rnage"; there are compare, const`: `module.name: there is no module "…"; there are compare, const`,
		`when: 1:1: undeclared reference to 'inptu' (in container '')`:      `when: 1:1: undeclared reference to '…' (in container '')`,
		`message: "hunter2hunter2\n" has a line break`:                      `message: "…" has a line break`,
		`message: "hunter2hunt…" is too long`:                               `message: "…" is too long`,
		"when: in `if inptu.amount > 1 then`":                               "when: in `…`",
		`when: inptu.amount > 1 gives no bool`:                              `when: … gives no bool`,
		`severity: expected "info", "warning", "error" or "critical"`:       `severity: expected "info", "warning", "error" or "critical"`,
	} {
		if got := masked(message, rule); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
