package account

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

func TestCreateTokenRefuses(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	account := r.user(t, ann).Account
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, tt := range map[string]struct {
		name    string
		expires time.Time
		field   string
	}{
		"no name":          {"", in(time.Hour), "body.name"},
		"spaces":           {"   ", in(time.Hour), "body.name"},
		"65 characters":    {strings.Repeat("ä", 65), in(time.Hour), "body.name"},
		"64 characters":    {strings.Repeat("ä", 64), in(time.Hour), ""},
		"newline":          {"a\nb", in(time.Hour), "body.name"},
		"not UTF-8":        {"a\xff", in(time.Hour), "body.name"},
		"past":             {"ci", in(-time.Second), "body.expires_at"},
		"more than a year": {"ci", in(MaxTokenTTL + time.Minute), "body.expires_at"},
		"a year":           {"ci", in(MaxTokenTTL - time.Minute), ""},
	} {
		_, err := r.CreateToken(t.Context(), account, tt.name, tt.expires)
		var invalid *InvalidError
		if tt.field == "" && err != nil || tt.field != "" && (!errors.As(err, &invalid) || invalid.Field != tt.field) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	token, err := r.CreateToken(t.Context(), account, "ci", time.Time{})
	if err != nil || token.ExpiresAt.Sub(token.CreatedAt) != DefaultTokenTTL || token.Session || !token.LoginAt.IsZero() {
		t.Errorf("without an expiry: got %+v, %v", token.Token, err)
	}
	if _, err := r.CreateToken(t.Context(), "nobody", "ci", time.Time{}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("no account: got %v", err)
	}
	for range MaxTokens - 3 {
		if _, err := r.CreateToken(t.Context(), account, "ci", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	var many *TooManyError
	if _, err := r.CreateToken(t.Context(), account, "ci", time.Time{}); !errors.As(err, &many) || many.What != WhatTokens {
		t.Errorf("one too many: got %v", err)
	}
}

func TestTokensAreTheAccounts(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	anns, bobs := r.user(t, ann), r.user(t, "bob@example.com")
	api, err := r.CreateToken(t.Context(), bobs.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := r.Tokens(t.Context(), bobs.Account)
	if err != nil || len(tokens) != 2 || tokens[0].ID != api.ID || tokens[1].ID != bobs.ID {
		t.Errorf("got %v, %v, want the API token, then the session", tokens, err)
	}
	if _, err := r.Tokens(t.Context(), "nobody"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("no account: got %v", err)
	}
	for name, id := range map[string]string{
		"another's": api.ID, "unknown": newTokenID(), "empty": "", "a path": "../../x", "upper case": strings.ToUpper(api.ID),
	} {
		if err := r.DeleteToken(t.Context(), anns.Account, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete, %s: got %v", name, err)
		}
		if _, err := r.RotateToken(t.Context(), anns.Account, id, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("rotate, %s: got %v", name, err)
		}
	}
	var invalid *InvalidError
	if _, err := r.RotateToken(t.Context(), bobs.Account, bobs.ID, 0); !errors.As(err, &invalid) || invalid.Field != "path.id" {
		t.Errorf("rotate a session: got %v", err)
	}
	for _, grace := range []time.Duration{-1, MaxGrace + 1} {
		if _, err := r.RotateToken(t.Context(), bobs.Account, api.ID, grace); !errors.As(err, &invalid) || invalid.Field != "body.grace_seconds" {
			t.Errorf("a grace of %v: got %v", grace, err)
		}
	}
	if !r.good(t, api.Secret) {
		t.Error("the token ended")
	}
}

// life is a token as it should be.
type life struct {
	id      string
	secret  string
	old     string
	oldEnds time.Time
	expires time.Time
	deleted bool
}

// Whatever is done to tokens, exactly those secrets are good that should be.
func TestTokenLife(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now().Truncate(time.Millisecond))
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	// A step costs an API call or two.
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set("15"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(before) })

	users := 0
	rapid.Check(t, func(rt *rapid.T) {
		users++
		account := r.user(t, fmt.Sprintf("user%d@example.com", users)).Account
		var lives []*life
		ended := map[string]bool{} // secrets that must never be good again
		pick := func(rt *rapid.T) *life {
			if len(lives) == 0 {
				rt.Skip("there is no token")
			}
			return rapid.SampledFrom(lives).Draw(rt, "token")
		}
		alive := func(l *life) bool { return !l.deleted && clock.Now().Before(l.expires) }
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				expires := clock.Now().UTC().Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 48 * time.Hour}).Draw(rt, "expires"))
				issued, err := r.CreateToken(t.Context(), account, "ci", expires)
				if err != nil {
					rt.Fatalf("create: %v", err)
				}
				lives = append(lives, &life{id: issued.ID, secret: issued.Secret, expires: expires})
			},
			"rotate": func(rt *rapid.T) {
				l := pick(rt)
				grace := rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(rt, "grace")
				issued, err := r.RotateToken(t.Context(), account, l.id, grace)
				if !alive(l) {
					if !errors.Is(err, ErrNotFound) {
						rt.Fatalf("rotate what has ended: %v", err)
					}
					return
				}
				if err != nil {
					rt.Fatalf("rotate: %v", err)
				}
				if l.old != "" {
					ended[l.old] = true
				}
				l.old, l.oldEnds, l.secret = l.secret, clock.Now().Add(grace), issued.Secret
			},
			"delete": func(rt *rapid.T) {
				l := pick(rt)
				err := r.DeleteToken(t.Context(), account, l.id)
				if l.deleted && !errors.Is(err, ErrNotFound) || alive(l) && err != nil {
					rt.Fatalf("delete: %v", err)
				}
				l.deleted = true
			},
			"wait": func(rt *rapid.T) {
				clock.Step(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(rt, "time"))
			},
			"sweep": func(*rapid.T) { r.sweep(t.Context()) },
			"": func(rt *rapid.T) {
				for _, l := range lives {
					if got, want := r.good(t, l.secret), alive(l); got != want {
						rt.Fatalf("the secret of %s is good: %v, want %v", l.id, got, want)
					}
					if l.old == "" {
						continue
					}
					if got, want := r.good(t, l.old), alive(l) && clock.Now().Before(l.oldEnds); got != want {
						rt.Fatalf("the secret of %s before its rotation is good: %v, want %v", l.id, got, want)
					}
				}
				for secret := range ended {
					if r.good(t, secret) {
						rt.Fatal("a secret before the last two is good")
					}
				}
			},
		})
	})
}
