// Package cluster is all that the facade knows of the cluster: a cache of the objects that it answers from, a client for
// its writes, and whether the API server can be reached at all.
//
//	              probe, each second                  lists and watches
//	contact ------------------------+   +------------------------------- feed (one per kind)
//	   |                            v   v                                  |   |
//	   | answered, failing       API server  <---- Client: writes,         |   +-> Cache -> reads, event handlers
//	   |                            ^              live reads              |
//	   |      one transport, whose connections contact can close           | connected, disconnected
//	   +--------------------------> freshness <----------------------------+
//	                                    |
//	                         Away: since when may the cache be stale?
//
// The cache is fresh by construction, not by guess: each informer's watch is followed from its opening to its end, and what the
// API server sends on an open watch is all that there is to know. Away is true when the last probe had no good answer, or a
// watch has been down for longer than a moment. Reads go on from the cache in the meantime.
//
// A Reflector that fails waits up to a minute before its next attempt. Here its lists and watches wait for the probe
// instead, so that all of them are back about a second after the API server is. A connection that has gone silent
// (a stopped server, a firewall that forgot it) is closed after some seconds, so that no request is sent into it for longer.
//
// The package decides nothing about what it sees: that a write is answered with 503, and how old an answer may be, is
// for the callers to say.
package cluster
