package password

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick is cheap enough for tests.
var quick = Params{Memory: 64, Time: 1, Threads: 1}

func newHasher(t testing.TB, p Params, parallel, queue int) *Hasher {
	t.Helper()
	h, err := NewHasher(p, parallel, queue)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	h := newHasher(t, Default, 2, 2)
	const pw = "correct horse battery staple"
	phc, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s", phc)
	}
	again, err := h.Hash(t.Context(), pw)
	if err != nil || again == phc {
		t.Errorf("two hashes of one password are the same, or: %v", err)
	}
	for name, tt := range map[string]struct {
		password string
		ok       bool
	}{
		"the same":      {pw, true},
		"another":       {"correct horse battery stapler", false},
		"another case":  {"Correct horse battery staple", false},
		"other spaces":  {"correct\u00a0horse battery\u3000staple", true}, // RFC 8265, section 4.2.2: spaces are mapped to one
		"empty":         {"", false},
		"far too long":  {strings.Repeat(pw, 1000), false},
		"not printable": {pw + "\x00", false},
	} {
		ok, stale, err := h.Verify(t.Context(), tt.password, phc)
		if err != nil || ok != tt.ok || stale {
			t.Errorf("%s: got %v, stale %v, %v", name, ok, stale, err)
		}
	}
}

func TestLongPasswordsAreNotCut(t *testing.T) {
	h := newHasher(t, quick, 1, 0)
	longest := strings.Repeat("x", MaxBytes)
	phc, err := h.Hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.Verify(t.Context(), longest+"x", phc); ok || err != nil {
		t.Errorf("a longer password is taken for its beginning (%v)", err)
	}
}

func TestStale(t *testing.T) {
	old := newHasher(t, Params{Memory: 32, Time: 1, Threads: 1}, 1, 0)
	phc, err := old.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		params Params
		stale  bool
	}{
		"the same":    {Params{32, 1, 1}, false},
		"more memory": {Params{64, 1, 1}, true},
		"more passes": {Params{32, 2, 1}, true},
		"less memory": {Params{16, 1, 1}, false},
		"more lanes":  {Params{32, 1, 4}, false},
	} {
		ok, stale, err := newHasher(t, tt.params, 1, 0).Verify(t.Context(), "x", phc)
		if err != nil || !ok || stale != tt.stale {
			t.Errorf("%s: got %v, stale %v, %v", name, ok, stale, err)
		}
	}
}

func TestNewHasherRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		params          Params
		parallel, queue int
	}{
		"no memory":       {Params{0, 1, 1}, 1, 0},
		"memory of lanes": {Params{31, 1, 4}, 1, 0},
		"much memory":     {Params{MaxMemory + 1, 1, 1}, 1, 0},
		"no passes":       {Params{64, 0, 1}, 1, 0},
		"no lanes":        {Params{64, 1, 0}, 1, 0},
		"no slots":        {quick, 0, 0},
		"negative queue":  {quick, 1, -1},
	} {
		if _, err := NewHasher(tt.params, tt.parallel, tt.queue); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBusy(t *testing.T) {
	h := newHasher(t, quick, 1, 1)
	leave, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Waste(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("the one who waits got %v", err)
		}
	})
	for h.present.Load() < 2 {
		runtime.Gosched()
	}
	if h.Waiting() != 1 {
		t.Errorf("%d wait, want 1", h.Waiting())
	}
	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	cancel()
	wg.Wait()
	leave()
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if h.Waiting() != 0 || h.present.Load() != 0 {
		t.Errorf("%d wait, %d are there, want none", h.Waiting(), h.present.Load())
	}
}

func BenchmarkVerify(b *testing.B) {
	h := newHasher(b, Default, 1, 1)
	phc, err := h.Hash(b.Context(), "correct horse battery staple")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = h.Verify(b.Context(), "something else", phc)
		}
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = h.Waste(b.Context(), "something else")
		}
	})
}

func BenchmarkAcceptable(b *testing.B) {
	_ = Acceptable("")
	b.ReportAllocs()
	for b.Loop() {
		_ = Acceptable("correct horse battery staple", "ann@example.com", "Checky")
	}
}
