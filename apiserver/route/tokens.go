package route

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/problem"
)

// defaultGrace is how long a rotated token's old secret goes on to work.
const defaultGrace = 24 * time.Hour

// Token is a token as the list shows it: without its secret.
type Token struct {
	TokenID       string     `json:"token_id" doc:"The token's id: the middle of its text."`
	Name          string     `json:"name" doc:"The name that it was given." example:"pipeline"`
	Session       bool       `json:"session" doc:"It is of a log-in."`
	CreatedAt     time.Time  `json:"created_at" doc:"When it was made."`
	ExpiresAt     time.Time  `json:"expires_at" doc:"When it ends."`
	LastUsedAt    *time.Time `json:"last_used_at,omitzero" doc:"When it was used last, give or take half a minute. Absent: never."`
	RatePerMinute int        `json:"rate_per_minute,omitzero" doc:"How many requests a minute it may make, where that is not the default."`
}

// TokenList are the account's tokens.
type TokenList struct {
	Tokens []Token `json:"tokens" doc:"The tokens, the newest first."`
}

type tokensOutput struct{ Body TokenList }

// NewToken asks for a token.
type NewToken struct {
	Name      string    `json:"name" minLength:"1" maxLength:"64" doc:"What it is for." example:"pipeline"`
	ExpiresAt time.Time `json:"expires_at,omitzero" required:"false" doc:"When it ends (RFC 3339), at most 366 days from now. Absent: in 90 days."`
}

// IssuedToken is a new secret. It is shown this once.
type IssuedToken struct {
	Token     string    `json:"token" doc:"The bearer token. It is not shown again."`
	TokenID   string    `json:"token_id" doc:"Its id."`
	Name      string    `json:"name" doc:"Its name."`
	ExpiresAt time.Time `json:"expires_at" doc:"When it ends."`
}

type issuedOutput struct{ Body IssuedToken }

func issuedOf(i account.Issued) *issuedOutput {
	return &issuedOutput{IssuedToken{Token: i.Secret, TokenID: i.ID, Name: i.Name, ExpiresAt: i.ExpiresAt.UTC()}}
}

type tokenID struct {
	ID string `path:"id" maxLength:"63" doc:"The token's id."`
}

// Rotation asks for a new secret.
type Rotation struct {
	GraceSeconds *int `json:"grace_seconds,omitzero" required:"false" minimum:"0" maximum:"604800" doc:"For how many seconds the old secret goes on to work; 0: not at all. Absent: a day."`
}

// listTokens lists the account's tokens.
func (a *api) listTokens(ctx context.Context, _ *struct{}) (*tokensOutput, error) {
	caller, p := session(ctx)
	if p != nil {
		return nil, p
	}
	tokens, err := a.accounts.Tokens(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	out := &tokensOutput{TokenList{Tokens: make([]Token, len(tokens))}}
	for i, t := range tokens {
		shown := Token{
			TokenID: t.ID, Name: t.Name, Session: t.Session, RatePerMinute: t.RatePerMinute,
			CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
		}
		if !t.LastUsedAt.IsZero() {
			used := t.LastUsedAt.UTC()
			shown.LastUsedAt = &used
		}
		out.Body.Tokens[i] = shown
	}
	return out, nil
}

// createToken makes a token.
func (a *api) createToken(ctx context.Context, _ *struct{}) (*issuedOutput, error) {
	caller, p := session(ctx)
	if p != nil {
		return nil, p
	}
	var b NewToken
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	issued, err := a.accounts.CreateToken(ctx, caller.Account, b.Name, b.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return issuedOf(issued), nil
}

// ownOrSession lets a token see to itself, so that a pipeline can rotate the one it has, and a session to all of its account's. A text
// that was rotated away may not: whoever found it would get the new secret by rotating once more, in the grace that is for others.
func ownOrSession(ctx context.Context, id string) (*authn.Caller, *problem.Problem) {
	caller := authn.From(ctx)
	if caller.Account == "" || caller.TokenID != id {
		return session(ctx)
	}
	if caller.Superseded {
		return nil, problem.New(http.StatusForbidden, "This token was rotated: send its new text, or a token from POST /auth/login.").WithType("token-superseded")
	}
	return caller, nil
}

// rotateToken gives a token a new secret.
func (a *api) rotateToken(ctx context.Context, in *tokenID) (*issuedOutput, error) {
	caller, p := ownOrSession(ctx, in.ID)
	if p != nil {
		return nil, p
	}
	var b Rotation
	if len(raw(ctx)) > 0 {
		if p := decode(raw(ctx), &b); p != nil {
			return nil, p
		}
	}
	grace := defaultGrace
	if b.GraceSeconds != nil {
		// Here, as a duration would overflow.
		if *b.GraceSeconds < 0 || *b.GraceSeconds > int(account.MaxGrace.Seconds()) {
			return nil, problem.New(http.StatusUnprocessableEntity, "The grace is out of range: give 0 to 604800 seconds, a week.").
				At("body.grace_seconds", "expected 0 to 604800")
		}
		grace = time.Duration(*b.GraceSeconds) * time.Second
	}
	issued, err := a.accounts.RotateToken(ctx, caller.Account, in.ID, grace)
	if err != nil {
		return nil, err
	}
	return issuedOf(issued), nil
}

// deleteToken ends a token.
func (a *api) deleteToken(ctx context.Context, in *tokenID) (*struct{}, error) {
	caller, p := ownOrSession(ctx, in.ID)
	if p != nil {
		return nil, p
	}
	return nil, a.accounts.DeleteToken(ctx, caller.Account, in.ID)
}

func (a *api) addTokens() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "list-tokens", Method: http.MethodGet, Path: "/auth/tokens", Tags: []string{"Tokens"},
			Summary: "List tokens", Description: "The account's tokens, those of sessions too, without their secrets. It needs a token from a log-in.",
		},
	}, a.listTokens)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "create-token", Method: http.MethodPost, Path: "/auth/tokens", Tags: []string{"Tokens"}, DefaultStatus: http.StatusCreated,
			Summary: "Make a token", Description: "Makes a token for a program. Its secret is shown this once. It needs a token from a log-in.",
			RequestBody: jsonBody[NewToken](a, map[string]any{"name": "pipeline"}),
			Errors:      []int{400, 409, 413, 415, 422},
		},
		limit: MaxBody,
	}, a.createToken)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "rotate-token", Method: http.MethodPost, Path: "/auth/tokens/{id}/rotate", Tags: []string{"Tokens"},
			Summary:     "Rotate a token",
			Description: "Gives a token a new secret; the old one goes on to work for the grace. A token may rotate itself; others need a token from a log-in.",
			RequestBody: optional(jsonBody[Rotation](a, map[string]any{"grace_seconds": 3600})),
			Errors:      []int{400, 404, 413, 415, 422},
		},
		limit: MaxBody, bodyOptional: true,
	}, a.rotateToken)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "delete-token", Method: http.MethodDelete, Path: "/auth/tokens/{id}", Tags: []string{"Tokens"},
			Summary: "Delete a token", Description: "Ends a token at once. A token may delete itself; others need a token from a log-in.",
			Errors: []int{404},
		},
	}, a.deleteToken)
}
