package route

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/problem"
)

// TestProblemOf has the errors that the real rooms do not give on demand.
func TestProblemOf(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	cases := map[string]struct {
		reason     string
		err        error
		wantStatus int
		wantType   string
		wantReport bool
		wantDetail string
	}{
		"QuotaOfSecrets": {
			reason: "an account that the cluster refuses to keep is the operator's business: the log has it",
			err:    fmt.Errorf("create account: %w", apierrors.NewForbidden(secrets, "checky-account-x", errors.New("exceeded quota"))),

			wantStatus: http.StatusServiceUnavailable, wantType: "urn:checky:problem:not-set-up", wantReport: true,
		},
		"NoNamespace": {
			reason: "nor can one be kept in a namespace that is not there",
			err:    apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "checky-system"),

			wantStatus: http.StatusServiceUnavailable, wantType: "urn:checky:problem:not-set-up", wantReport: true,
		},
		"Timeout": {
			reason: "an API server that does not answer is tried again later, and nobody is to be woken",
			err:    apierrors.NewServerTimeout(secrets, "create", 1),

			wantStatus: http.StatusServiceUnavailable, wantType: "urn:checky:problem:kubernetes-unreachable",
		},
		"NotFound": {
			reason: "what a room says itself comes first",
			err:    fmt.Errorf("status: %w", check.ErrNotFound), wantStatus: http.StatusNotFound,
		},
		"TooManyUnknownTokens": {
			reason: "a token that nobody looked at is not said to be wrong",
			err:    fmt.Errorf("authenticate: %w", account.ErrBusy), wantStatus: http.StatusServiceUnavailable, wantType: "urn:checky:problem:overloaded",
		},
		"TooManyAccounts": {
			reason: "a bound that waiting does not lift is a conflict",
			err:    &account.TooManyError{What: "accounts", Limit: 10}, wantStatus: http.StatusConflict, wantType: "urn:checky:problem:too-many",
		},
		"NoServiceAccount": {
			reason: "to whom no Role can be granted is told so",
			err:    authn.ErrNoServiceAccount, wantStatus: http.StatusForbidden, wantType: "urn:checky:problem:forbidden",
			wantDetail: "only ServiceAccounts",
		},
		"Forbidden": {
			reason: "a ServiceAccount can be granted a Role",
			err:    fmt.Errorf("%w: no", authn.ErrForbidden), wantStatus: http.StatusForbidden, wantType: "urn:checky:problem:forbidden",
			wantDetail: "a Role and a RoleBinding",
		},
		"Stranger": {
			reason: "what nobody knows is an internal error, of which the caller learns nothing",
			err:    errors.New("the disk is made of cheese"), wantStatus: http.StatusInternalServerError, wantReport: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reported := false
			a := &api{report: func(context.Context, error) { reported = true }}
			p := a.problemOf(t.Context(), tc.err)
			if p.Status != tc.wantStatus || p.Type != tc.wantType || reported != tc.wantReport || !strings.Contains(p.Detail, tc.wantDetail) {
				t.Errorf("%s: got %d %q, reported %t: %s", tc.reason, p.Status, p.Type, reported, p.Detail)
			}
		})
	}
}

// TestParametersInOurWords has huma's words about parameters replaced where they do not say what to send.
func TestParametersInOurWords(t *testing.T) {
	configureHuma()
	err := huma.NewError(http.StatusUnprocessableEntity, "validation failed",
		&huma.ErrorDetail{Location: "query.dry_run", Message: "invalid boolean"},
		&huma.ErrorDetail{Location: "query.limit", Message: "invalid integer"},
		&huma.ErrorDetail{Location: "query.limit", Message: "expected number <= 100"},
	)
	want := []problem.FieldError{
		{Location: "query.dry_run", Message: "expected true or false"},
		{Location: "query.limit", Message: "expected a whole number"},
		{Location: "query.limit", Message: "expected number <= 100"},
	}
	if diff := cmp.Diff(want, problem.Of(err).Errors); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
