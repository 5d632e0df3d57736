// Package account keeps the facade's accounts and tokens, in Secrets of its own namespace.
//
//	checky-account-<26>   account.json: address, argon2id hash, epochs, the reset that was mailed
//	checky-token-<id>     token.json: whose, its epoch, SHA-256 of the secret, expiry
//
// There is no other state, so any number of replicas serve. Each follows the Secrets by a watch and has them decoded in
// memory: authenticating costs no API call, and works while the API server is away. A replica sees its own writes at
// once, others by the watch; where that would be too late (a login right after a sign-up, a token just made elsewhere)
// the Secret is read live, within bounds.
//
//	s, err := account.New(account.Options{Client: c, Cache: cache, Namespace: "checky-system", ...})
//	go s.Start(ctx)
//	err = s.SignUp(ctx, "ann@example.com", "correct horse battery staple", client)
//	session, err := s.LogIn(ctx, "ann@example.com", "correct horse battery staple", client)
//	token, err := s.Authenticate(session.Secret)
//
// What it is careful about:
//
//   - Nobody learns whether an address has an account: sign-up, failed logins and resets do the same work either way,
//     say the same, and answer at multiples of Options.Quantum.
//   - An account's name is the hash of its address, so that the API server itself lets one of several sign-ups win; each
//     write is under the resource version that was read, so that one of several uses of a reset wins.
//   - Epochs end sessions: a new password raises the account's epoch in the same write, and a token of an older epoch is
//     void from then on. Deleting it is housekeeping.
//   - An address proves itself by a reset, not by signing up. When it first does, API tokens made before end as well.
//   - Secrets are stored as hashes, and nothing secret, nor any address, is logged or put into an error.
//
// It sends no mail itself, counts no failures itself (Options.Mailer, Options.Backoff), and knows nothing of HTTP.
package account
