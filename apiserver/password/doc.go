// Package password says which passwords are good enough, and keeps them as argon2id hashes.
//
//	err := password.Acceptable(pw, address, "Checky")   // NIST SP 800-63B-4: at least 15 characters, and no well-known ones
//	h, err := password.NewHasher(password.Default, 2, 64)
//	phc, err := h.Hash(ctx, pw)                         // $argon2id$v=19$m=19456,t=2,p=1$salt$key
//	ok, stale, err := h.Verify(ctx, pw, phc)            // stale: kept under weaker parameters than today's
//	err = h.Waste(ctx, pw)                              // the same work, where there is no account
//
// A password is compared and hashed in the form that RFC 8265's OpaqueString profile gives it, so that the same
// characters typed on another keyboard are the same password.
//
// A Hasher bounds what hashing takes: each hash under way holds Params.Memory (19 MiB by default) and a processor for
// some 50 ms, so NewHasher's parallel bounds the memory to parallel * 19 MiB, and its queue bounds how long one waits.
//
// It knows nothing of accounts, and never puts a password into an error.
package password
