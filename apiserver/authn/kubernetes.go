package authn

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// What KubernetesOptions default to. The times that answers are kept are those of controller-runtime's filter for its
// metrics server, with one added for tokens that are refused.
const (
	// DefaultAudience is the audience that a token has to be for.
	DefaultAudience = "checky"
	// DefaultTokenTTL is how long a token that was valid counts as valid: so long a deleted ServiceAccount still gets
	// in.
	DefaultTokenTTL = time.Minute
	// DefaultRefusedTTL is how long a token that was refused is refused without asking again.
	DefaultRefusedTTL = 10 * time.Second
	// DefaultAllowTTL and DefaultDenyTTL are how long the answer that somebody may, or may not, is kept.
	DefaultAllowTTL = 5 * time.Minute
	DefaultDenyTTL  = 30 * time.Second
)

// Bounds of what the API server is asked.
const (
	// MaxCachedTokens is how many valid tokens are remembered, and how many refused ones. Past that the least recently
	// used is forgotten, and is asked about again.
	MaxCachedTokens = 10_000
	// MaxReviews is how many reviews may be under way at once, MaxWaitingReviews how many may wait for at most
	// ReviewWait. More are refused with throttle.ErrOverloaded.
	MaxReviews        = 16
	MaxWaitingReviews = 128
	ReviewWait        = time.Second
	// ReviewTimeout is how long one review may take.
	ReviewTimeout = 5 * time.Second
)

// KubernetesOptions are how tokens are reviewed. Zero values mean the defaults above.
type KubernetesOptions struct {
	// Audience is what a token has to be issued for.
	Audience string
	// How long answers are kept.
	TokenTTL, RefusedTTL, AllowTTL, DenyTTL time.Duration
	// Clock times the answers about tokens. nil: the real one.
	Clock clock.PassiveClock
	// Registerer gets checky_apiserver_auth_failures_total, and the metrics of the gate "reviews". nil: they are not
	// shown.
	Registerer prometheus.Registerer
}

// Kubernetes accepts ServiceAccount tokens, by asking the API server: with a TokenReview whose a token is, with a
// SubjectAccessReview what they may. It needs the cluster role system:auth-delegator, or create on tokenreviews
// (authentication.k8s.io) and subjectaccessreviews (authorization.k8s.io).
//
// Answers are cached, and hold while the API server is away until their time is up. Without one the error is that of
// the call, so that a caller is told 503 and not 401.
type Kubernetes struct {
	reviewer   *reviewer
	authorizer authorizer.Authorizer
	failures   failures
}

// NewKubernetes makes one. It calls nobody yet.
func NewKubernetes(cfg *rest.Config, o KubernetesOptions) (*Kubernetes, error) {
	o.complete()
	counters, err := newFailures(o.Registerer)
	if err != nil {
		return nil, err
	}
	gate, err := throttle.NewGate(throttle.GateOptions{
		Name: "reviews", InFlight: MaxReviews, Queue: MaxWaitingReviews, Wait: ReviewWait, Registerer: o.Registerer,
	})
	if err != nil {
		return nil, err
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1 // the gate is the limit
	cfg.Timeout = ReviewTimeout
	cfg.Wrap(gated(gate))
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server for reviews: %w", err)
	}
	tokens, err := authenticationv1.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server for token reviews: %w", err)
	}
	access, err := authorizationv1.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server for access reviews: %w", err)
	}
	delegating := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: access,
		AllowCacheTTL:             o.AllowTTL,
		DenyCacheTTL:              o.DenyTTL,
		WebhookRetryBackoff:       &wait.Backoff{Steps: 1}, // the client of the facade retries, and is told when
	}
	may, err := delegating.New()
	if err != nil {
		return nil, fmt.Errorf("make the authorizer: %w", err)
	}
	return &Kubernetes{reviewer: newReviewer(tokens.TokenReviews(), o), authorizer: may, failures: counters}, nil
}

func (o *KubernetesOptions) complete() {
	o.Audience = cmp.Or(o.Audience, DefaultAudience)
	o.TokenTTL = cmp.Or(o.TokenTTL, DefaultTokenTTL)
	o.RefusedTTL = cmp.Or(o.RefusedTTL, DefaultRefusedTTL)
	o.AllowTTL = cmp.Or(o.AllowTTL, DefaultAllowTTL)
	o.DenyTTL = cmp.Or(o.DenyTTL, DefaultDenyTTL)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
}

// authenticate tells whose token it is.
func (k *Kubernetes) authenticate(ctx context.Context, token string) (*Caller, error) {
	if !looksLikeJWT(token) {
		return nil, ErrUnauthenticated
	}
	return k.reviewer.authenticate(ctx, token)
}

// looksLikeJWT tells whether a token is three parts of base64url with dots between them, as every ServiceAccount token
// is. What is not costs no call.
func looksLikeJWT(token string) bool {
	parts := strings.SplitN(token, ".", 4)
	for _, part := range parts {
		if part == "" || !consistsOf(part, "-_") {
			return false
		}
	}
	return len(parts) == 3
}

// Authorize asks whether the caller may do what the verb says (create, get, list, watch, delete) to checks.checky.dev
// in the namespace of their ServiceAccount. An account may always: it needs no role to see what is its own. The error
// is ErrForbidden, or what kept the answer from being found out.
func (k *Kubernetes) Authorize(ctx context.Context, c *Caller, verb string) error {
	if c.User == nil {
		return nil
	}
	return k.failures.count(k.authorize(ctx, c, verb))
}

func (k *Kubernetes) authorize(ctx context.Context, c *Caller, verb string) error {
	namespace, _, err := serviceaccount.SplitUsername(c.User.GetName())
	if err != nil {
		return ErrNoServiceAccount
	}
	decision, _, err := k.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User: c.User, Verb: verb, Namespace: namespace, ResourceRequest: true,
		APIGroup: v1alpha1.GroupVersion.Group, APIVersion: v1alpha1.GroupVersion.Version, Resource: "checks",
	})
	if err != nil {
		return fmt.Errorf("review access to checks: %w", err)
	}
	if decision != authorizer.DecisionAllow {
		return fmt.Errorf("%w: %s may not %s checks.checky.dev in namespace %s: grant it by a Role and a RoleBinding there",
			ErrForbidden, c.User.GetName(), verb, namespace)
	}
	return nil
}
