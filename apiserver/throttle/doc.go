// Package throttle keeps the facade from being used up: by one caller, by one address, by guessing, or by all at once.
//
//	request --> Addresses.Of ------> who asks, if nobody has said it: an address, behind trusted proxies too
//	        --> Limiter.Allow -----> so many a minute for a token or an address     429, Retry-After, RateLimit
//	        --> Backoff.Check -----> slower with each failed login                  429, Retry-After
//	        --> Gate.Enter --------> so many at once in the whole process           503, Retry-After
//
// A Limiter counts by the generic cell rate algorithm, in this process (Local: the limit divided by the replicas) or
// exactly across replicas (Redis, which falls back to a Local while Redis is away). Everything here is bounded: a map
// forgets its least recently used key, a queue refuses, and both are said at their constants.
//
// What it does not do: it knows no routes, no accounts and no statuses. Who calls it decides what a key is and what a
// refusal looks like; Decision.SetHeaders writes the headers that belong to one.
package throttle
