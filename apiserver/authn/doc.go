// Package authn tells who calls: a user by a token of Checky's own, or a workload by its Kubernetes ServiceAccount
// token.
//
//	Authorization: Bearer cky_...   --> Tokens (account.Service), no API call           --> Caller{Account, TokenID, ...}
//	               Bearer x.y.z     --> Kubernetes: TokenReview, cached for a minute    --> Caller{User, ...}
//	                                    Kubernetes.Authorize: SubjectAccessReview, cached
//	               anything else    --> ErrNoToken or ErrUnauthenticated
//
// A route authenticates first, puts the Caller in the context (With), authorizes the verb, and then asks for what
// belongs to Caller.Owner.
//
// What it does not do: it keeps no tokens and checks no passwords (account does), it limits nobody (throttle does), and
// it decides nothing about a single check: a caller sees what their owner label says.
package authn
