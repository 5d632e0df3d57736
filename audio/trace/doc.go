// Package trace is what announcements leave behind: metrics for the node, and Events for people who look at a Check.
//
//	metrics, err := trace.New(registry, state.Waiting)
//	events := trace.NewEvents(clients.EventsV1(), "node-7", trace.EventOptions{Log: log, Metrics: metrics})
//	go events.Run(ctx)
//	...
//	metrics.Announced(a, dispatch.Played, delay)
//	events.Announced(a)
//
//	Announced, Node --> queue (256) --> Run: 10 a second, in bursts of 50 --> events.k8s.io/v1, create
//	                      | full           | refused, or failed three times; forbidden for 15 s
//	                      +----------------+--> dropped, and counted
//
// Nobody waits for an Event: where the API server is away or slow, the queue fills, and what does not fit is dropped.
//
// Events are written by a writer of this package's own, and not by client-go's recorder. That one makes series of Events that are
// alike, for which it has to patch them; the daemon is on nodes, and is to have no right but to create Events. It also writes each
// Event from a goroutine of its own, as many as there are. What is lost by that: announcements of one failure that repeat are Events
// of their own, and not one with a count. The API server forgets them after an hour.
//
// The package decides nothing, and reads nothing from the cluster.
package trace
