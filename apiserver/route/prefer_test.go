package route

import (
	"testing"
	"time"
)

func TestWaitOf(t *testing.T) {
	limits := Limits{Wait: time.Second, MaxWait: time.Minute}
	for name, c := range map[string]struct {
		reason  string
		prefer  string
		want    time.Duration
		applied string
		refused bool
	}{
		"nothing":            {"the default is nobody's preference", "", time.Second, "", false},
		"wait":               {"it is asked for", "wait=5", 5 * time.Second, "wait=5", false},
		"quoted":             {"a word is a token or a quoted string", `Wait = "5"`, 5 * time.Second, "wait=5", false},
		"parameters":         {"they are none of ours", `wait=5;foo="a,b";bar`, 5 * time.Second, "wait=5", false},
		"too long":           {"what is applied is said", "wait=3600", time.Minute, "wait=60", false},
		"past all numbers":   {"it is a long wait all the same", "wait=99999999999999999999999999", time.Minute, "wait=60", false},
		"asynchronous":       {"no wait is wanted", "respond-async", 0, "respond-async", false},
		"a while, then not":  {"wait says for how long (section 4.1)", "respond-async, wait=10", 10 * time.Second, "respond-async, wait=10", false},
		"the other way":      {"the order says nothing", "wait=10, respond-async", 10 * time.Second, "respond-async, wait=10", false},
		"twice":              {"the first counts (section 2)", "wait=1, wait=2", time.Second, "wait=1", false},
		"in somebody's word": {"it is no preference of its own", `foo="a, wait=7; \", wait=8"`, time.Second, "", false},
		"open quote":         {"it ends with the header", `foo="a, wait=7`, time.Second, "", false},
		"others":             {"they are ignored", "return=minimal, handling=strict", time.Second, "", false},
		"negative":           {"no time", "wait=-1", 0, "", true},
		"fraction":           {"delta-seconds are whole", "wait=2.5", 0, "", true},
		"empty":              {"no number", "wait", 0, "", true},
	} {
		wait, applied, p := waitOf(c.prefer, limits)
		if wait != c.want || applied != c.applied || (p != nil) != c.refused {
			t.Errorf("%s: %s: got %s, %q, %v, want %s, %q", name, c.reason, wait, applied, p, c.want, c.applied)
		}
	}
}

func FuzzWaitOf(f *testing.F) {
	for _, seed := range []string{"", "wait=5", `a="\`, "respond-async,wait=;,", `=";=,`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefer string) {
		wait, applied, p := waitOf(prefer, Limits{Wait: time.Second, MaxWait: time.Minute})
		if wait < 0 || wait > time.Minute || p == nil && (applied == "") != (wait == time.Second) && applied != "wait=1" && applied != "respond-async, wait=1" {
			t.Errorf("%q: %s, %q, %v", prefer, wait, applied, p)
		}
	})
}
