package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// fakeTokens knows one token, and what it was asked.
type fakeTokens struct {
	token account.Token
	err   error
	asked []string
}

const knownToken = "cky_known_secret"

func (f *fakeTokens) Authenticate(bearer string) (account.Token, error) {
	f.asked = append(f.asked, bearer)
	if f.err == nil && bearer != knownToken {
		return account.Token{}, account.ErrUnauthenticated
	}
	return f.token, f.err
}

func TestAuthenticate(t *testing.T) {
	login := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	token := account.Token{ID: "id", Account: "owner", Session: true, LoginAt: login, RatePerMinute: 7}
	caller := &Caller{Owner: "owner", TokenID: "id", Account: "owner", Session: true, LoginAt: login, RatePerMinute: 7}
	away := errors.New("away")
	cases := map[string]struct {
		reason  string
		headers []string
		tokens  error
		want    *Caller
		err     error
		asked   []string
		count   string
	}{
		"Known":          {"a token of ours is its account", []string{"Bearer " + knownToken}, nil, caller, nil, []string{knownToken}, ""},
		"SchemeInAnyWay": {"RFC 9110: schemes are compared without case", []string{"bEARER   " + knownToken + " "}, nil, caller, nil, []string{knownToken}, ""},
		"Unknown":        {"what the account service does not know", []string{"Bearer cky_other"}, nil, nil, ErrUnauthenticated, []string{"cky_other"}, "invalid_token"},
		"NotReady":       {"it is not known yet which tokens there are: no 401", []string{"Bearer " + knownToken}, account.ErrNotReady, nil, account.ErrNotReady, []string{knownToken}, "unavailable"},
		"OtherError":     {"other errors pass through", []string{"Bearer " + knownToken}, away, nil, away, []string{knownToken}, "unavailable"},
		"NotAsked":       {"nothing is away where nobody may be asked", []string{"Bearer " + knownToken}, ErrNotAsked, nil, ErrNotAsked, []string{knownToken}, "not_asked"},
		"NoHeader":       {"nobody is named", nil, nil, nil, ErrNoToken, nil, "no_token"},
		"EmptyHeader":    {"a header without a value", []string{""}, nil, nil, ErrNoToken, nil, "no_token"},
		"Basic":          {"another scheme names nobody that we know of", []string{"Basic Y2t5XzpB"}, nil, nil, ErrNoToken, nil, "no_token"},
		"SchemeAlone":    {"no token", []string{"Bearer"}, nil, nil, ErrNoToken, nil, "no_token"},
		"SchemeAndSpace": {"no token", []string{"Bearer   "}, nil, nil, ErrNoToken, nil, "no_token"},
		"Twice":          {"it would be open which counts", []string{"Bearer " + knownToken, "Bearer " + knownToken}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"TwoInOne":       {"a list is no token", []string{"Bearer " + knownToken + ", Bearer x"}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"Longest":        {"the longest header", []string{"Bearer cky_" + strings.Repeat("x", MaxHeaderBytes-11)}, nil, nil, ErrUnauthenticated, []string{"cky_" + strings.Repeat("x", MaxHeaderBytes-11)}, "invalid_token"},
		"TooLong":        {"a byte more is not looked at", []string{"Bearer cky_" + strings.Repeat("x", MaxHeaderBytes-10)}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"BadCharacter":   {"no b64token", []string{"Bearer cky_\x00"}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"EqualsOnly":     {"no b64token", []string{"Bearer ==="}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"EqualsInside":   {"no b64token", []string{"Bearer cky_a=b"}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"Tab":            {"RFC 6750 wants spaces", []string{"Bearer\tcky_x"}, nil, nil, ErrNoToken, nil, "no_token"},
		"JWT":            {"without Kubernetes nobody knows it", []string{"Bearer a.b.c"}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
		"OtherCase":      {"our prefix is lower case", []string{"Bearer CKY_known_secret"}, nil, nil, ErrUnauthenticated, nil, "invalid_token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tokens := &fakeTokens{token: token, err: c.tokens}
			registry := prometheus.NewRegistry()
			a, err := New(Options{Tokens: tokens, Registerer: registry})
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Authenticate(t.Context(), c.headers...)
			if !errors.Is(err, c.err) {
				t.Errorf("%s: error %v, want %v", c.reason, err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.asked, tokens.asked); diff != "" {
				t.Errorf("%s: asked (-want +got):\n%s", c.reason, diff)
			}
			for reason, n := range failureCounts(t, registry) {
				if want := map[bool]float64{true: 1}[reason == c.count]; n != want {
					t.Errorf("%s: %v failures counted as %s, want %v", c.reason, n, reason, want)
				}
			}
		})
	}
}

// failureCounts are the failures by reason.
func failureCounts(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "checky_apiserver_auth_failures_total" {
			for _, m := range f.GetMetric() {
				counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func TestCanceledIsNoFailure(t *testing.T) {
	registry := prometheus.NewRegistry()
	a, err := New(Options{Tokens: &fakeTokens{err: context.Canceled}, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(t.Context(), "Bearer "+knownToken); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for reason, n := range failureCounts(t, registry) {
		if n != 0 {
			t.Errorf("counted as %s", reason)
		}
	}
}

func TestChallenge(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"NoToken":   {ErrNoToken, `Bearer realm="checky"`},
		"Invalid":   {ErrUnauthenticated, `Bearer realm="checky", error="invalid_token"`},
		"Forbidden": {ErrNoServiceAccount, `Bearer realm="checky", error="insufficient_scope"`},
		"Shed":      {throttle.ErrOverloaded, ""},
		"Nothing":   {nil, ""},
	} {
		if got := Challenge(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestContext(t *testing.T) {
	c := &Caller{Owner: "owner"}
	if got := From(With(t.Context(), c)); got != c {
		t.Errorf("caller %+v", got)
	}
	if got := From(t.Context()); got != nil {
		t.Errorf("caller of nobody: %+v", got)
	}
}

// TestOwner pins owners: they are labels of stored objects.
func TestOwner(t *testing.T) {
	for serviceAccount, want := range map[[2]string]string{
		{"shop", "checkout"}: "sa-3qy2x9bf4fxywcr59ye73b5ywk",
	} {
		if got := ownerOf(serviceAccount[0], serviceAccount[1]); got != want {
			t.Errorf("%v: %s, want %s", serviceAccount, got, want)
		}
	}
	if ownerOf("a-b", "c") == ownerOf("a", "b-c") {
		t.Error("two ServiceAccounts have one owner")
	}
}

// FuzzAuthorization holds that a header makes no panic, and that what gets through is one b64token of a Bearer scheme.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer cky_a_b", "bearer  x.y.z", "Basic Zm9v", "Bearer a b", "Bearer =", "Bearer a==", "Bearer\ta", "Bearer é",
		"Bearer ..", "Bearer a.b.c.d", "Bearer a..c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := bearer([]string{header})
		if err != nil {
			if token != "" || !errors.Is(err, ErrNoToken) && !errors.Is(err, ErrUnauthenticated) {
				t.Errorf("token %q, error %v", token, err)
			}
			return
		}
		if token == "" || strings.ContainsAny(token, " \t\r\n,\"") || !strings.HasSuffix(strings.TrimRight(header, " "), token) {
			t.Errorf("token %q of %q", token, header)
		}
		if scheme, _, _ := strings.Cut(header, " "); !strings.EqualFold(scheme, "bearer") {
			t.Errorf("scheme %q", scheme)
		}
		if looksLikeJWT(token) {
			for _, part := range strings.Split(token, ".") {
				if _, err := base64.RawURLEncoding.DecodeString(part); err != nil && len(part)%4 != 1 {
					// A length that no encoding has, or bits after the end, are for the API server to refuse.
					t.Errorf("part %q: %v", part, err)
				}
			}
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	a, err := New(Options{Tokens: benchTokens{}})
	if err != nil {
		b.Fatal(err)
	}
	header := "Bearer cky_" + strings.Repeat("x", 80)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), header); err != nil {
			b.Fatal(err)
		}
	}
}

type benchTokens struct{}

func (benchTokens) Authenticate(string) (account.Token, error) { return account.Token{ID: "id"}, nil }
