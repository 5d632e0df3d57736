package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// longRules are rules of a request's own, of so many bytes together.
func longRules(bytes int) []v1alpha1.Rule {
	const each = 2 << 10
	list := make([]v1alpha1.Rule, bytes/each)
	for i := range list {
		name := fmt.Sprintf("r%02d", i)
		expression := "input == 1 || input == " + strings.Repeat("1", 9)
		message := strings.Repeat("m", 900)
		list[i] = v1alpha1.Rule{Name: name, CEL: &v1alpha1.CELRule{Expression: expression}, Message: message}
		when := "input == 1" + strings.Repeat(" ", each-len(name)-len(expression)-len(message)-len("input == 1"))
		list[i].When = when
	}
	return list
}

// To compile what a request brings is work that its sender chooses: there is a bound on the one, and a gate for all.
func TestRulesOfRequestsAreBounded(t *testing.T) {
	s := offline(t)
	run := func(ctx context.Context, bytes int) map[string]error {
		r := Request{Input: []byte(`1`), Rules: longRules(bytes)}
		_, submitted := s.checkOf(ctx, "ada", "name", &r)
		_, tried := s.validate(ctx, &r)
		return map[string]error{"submit": submitted, "dry run": tried}
	}
	for way, err := range run(t.Context(), maxRulesBytes) {
		if err != nil {
			t.Errorf("%s, as long as they may be: %v", way, err)
		}
	}
	for way, err := range run(t.Context(), maxRulesBytes+2<<10) {
		if refused := (*InvalidError)(nil); !errors.As(err, &refused) || refused.Field != "body.rules" {
			t.Errorf("%s, too long: %v", way, err)
		}
	}
	// The gate is full.
	var leave []func()
	for {
		ctx, cancel := context.WithCancel(t.Context())
		out, err := s.compiles.Enter(ctx)
		cancel()
		if errors.Is(err, throttle.ErrOverloaded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, out)
	}
	for way, err := range run(t.Context(), 2*quickRulesBytes) {
		if !errors.Is(err, throttle.ErrOverloaded) {
			t.Errorf("%s, long rules while others compile: %v", way, err)
		}
	}
	for way, err := range run(t.Context(), quickRulesBytes) {
		if err != nil {
			t.Errorf("%s, short rules while others compile: %v", way, err)
		}
	}
	for _, out := range leave {
		out()
	}
	for way, err := range run(t.Context(), 2*quickRulesBytes) {
		if err != nil {
			t.Errorf("%s, long rules again: %v", way, err)
		}
	}
}
