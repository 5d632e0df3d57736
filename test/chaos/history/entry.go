package history

import (
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Entry is one thing that was seen. One of the pointers is set.
type Entry struct {
	// At is when it was over, or was seen.
	At time.Duration `json:"at"`

	Start   *Start   `json:"start,omitempty"`
	Call    *Call    `json:"call,omitempty"`
	Seen    *Seen    `json:"seen,omitempty"`
	Fault   *Fault   `json:"fault,omitempty"`
	Process *Process `json:"process,omitempty"`
	Heard   *Heard   `json:"heard,omitempty"`
	Sample  *Sample  `json:"sample,omitempty"`
	Mark    *Mark    `json:"mark,omitempty"`
}

// Start is the first entry of a run.
type Start struct {
	Seed uint64    `json:"seed"`
	Wall time.Time `json:"wall"`
}

// Kind is what a call does.
type Kind string

// The kinds of calls. Those of kubectl's ways go to the API server, the others to a facade.
const (
	KubeCreate Kind = "kube.create"
	KubeUpdate Kind = "kube.update"
	KubeDelete Kind = "kube.delete"
	SetCreate  Kind = "ruleset.create"
	SetUpdate  Kind = "ruleset.update"
	SetDelete  Kind = "ruleset.delete"
	Source     Kind = "configmap.put"

	Post        Kind = "rest.post"
	Status      Kind = "rest.status"
	Events      Kind = "rest.events"
	Delete      Kind = "rest.delete"
	SignUp      Kind = "rest.signup"
	LogIn       Kind = "rest.login"
	TokenMake   Kind = "rest.token.make"
	TokenUse    Kind = "rest.token.use"
	TokenRevoke Kind = "rest.token.revoke" //nolint:gosec // the name of a call, and no secret
	TokenRotate Kind = "rest.token.rotate" //nolint:gosec // the same
)

// None is the answer of a call that had none: it may have had its effect or not.
const None = "none"

// Call is one attempt of a client's, whatever came of it.
type Call struct {
	Kind   Kind          `json:"kind"`
	Client string        `json:"client"`
	Via    string        `json:"via"` // the replica that was asked, or the API server
	Begin  time.Duration `json:"begin"`
	// Answer is an HTTP status, or None. Of kubectl's ways it is that of the API server.
	Answer string `json:"answer"`
	// Why is the API server's reason, or what broke, where the answer is no success.
	Why string `json:"why,omitempty"`

	Key        string        `json:"key,omitempty"`        // idempotency key
	Name       string        `json:"name,omitempty"`       // of the Check or the rule set
	UID        string        `json:"uid,omitempty"`        // as it was answered
	Generation int64         `json:"generation,omitempty"` // as it was answered
	Order      string        `json:"order,omitempty"`      // which payload it is: unique among all Checks of a run
	Payload    string        `json:"payload,omitempty"`    // of a batch: spec.inputs, as JSON
	Batch      int           `json:"batch,omitempty"`      // how many payloads a batch has
	Source     string        `json:"source,omitempty"`     // the ConfigMap that the payload is taken from
	Sets       []string      `json:"sets,omitempty"`       // rule sets that the Check names
	Version    string        `json:"version,omitempty"`    // ETag
	Status     string        `json:"status,omitempty"`     // pending, success, failure
	Token      string        `json:"token,omitempty"`      // a token's public id, never its secret; after a rotation with a mark
	Next       string        `json:"next,omitempty"`       // what a rotated token's new secret is called
	Grace      time.Duration `json:"grace,omitempty"`      // for which the one before goes on to work
	Age        time.Duration `json:"age,omitempty"`        // how old the facade says that its answer may be
	TTL        int32         `json:"ttl,omitempty"`        // seconds; 0: the controller's default
	// Of a stream of events: the versions and what they were, in the order in which they came, and whether it was ended in order.
	Stream []StreamEvent `json:"stream,omitempty"`
	Ended  bool          `json:"ended,omitempty"`
}

// Rotated marks, behind a token's id, that its second secret is meant.
const Rotated = "#2"

// StreamEvent is one event of a stream.
type StreamEvent struct {
	Version string `json:"version"` // its id: the ETag of that version
	Status  string `json:"status"`  // as that of a call; "deleted" where the Check is gone
}

// Done tells whether the call was answered by a success.
func (c *Call) Done() bool { return len(c.Answer) == 3 && c.Answer[0] == '2' }

// Unknown tells whether the call may have had its effect although no success was answered: there was no answer, or one of a server that
// failed on the way.
func (c *Call) Unknown() bool { return c.Answer == None || len(c.Answer) == 3 && c.Answer[0] == '5' }

// Types of Seen, besides a watch's own.
const (
	Listed   = "LISTED"   // the watch had to begin anew, and this is how it is by now
	Vanished = "VANISHED" // the watch had to begin anew, and it is not there any more
	Final    = "FINAL"    // what the store holds when all is over
)

// Seen is an object as the store had it, by a watch that no fault touches.
type Seen struct {
	Type       string `json:"type"` // ADDED, MODIFIED, DELETED, or one of the types above
	Kind       string `json:"kind"` // Check, RuleSet, ConfigMap
	Name       string `json:"name"`
	UID        string `json:"uid"`
	Revision   uint64 `json:"revision"` // resource version, by which all writes are ordered
	Generation int64  `json:"generation"`

	// Of Checks. The payload of a batch is spec.inputs, as JSON. ConfigMaps have one too.
	Payload string   `json:"payload,omitempty"`
	Source  string   `json:"source,omitempty"` // the ConfigMap that the payload is taken from
	Sets    []string `json:"sets,omitempty"`
	TTL     *int32   `json:"ttl,omitempty"`
	ETag    string   `json:"etag,omitempty"` // the facade's name of this version
	Verdict *Verdict `json:"verdict,omitempty"`

	// Of RuleSets.
	Rules []v1alpha1.Rule `json:"rules,omitempty"`
}

// Verdict is a Check's status, with a digest in the place of its long parts.
type Verdict struct {
	Phase      v1alpha1.Phase    `json:"phase"`
	Generation int64             `json:"generation"` // observedGeneration
	Rules      string            `json:"rules,omitempty"`
	Input      string            `json:"input,omitempty"`
	Digest     string            `json:"digest"` // of the whole verdict
	Status     string            `json:"status"` // digest of the whole status, with times and conditions
	Reason     string            `json:"reason,omitempty"`
	Unsearched bool              `json:"unsearched,omitempty"` // the knowledge file could not be searched in time, as condition Explained says
	Completed  time.Time         `json:"completed,omitzero"`
	AlertKey   string            `json:"alertKey,omitempty"`
	Severity   v1alpha1.Severity `json:"severity,omitempty"`
	Since      time.Time         `json:"since,omitzero"` // last transition of the condition Passed
}

// States of faults.
const (
	Begun = "begun"
	Over  = "over"
	Left  = "left out"
)

// Fault is a fault that begins or is over.
type Fault struct {
	ID     int    `json:"id"`
	Kind   string `json:"kind"`
	Target string `json:"target"`
	State  string `json:"state"`
	// Process is whom it hit, where the target is a part that processes play in turn.
	Process string `json:"process,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Process is a process that starts or has ended.
type Process struct {
	Name  string `json:"name"`
	Start int    `json:"start"` // how often it was started by then
	PID   int    `json:"pid"`
	Ended bool   `json:"ended,omitempty"`
	How   string `json:"how,omitempty"`
	// Killed tells that it was ended by a fault, or in order at the run's end.
	Killed bool `json:"killed,omitempty"`
	// Panic is the first line of what a Go program says when it crashes.
	Panic string `json:"panic,omitempty"`
}

// Sources of Heard.
const (
	FromEvent   = "event"
	FromJournal = "journal"
)

// Heard is what the alert daemon leaves of a failure that it has announced.
type Heard struct {
	Source string        `json:"source"`
	UID    string        `json:"uid"`
	Name   string        `json:"name,omitempty"` // of events
	Reason string        `json:"reason"`         // an Event's reason, or the journal's state
	When   time.Duration `json:"when"`           // when it sounded, since the run began
	Key    string        `json:"key,omitempty"`  // of the journal
	Stale  bool          `json:"stale,omitempty"`
}

// Sample is what a process takes of its machine.
type Sample struct {
	Process     string `json:"process"`
	Start       int    `json:"start"`
	Goroutines  int    `json:"goroutines"`
	Descriptors int    `json:"descriptors"`
	Resident    int64  `json:"resident"` // bytes
	Heap        int64  `json:"heap"`     // bytes in use
}

// The marks of a run.
const (
	Warm      = "warm"       // all is up and under load, and nothing has failed yet
	FaultsEnd = "faults end" // the last fault is over
	CallsEnd  = "calls end"  // the driver has stopped
	Settled   = "settled"    // every Check has its final verdict
	Unsettled = "unsettled"  // that was not so within the time for it
)

// Mark is a moment of the run.
type Mark struct {
	What string `json:"what"`
	Note string `json:"note,omitempty"`
}
