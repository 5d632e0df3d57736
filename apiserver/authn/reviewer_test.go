package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	authenticationapi "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// script is an API server for what a real one does not do on demand: it answers token reviews as it is told.
type script struct {
	*Kubernetes
	reviews  atomic.Int64
	registry *prometheus.Registry
}

func newScript(t testing.TB, answer func(r *http.Request, review *authenticationapi.TokenReview) (status int)) *script {
	t.Helper()
	s := &script{registry: prometheus.NewRegistry()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reviews.Add(1)
		review := &authenticationapi.TokenReview{}
		if err := json.NewDecoder(r.Body).Decode(review); err != nil {
			t.Error(err)
		}
		review.TypeMeta = metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenReview"}
		w.Header().Set("Content-Type", "application/json")
		var body any = review
		if status := answer(r, review); status != http.StatusCreated {
			w.WriteHeader(status)
			body = metav1.Status{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(status),
				Reason: map[int]metav1.StatusReason{http.StatusForbidden: metav1.StatusReasonForbidden}[status],
			}
		}
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(server.Close)
	k, err := NewKubernetes(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}},
		KubernetesOptions{Clock: clocktesting.NewFakePassiveClock(time.Now()), Registerer: s.registry})
	if err != nil {
		t.Fatal(err)
	}
	s.Kubernetes = k
	return s
}

// accept is the answer to a valid token.
func accept(review *authenticationapi.TokenReview, username string) {
	review.Status = authenticationapi.TokenReviewStatus{
		Authenticated: true, Audiences: review.Spec.Audiences, User: authenticationapi.UserInfo{Username: username},
	}
}

const someServiceAccount = "system:serviceaccount:shop:checkout"

func TestReviewAnswers(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer func(*authenticationapi.TokenReview) int
		is     error
		other  func(error) bool
		// reviews are those for two requests: 1 if the answer is remembered.
		reviews int64
	}{
		"ServiceAccount": {
			reason:  "the usual",
			answer:  func(r *authenticationapi.TokenReview) int { accept(r, someServiceAccount); return http.StatusCreated },
			reviews: 1,
		},
		"User": {
			reason:  "people have accounts",
			answer:  func(r *authenticationapi.TokenReview) int { accept(r, "jane@example.com"); return http.StatusCreated },
			is:      ErrForbidden,
			reviews: 1,
		},
		"Node": {
			reason: "and nodes have none",
			answer: func(r *authenticationapi.TokenReview) int {
				accept(r, "system:node:worker-1")
				return http.StatusCreated
			},
			is:      ErrForbidden,
			reviews: 1,
		},
		"NoAudiences": {
			reason: "an API server that does not look at audiences says nothing of ours",
			answer: func(r *authenticationapi.TokenReview) int {
				accept(r, someServiceAccount)
				r.Status.Audiences = nil
				return http.StatusCreated
			},
			is: ErrUnauthenticated, reviews: 1,
		},
		"OtherAudiences": {
			reason: "nor does one that accepted the token for somebody else",
			answer: func(r *authenticationapi.TokenReview) int {
				accept(r, someServiceAccount)
				r.Status.Audiences = []string{"somebody-else"}
				return http.StatusCreated
			},
			is: ErrUnauthenticated, reviews: 1,
		},
		"Refused": {
			reason: "kube-apiserver puts an error into the status of a refusal",
			answer: func(r *authenticationapi.TokenReview) int {
				r.Status = authenticationapi.TokenReviewStatus{Error: "[invalid bearer token]"}
				return http.StatusCreated
			},
			is: ErrUnauthenticated, reviews: 1,
		},
		"Broken": {
			reason: "an API server that cannot answer",
			answer: func(*authenticationapi.TokenReview) int { return http.StatusInternalServerError },
			other:  cluster.Unreachable, reviews: 2,
		},
		"Overloaded": {
			reason: "an API server that has too much to do",
			answer: func(*authenticationapi.TokenReview) int { return http.StatusTooManyRequests },
			other:  cluster.Unreachable, reviews: 2,
		},
		"NotPermitted": {
			reason: "the facade may not ask: that is no fault of the caller's",
			answer: func(*authenticationapi.TokenReview) int { return http.StatusForbidden },
			other:  apierrors.IsForbidden, reviews: 2,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(_ *http.Request, r *authenticationapi.TokenReview) int {
				if diff := cmp.Diff([]string{DefaultAudience}, r.Spec.Audiences); diff != "" {
					t.Errorf("audiences (-want +got):\n%s", diff)
				}
				return c.answer(r)
			})
			for range 2 {
				got, err := s.authenticate(t.Context(), "a.b.c")
				switch {
				case c.other != nil:
					if !c.other(err) || errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrForbidden) {
						t.Errorf("%s: %v", c.reason, err)
					}
				case !errors.Is(err, c.is), (err == nil) != (got != nil):
					t.Errorf("%s: caller %+v, error %v", c.reason, got, err)
				}
			}
			if n := s.reviews.Load(); n != c.reviews {
				t.Errorf("%s: %d reviews, want %d", c.reason, n, c.reviews)
			}
		})
	}
}

// TestOneReviewForAll asks for one token many times at once. The first who asks goes away: the others still get an
// answer.
func TestOneReviewForAll(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s := newScript(t, func(_ *http.Request, r *authenticationapi.TokenReview) int {
		close(arrived) // a second review would panic
		<-release
		accept(r, someServiceAccount)
		return http.StatusCreated
	})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.authenticate(ctx, "a.b.c")
		first <- err
	}()
	<-arrived
	others := make(chan error)
	for range 20 {
		go func() {
			_, err := s.authenticate(t.Context(), "a.b.c")
			others <- err
		}()
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who went away: %v", err)
	}
	close(release)
	for range 20 {
		if err := <-others; err != nil {
			t.Error(err)
		}
	}
}

// TestReviewsAreShed has all reviews hang: as many as are allowed are sent, as many wait, and the next is refused at
// once. What is known is not held up.
func TestReviewsAreShed(t *testing.T) {
	release := make(chan struct{})
	s := newScript(t, func(_ *http.Request, r *authenticationapi.TokenReview) int {
		if r.Spec.Token != "known.b.c" {
			<-release
		}
		accept(r, someServiceAccount)
		return http.StatusCreated
	})
	if _, err := s.authenticate(t.Context(), "known.b.c"); err != nil {
		t.Fatal(err)
	}
	const over = 20
	answers := make(chan error)
	for i := range MaxReviews + MaxWaitingReviews + over {
		go func() {
			_, err := s.authenticate(t.Context(), fmt.Sprintf("a.b.%d", i))
			answers <- err
		}()
	}
	for range MaxWaitingReviews + over { // the ones past the queue, and then those in it when their time is up
		err := <-answers
		if !errors.Is(err, throttle.ErrOverloaded) || !cluster.Unreachable(err) || errors.Is(err, ErrUnauthenticated) {
			t.Errorf("shed: %v", err)
		}
		if _, err := s.authenticate(t.Context(), "known.b.c"); err != nil {
			t.Errorf("a token that is known: %v", err)
		}
	}
	close(release)
	for range MaxReviews {
		// On a machine that stood still their time may be up.
		if err := <-answers; err != nil && !cluster.Unreachable(err) {
			t.Error(err)
		}
	}
	if n := s.reviews.Load(); n != MaxReviews+1 {
		t.Errorf("%d reviews reached the API server, want %d", n, MaxReviews+1)
	}
}

// TestMadeUpTokens sends more bad tokens than are remembered: memory stays bounded, and a valid one stays known.
func TestMadeUpTokens(t *testing.T) {
	s := newScript(t, func(_ *http.Request, r *authenticationapi.TokenReview) int {
		if r.Spec.Token == "known.b.c" {
			accept(r, someServiceAccount)
		}
		return http.StatusCreated
	})
	if _, err := s.authenticate(t.Context(), "known.b.c"); err != nil {
		t.Fatal(err)
	}
	for i := range MaxCachedTokens + 100 {
		if _, err := s.authenticate(t.Context(), fmt.Sprintf("a.b.%d", i)); !errors.Is(err, ErrUnauthenticated) {
			t.Fatal(err)
		}
	}
	if n := s.reviewer.invalid.Len(); n != MaxCachedTokens {
		t.Errorf("%d refused tokens are remembered", n)
	}
	before := s.reviews.Load()
	if _, err := s.authenticate(t.Context(), "known.b.c"); err != nil || s.reviews.Load() != before {
		t.Errorf("the valid token was forgotten: %v", err)
	}
}

// TestSharedMetrics holds that an Authenticator and its Kubernetes count in one place.
func TestSharedMetrics(t *testing.T) {
	s := newScript(t, func(r *http.Request, review *authenticationapi.TokenReview) int {
		if path.Base(r.URL.Path) != "tokenreviews" {
			return http.StatusInternalServerError
		}
		accept(review, "jane@example.com")
		return http.StatusCreated
	})
	a, err := New(Options{Tokens: &fakeTokens{}, Kubernetes: s.Kubernetes, Registerer: s.registry})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = a.Authenticate(t.Context(), "Bearer a.b.c")
	_, _ = a.Authenticate(t.Context(), "Bearer opaque")
	c, err := callerOf(authenticationapi.UserInfo{Username: someServiceAccount})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Authorize(t.Context(), c, "create")
	want := map[string]float64{"no_token": 0, "invalid_token": 1, "not_asked": 0, "forbidden": 1, "unavailable": 1}
	if diff := cmp.Diff(want, failureCounts(t, s.registry)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// BenchmarkServiceAccount is a token whose answer is known.
func BenchmarkServiceAccount(b *testing.B) {
	s := newScript(b, func(_ *http.Request, r *authenticationapi.TokenReview) int {
		accept(r, someServiceAccount)
		return http.StatusCreated
	})
	token := strings.Repeat("a", 300) + "." + strings.Repeat("b", 300) + "." + strings.Repeat("c", 300)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// For a client that has sent too many bad tokens no call is made, and what is known already counts.
func TestFromMemory(t *testing.T) {
	s := newScript(t, func(_ *http.Request, review *authenticationapi.TokenReview) int {
		accept(review, someServiceAccount)
		return http.StatusCreated
	})
	if _, err := s.authenticate(FromMemory(t.Context()), "a.b.c"); !errors.Is(err, ErrNotAsked) {
		t.Errorf("a token that is not known: %v", err)
	}
	if n := s.reviews.Load(); n != 0 {
		t.Errorf("%d reviews", n)
	}
	if _, err := s.authenticate(t.Context(), "a.b.c"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.authenticate(FromMemory(t.Context()), "a.b.c"); err != nil {
		t.Errorf("a token that is known: %v", err)
	}
}
