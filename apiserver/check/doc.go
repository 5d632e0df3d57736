// Package check makes one Check of one request, for one payload or a batch of them, and tells what becomes of it.
//
//	Submit --create--> API server --watch--> ledger --wakes--> followers (Submit's wait, Watch)
//	Get, List <-----------------------------/
//	DryRun <--engine-- catalogue <--watch-- RuleSets, ClusterRuleSets
//
// What has been acknowledged is stored: a Create whose outcome is unclear is repeated under the same name until it is clear, or
// reported as ErrUnavailable. Waiting costs the API server nothing: one handler on the cache's informer wakes whoever waits. An
// owner sees only what carries the owner's label.
//
// What callers may fill and use up is bounded, for all and for each owner: Checks without a verdict, bytes that are kept and bytes that
// are written (room.go), and the work of compiling rules.
//
// It knows nothing of HTTP and of who may be an owner; that is the routes' and authn's.
package check
