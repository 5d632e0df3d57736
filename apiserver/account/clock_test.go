package account

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// TestClockIsSet sets the clock of one of two replicas, as a time server does that finds it wrong: back by an hour, and forward by a day. What
// a replica made before, meanwhile and after is good at both until its own time is over, and what is revoked ends.
func TestClockIsSet(t *testing.T) {
	namespace := newNamespace(t)
	clk := clocktesting.NewFakeClock(time.Now())
	a := newReplica(t, namespace)
	b := newReplica(t, namespace, func(o *Options) { o.Clock = clk })
	session := a.user(t, ann)
	endless, err := a.CreateToken(t.Context(), session.Account, "endless", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{endless.Secret}
	for _, step := range []struct {
		reason string
		to     time.Duration // of the true time
	}{{"back", -time.Hour}, {"and forward", 24 * time.Hour}, {"and right again", 0}} {
		clk.SetTime(time.Now().Add(step.to))
		made, err := b.CreateToken(t.Context(), session.Account, "made "+step.reason, time.Time{})
		if err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
		secrets = append(secrets, made.Secret)
		for i, secret := range secrets {
			if !a.good(t, secret) || !b.good(t, secret) {
				t.Errorf("%s: token %d is refused", step.reason, i)
			}
		}
		gone, err := b.CreateToken(t.Context(), session.Account, "gone "+step.reason, time.Time{})
		if err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
		if err := b.DeleteToken(t.Context(), session.Account, gone.ID); err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
		eventually(t, "a deleted token ends everywhere, "+step.reason, func() bool { return !a.good(t, gone.Secret) && !b.good(t, gone.Secret) })
	}
}
