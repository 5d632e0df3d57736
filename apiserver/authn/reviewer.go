package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	authenticationapi "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/transport"
	"k8s.io/utils/clock"

	"github.com/checky-dev/checky/apiserver/throttle"
)

// reviewer asks the API server whose a token is, once for all who ask at the same time, and remembers.
//
// It is not k8s.io/apiserver's DelegatingAuthenticatorConfig, though it does the same: that one's cache has no bound,
// and it does not keep refusals as kube-apiserver words them (with an error in the status), so that every request with
// a bad token would be another review; and it returns a refusal and an API server that is away as the same kind of
// error.
type reviewer struct {
	reviews  authenticationv1.TokenReviewInterface
	audience string
	clock    clock.PassiveClock
	ttl      time.Duration
	refused  time.Duration

	// Two, so that made-up tokens cannot push valid ones out.
	valid, invalid *lru.Cache[tokenHash, answer]
	group          singleflight.Group
}

// tokenHash is the SHA-256 of a token, so that the caches hold no tokens.
type tokenHash [sha256.Size]byte

// answer is what a review said, and until when that holds: a caller, ErrUnauthenticated or ErrForbidden.
type answer struct {
	caller *Caller
	err    error
	until  time.Time
}

func newReviewer(reviews authenticationv1.TokenReviewInterface, o KubernetesOptions) *reviewer {
	r := &reviewer{reviews: reviews, audience: o.Audience, clock: o.Clock, ttl: o.TokenTTL, refused: o.RefusedTTL}
	// They fail for sizes below 1 only.
	r.valid, _ = lru.New[tokenHash, answer](MaxCachedTokens)
	r.invalid, _ = lru.New[tokenHash, answer](MaxCachedTokens)
	return r
}

// authenticate tells whose token it is, from the cache if it can.
func (r *reviewer) authenticate(ctx context.Context, token string) (*Caller, error) {
	key := tokenHash(sha256.Sum256([]byte(token)))
	if a, ok := r.cached(key); ok {
		return a.caller, a.err
	}
	if fromMemory(ctx) {
		return nil, ErrNotAsked
	}
	// The review goes on when the request that began it ends: others may wait for it. The client's timeout ends it.
	detached := context.WithoutCancel(ctx)
	shared := r.group.DoChan(string(key[:]), func() (any, error) {
		if a, ok := r.cached(key); ok { // of a review that ended just now
			return a, nil
		}
		return r.review(detached, key, token)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-shared:
		if result.Err != nil {
			return nil, result.Err
		}
		a := result.Val.(answer)
		return a.caller, a.err
	}
}

func (r *reviewer) cached(key tokenHash) (answer, bool) {
	now := r.clock.Now()
	for _, cache := range []*lru.Cache[tokenHash, answer]{r.valid, r.invalid} {
		if a, ok := cache.Get(key); ok && now.Before(a.until) {
			return a, true
		}
	}
	return answer{}, false
}

// review asks the API server. Its error means that there is no answer, which is not remembered.
func (r *reviewer) review(ctx context.Context, key tokenHash, token string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, ReviewTimeout)
	defer cancel()
	review, err := r.reviews.Create(ctx, &authenticationapi.TokenReview{
		Spec: authenticationapi.TokenReviewSpec{Token: token, Audiences: []string{r.audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		return answer{}, fmt.Errorf("review the token: %w", err)
	}
	a := answer{}
	// An API server that does not know audiences leaves them out: its answer says nothing about ours.
	if review.Status.Authenticated && slices.Contains(review.Status.Audiences, r.audience) {
		a.caller, a.err = callerOf(review.Status.User)
	} else {
		a.err = ErrUnauthenticated
	}
	if errors.Is(a.err, ErrUnauthenticated) {
		a.until = r.clock.Now().Add(r.refused)
		r.invalid.Add(key, a)
		r.valid.Remove(key)
	} else {
		a.until = r.clock.Now().Add(r.ttl)
		r.valid.Add(key, a)
	}
	return a, nil
}

// callerOf makes a caller of a ServiceAccount.
func callerOf(u authenticationapi.UserInfo) (*Caller, error) {
	namespace, name, err := serviceaccount.SplitUsername(u.Username)
	if err != nil {
		return nil, ErrNoServiceAccount
	}
	extra := make(map[string][]string, len(u.Extra))
	for k, v := range u.Extra {
		extra[k] = v
	}
	owner := ownerOf(namespace, name)
	return &Caller{
		Owner: owner, TokenID: owner,
		User: &user.DefaultInfo{Name: u.Username, UID: u.UID, Groups: u.Groups, Extra: extra},
	}, nil
}

// gated lets calls to the API server through a gate.
func gated(gate *throttle.Gate) transport.WrapperFunc {
	return func(next http.RoundTripper) http.RoundTripper { return &gatedTransport{gate: gate, next: next} }
}

type gatedTransport struct {
	gate *throttle.Gate
	next http.RoundTripper
}

// RoundTrip sends a request when the gate lets it. It is out again with the answer's headers: a review's body is short.
func (t *gatedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	leave, err := t.gate.Enter(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, err
	}
	defer leave()
	return t.next.RoundTrip(r)
}
