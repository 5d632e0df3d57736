package route

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/password"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// recentLogin is how recent a log-in must be to delete the account.
const recentLogin = 10 * time.Minute

const (
	// rarely is how much rarer than others an address may make requests that leave something behind at a stranger's: an account of the
	// number that there may be, or a mail.
	rarely = 5
	// hashesOfOne is how many passwords of one address, or of one account, may be hashed and wait for it: a quarter of the queue.
	hashesOfOne = 16
)

// seldom lets an address sign up, or ask for mails, more rarely than it may do other things.
func (a *api) seldom(ctx context.Context, what string) error {
	key := what + ":" + throttle.Key(address(ctx))
	if decision := a.byAddress.Allow(ctx, key, a.limits.AddressPerMinute/rarely); !decision.Allowed {
		return limited(decision, policyAddress)
	}
	return nil
}

// hash lets one of many passwords be hashed, which takes long, so that nobody keeps the others from logging in by sending many at once.
func (a *api) hash(ctx context.Context) (leave func(), err error) {
	holder := a.holder(ctx)
	if !a.hashes.take(holder, 1) {
		return nil, errShare()
	}
	return func() { a.hashes.give(holder, 1) }, nil
}

// Credentials are an address and a password.
type Credentials struct {
	Email    string `json:"email" format:"email" maxLength:"254" doc:"The account's e-mail address." example:"ada@example.com"`
	Password string `json:"password" minLength:"15" maxLength:"256" format:"password" doc:"15 to 256 characters, none of the common ones; white space and all of Unicode are welcome." example:"correct horse battery staple"`
}

// Message is an answer that says no more than this.
type Message struct {
	Message string `json:"message" doc:"What will have happened."`
}

type messageOutput struct{ Body Message }

// signUp makes an account. Its answer is the same where there is one already.
func (a *api) signUp(ctx context.Context, _ *struct{}) (*messageOutput, error) {
	var b Credentials
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	if err := a.seldom(ctx, "sign-up"); err != nil {
		return nil, err
	}
	leave, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := a.accounts.SignUp(ctx, b.Email, b.Password, address(ctx)); err != nil {
		return nil, err
	}
	return &messageOutput{Message{Message: "If the address was free, the account is there now: log in."}}, nil
}

// Session is what a log-in gives.
type Session struct {
	Token     string    `json:"token" doc:"The bearer token: send it as Authorization: Bearer TOKEN. It is not shown again."`
	TokenID   string    `json:"token_id" doc:"The token's id, in the list of tokens and in logs."`
	ExpiresAt time.Time `json:"expires_at" doc:"When it ends."`
}

type sessionOutput struct{ Body Session }

// logIn gives a session's token.
func (a *api) logIn(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	var b Credentials
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	leave, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	issued, err := a.accounts.LogIn(ctx, b.Email, b.Password, address(ctx))
	if err != nil {
		return nil, err
	}
	return &sessionOutput{Session{Token: issued.Secret, TokenID: issued.ID, ExpiresAt: issued.ExpiresAt.UTC()}}, nil
}

// ResetRequest asks for a mail to set a new password with.
type ResetRequest struct {
	Email string `json:"email" format:"email" maxLength:"254" doc:"The account's e-mail address." example:"ada@example.com"`
}

// requestReset sends a mail, if there is somebody to send it to. The answer is the same if not.
func (a *api) requestReset(ctx context.Context, _ *struct{}) (*messageOutput, error) {
	var b ResetRequest
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	if err := a.seldom(ctx, "reset"); err != nil {
		return nil, err
	}
	if err := a.accounts.RequestReset(ctx, b.Email, address(ctx)); err != nil {
		return nil, err
	}
	return &messageOutput{Message{Message: "If the address has an account, a mail with a link is on its way to it."}}, nil
}

// ResetConfirmation sets a new password with a token out of a mail.
type ResetConfirmation struct {
	Token    string `json:"token" minLength:"1" maxLength:"256" doc:"The token of the mail's link. It works once, for 15 minutes."`
	Password string `json:"password" minLength:"15" maxLength:"256" format:"password" doc:"The new password." example:"correct horse battery staple"`
}

// confirmReset sets a new password, and ends all sessions.
func (a *api) confirmReset(ctx context.Context, _ *struct{}) (*struct{}, error) {
	var b ResetConfirmation
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	leave, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return nil, a.accounts.ConfirmReset(ctx, b.Token, b.Password)
}

// PasswordChange sets a new password with the present one.
type PasswordChange struct {
	CurrentPassword string `json:"current_password" maxLength:"256" format:"password" doc:"The present password."`
	NewPassword     string `json:"new_password" minLength:"15" maxLength:"256" format:"password" doc:"The new password." example:"correct horse battery staple"`
}

// changePassword sets a new password, and ends all sessions but this one.
func (a *api) changePassword(ctx context.Context, _ *struct{}) (*struct{}, error) {
	caller, p := session(ctx)
	if p != nil {
		return nil, p
	}
	var b PasswordChange
	if p := decode(raw(ctx), &b); p != nil {
		return nil, p
	}
	leave, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	err = a.accounts.ChangePassword(ctx, caller.Account, b.CurrentPassword, b.NewPassword, caller.TokenID)
	if rejected := (*password.RuleError)(nil); errors.As(err, &rejected) {
		return nil, rejectedPassword(rejected, "body.new_password")
	}
	return nil, err
}

// deleteAccount deletes the account with its tokens and checks.
func (a *api) deleteAccount(ctx context.Context, _ *struct{}) (*struct{}, error) {
	caller, p := session(ctx)
	if p != nil {
		return nil, p
	}
	if a.now().Sub(caller.LoginAt) > recentLogin {
		return nil, problem.New(http.StatusForbidden, "An account is deleted with a token that is at most %d minutes old: log in again, and use the new token.", int(recentLogin.Minutes())).
			WithType("recent-login-required")
	}
	return nil, a.accounts.DeleteAccount(ctx, caller.Account)
}

// session refuses callers that did not log in with a password: a token that leaks out of a pipeline must not make others.
func session(ctx context.Context) (*authn.Caller, *problem.Problem) {
	caller := authn.From(ctx)
	if caller.Account == "" || !caller.Session {
		return nil, problem.New(http.StatusForbidden, "This needs a token from POST /auth/login; the one that was sent is of another kind.").WithType("session-required")
	}
	return caller, nil
}

// address is the client's.
func address(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	return a
}

type addressKey struct{}

func (a *api) addAccounts() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "sign-up", Method: http.MethodPost, Path: "/auth/signup", Tags: []string{"Account"}, DefaultStatus: http.StatusAccepted,
			Summary:     "Sign up",
			Description: "Makes an account, which can log in at once. The answer is the same where the address has one already, so that nobody can learn who has.",
			RequestBody: jsonBody[Credentials](a, map[string]any{"email": "ada@example.com", "password": "correct horse battery staple 9"}),
			Errors:      []int{400, 403, 409, 413, 415, 422},
		},
		public: true, limit: MaxBody,
	}, a.signUp)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "log-in", Method: http.MethodPost, Path: "/auth/login", Tags: []string{"Account"},
			Summary:     "Log in",
			Description: "Gives a token for this session. After failures, the account and the client's address have to wait before the next try.",
			RequestBody: jsonBody[Credentials](a, map[string]any{"email": "ada@example.com", "password": "correct horse battery staple 9"}),
			Errors:      []int{400, 401, 413, 415, 422},
		},
		public: true, limit: MaxBody,
	}, a.logIn)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "request-password-reset", Method: http.MethodPost, Path: "/auth/password-reset", Tags: []string{"Account"}, DefaultStatus: http.StatusAccepted,
			Summary:     "Ask for a password reset",
			Description: "Sends a link to set a new password with, if the address has an account. The answer is the same if it has none.",
			RequestBody: jsonBody[ResetRequest](a, map[string]any{"email": "ada@example.com"}),
			Errors:      []int{400, 413, 415, 422},
		},
		public: true, limit: MaxBody,
	}, a.requestReset)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "confirm-password-reset", Method: http.MethodPost, Path: "/auth/password-reset/confirm", Tags: []string{"Account"},
			Summary: "Set a new password",
			Description: "Sets a new password with the token of the mail's link, and ends every session of the account. The first time that an address proves itself in this way, all other tokens end too: " +
				"somebody else may have signed up with it.",
			RequestBody: jsonBody[ResetConfirmation](a, nil),
			Errors:      []int{400, 413, 415, 422},
		},
		public: true, limit: MaxBody,
	}, a.confirmReset)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "change-password", Method: http.MethodPut, Path: "/auth/password", Tags: []string{"Account"},
			Summary:     "Change the password",
			Description: "Sets a new password, and ends every session but this one. It needs a token from a log-in.",
			RequestBody: jsonBody[PasswordChange](a, nil),
			Errors:      []int{400, 413, 415, 422},
		},
		limit: MaxBody,
	}, a.changePassword)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "delete-account", Method: http.MethodDelete, Path: "/auth/account", Tags: []string{"Account"},
			Summary:     "Delete the account",
			Description: "Deletes the account, its tokens and its checks. It needs a token from a log-in of the last 10 minutes.",
		},
	}, a.deleteAccount)
}
