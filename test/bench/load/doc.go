// Package load sends HTTP/1.1 requests as cheaply as can be, so that a figure is the server's and not the client's.
//
//	the benchmark --Plan, JSON--> the same program again, as a generator --requests--> the server
//	              <--Result, JSON--                                      <--answers--
//
// Requests are bytes that were made beforehand, connections are kept, answers are read and dropped. A Plan without a rate is a closed
// loop: each connection sends its next request when it has its answer, which finds the most that a server can do. One with a rate is
// an open loop: request n is due at start + n/rate whatever became of those before it, and its latency counts from when it was due, so
// that a server that stalls cannot keep the requests that would have met the stall from being counted (coordinated omission).
//
// A generator is a process of its own where its processor time is to be told from the server's: the program that calls Generate has to
// call ExitIfGenerator first thing. The package speaks to Go's own servers only: it is no general HTTP client.
package load
