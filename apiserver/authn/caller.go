package authn

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"time"

	"k8s.io/apiserver/pkg/authentication/user"
)

// Caller is who sent a request. It may be shared by requests, so nobody changes one.
type Caller struct {
	// Owner is whom the checks of this caller belong to, as the value of their label checky.dev/owner: the account's
	// id, or "sa-" and 26 characters for a ServiceAccount. It depends on the ServiceAccount's namespace and name
	// alone: one that is made anew under the same name has the old one's checks.
	Owner string
	// TokenID is what limits count and logs name: the id of Checky's own token, or the Owner of a ServiceAccount, so
	// that a new token of it, which anything that runs as it can have, is no new limit.
	TokenID string
	// Account is the account's id; empty for a ServiceAccount.
	Account string
	// Session: the token came from a login. LoginAt is when that was.
	Session bool
	LoginAt time.Time
	// RatePerMinute is the token's own limit; 0: the service's.
	RatePerMinute int
	// Superseded: the token's text is the one before its last rotation, in its grace.
	Superseded bool
	// User is who the API server says that a ServiceAccount token belongs to; nil for an account.
	User user.Info
}

type contextKey struct{}

// With puts the caller in a context.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From is the caller in a context, or nil.
func From(ctx context.Context) *Caller {
	c, _ := ctx.Value(contextKey{}).(*Caller)
	return c
}

type memoryKey struct{}

// FromMemory is a context in which no Kubernetes token is reviewed: those whose answer is remembered count, and all others are
// ErrNotAsked. It is for clients that have sent so many bad tokens that no more calls are made for them.
func FromMemory(ctx context.Context) context.Context {
	return context.WithValue(ctx, memoryKey{}, true)
}

func fromMemory(ctx context.Context) bool { return ctx.Value(memoryKey{}) != nil }

// crockford is the lower-case base32 of Douglas Crockford, as ULIDs use it: no letters that look like digits.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ownerLength is how many characters of a hash name a ServiceAccount: 130 bits.
const ownerLength = 26

// ownerOf is the owner of what a ServiceAccount creates.
func ownerOf(namespace, name string) string {
	sum := sha256.Sum256([]byte(namespace + "/" + name))
	return "sa-" + crockford.EncodeToString(sum[:])[:ownerLength]
}
