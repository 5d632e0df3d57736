package rules

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Checker decides one rule. It is what every way of writing a rule compiles to. It is
// immutable and used by many goroutines at once.
type Checker interface {
	// Check looks at the call's payload and reports each finding with Call.Fail or Call.FailAt. No
	// finding means that the rule passed. An error means that it could not be evaluated, and is
	// shown as it is: it says what is wrong, and never quotes a value of the payload.
	Check(c *Call) error
}

// Guard decides whether a rule applies.
type Guard interface {
	Allows(c *Call) (bool, error)
}

// Finding is one place at which a rule failed.
type Finding struct {
	// Path is an RFC 6901 JSON Pointer, cut at MaxMessageBytes; it is empty for the whole payload.
	Path string
	// Message says what was expected and what was found.
	Message string
	// Found is what was found, as it may be shown; it is empty where Message says it all.
	Found string
	// Topic is set where it is another than the rule's.
	Topic string
}

// ErrTime is the error of a rule that took longer than it may.
var ErrTime = errors.New("time limit")

// Call is one evaluation under way: what it looks at, what it has found, and what it may still use. It is used by one
// goroutine, for one rule after the other.
type Call struct {
	ctx      context.Context
	payload  *Payload
	now      time.Time
	deadline time.Duration // of the rule, on the clock; 0 until the clock is read in it
	latest   time.Duration // of the check
	steps    int
	nextLook int
	// What was done since the clock was last read: steps, those of the rules before included, and whether a rule was
	// among them whose steps are not all that it does.
	unread    int
	uncounted bool

	cost     uint64
	findings []Finding
	dropped  int
	walked   []fieldStep
	topic    string
	memo     any

	room [8]fieldStep // for walked, so that most walks allocate nothing
}

// began is what the clock counts from: how long ago it was takes half as long to tell as what time it is.
var began = time.Now()

func clock() time.Duration { return time.Since(began) }

var calls = sync.Pool{New: func() any { return new(Call) }}

// NewCall begins the evaluation of a payload. Now is the time that CEL expressions see. Release ends it.
func NewCall(ctx context.Context, payload *Payload, now time.Time) *Call {
	return newCall(ctx, payload, now, clock()+MaxCheckTime)
}

func newCall(ctx context.Context, payload *Payload, now time.Time, latest time.Duration) *Call {
	c := calls.Get().(*Call) //nolint:forcetypeassert // the pool holds nothing else
	c.ctx, c.payload, c.now, c.latest = ctx, payload, now, latest
	c.nextLook = stepsPerLook
	c.walked = c.room[:0]
	return c
}

// Fork gives a call over the same payload and time for another goroutine. It is released by itself.
func (c *Call) Fork() *Call { return newCall(c.ctx, c.payload, c.now, c.latest) }

// Release gives a call's memory to another one. Nobody may use the call, or a Node of it, after that.
func (c *Call) Release() {
	*c = Call{}
	calls.Put(c)
}

// Context ends when the caller of the evaluation no longer waits. It has no deadline of the rule's: that is Step's.
func (c *Call) Context() context.Context { return c.ctx }

// Payload is what is being checked.
func (c *Call) Payload() *Payload { return c.payload }

// Now is the time of the evaluation.
func (c *Call) Now() time.Time { return c.now }

// Left is how much time the check has left.
func (c *Call) Left() time.Duration { return c.latest - clock() }

// Memo keeps one value for all rules of this call, such as the payload in the form that an
// expression language wants it.
func (c *Call) Memo(build func(*Call) any) any {
	if c.memo == nil {
		c.memo = build(c)
	}
	return c.memo
}

const (
	// stepsPerLook is how often Step looks at the clock.
	stepsPerLook = 4096
	// stepsPerRule is what it takes to run a rule, besides its steps.
	stepsPerRule = 64
)

// begin sets the call up for the next rule. Counted says that the rule's steps are all that it does: such rules do
// without the clock until they have taken stepsPerLook together, since a reading takes as long as a small rule. Its error is Overdue's.
func (c *Call) begin(counted bool) error {
	due := !counted || c.uncounted
	c.unread += c.steps + stepsPerRule
	c.steps, c.nextLook, c.cost, c.dropped = 0, stepsPerLook, 0, 0
	c.findings, c.topic = nil, ""
	c.deadline, c.uncounted = 0, !counted
	if due || c.unread >= stepsPerLook {
		return c.Overdue()
	}
	return c.cancelled()
}

// Step counts work: one step a value looked at, or about 10 ns of anything else. Its error ends the rule.
func (c *Call) Step(n int) error {
	c.steps += n
	if c.steps < c.nextLook {
		return nil
	}
	return c.look()
}

func (c *Call) look() error {
	c.nextLook = c.steps + stepsPerLook
	if c.steps > MaxSteps {
		return fmt.Errorf("the rule looks at more than %d values; select fewer with its field", MaxSteps)
	}
	return c.Overdue()
}

// Overdue is an error, which wraps ErrTime, once the rule's or the check's time is up, or when nobody waits any more. A rule's time
// begins when the clock is first read in it, which is within its first 4,096 steps.
func (c *Call) Overdue() error {
	if err := c.cancelled(); err != nil {
		return err
	}
	now := clock()
	c.unread = 0
	if c.deadline == 0 {
		c.deadline = min(now+MaxRuleTime, c.latest)
	}
	if now < c.deadline {
		return nil
	}
	c.uncounted = true // the rule after it looks at the clock first
	if c.deadline == c.latest {
		return fmt.Errorf("%w: the rules of this check took more than %s together", ErrTime, MaxCheckTime)
	}
	return fmt.Errorf("%w: the rule took more than %s", ErrTime, MaxRuleTime)
}

func (c *Call) cancelled() error {
	if c.ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("%w: the evaluation was cancelled", ErrTime)
}

// Spend counts CEL cost.
func (c *Call) Spend(cost uint64) { c.cost += cost }

// Pointer is a node's JSON Pointer.
func (c *Call) Pointer(n Node) string {
	switch {
	case n.located != nil:
		return n.located.Path.Pointer()
	case n.onPath:
		return pointerTo(c.walked)
	}
	return n.pointer
}

// About says what the findings from here on are about, in the words of a knowledge file: a keyword of a schema, say.
func (c *Call) About(topic string) { c.topic = topic }

// Fail reports that a selected value is not as expected. Expected completes the sentence "expected ...".
func (c *Call) Fail(n Node, expected string) {
	if c.Drops() {
		return
	}
	path := c.Pointer(n)
	c.add(path, expected, c.Show(path, n.Value))
}

// FailAt reports a finding at a JSON Pointer. Found completes the sentence "expected ..., found ..." and
// must have gone through Show if it quotes a value.
func (c *Call) FailAt(path, expected, found string) {
	if !c.Drops() {
		c.add(path, expected, found)
	}
}

// Report reports a finding whose message is a whole sentence of its own. It must not quote values that did
// not go through Show.
func (c *Call) Report(path, message string) {
	if !c.Drops() {
		c.findings = append(c.findings, Finding{Topic: c.topic, Path: ClipBytes(path, MaxMessageBytes), Message: ClipBytes(Plain(message), MaxMessageBytes)})
	}
}

// Drops says whether the next finding would be dropped because there are MaxFindingsPerRule already, and counts
// it if so. Who has to work for a finding, such as to write its path, asks first.
func (c *Call) Drops() bool {
	if len(c.findings) < MaxFindingsPerRule {
		return false
	}
	c.dropped++
	return true
}

func (c *Call) add(path, expected, found string) {
	found = Plain(found)
	message := "expected " + Plain(expected)
	if found != "" {
		message += ", found " + found
	}
	c.findings = append(c.findings, Finding{Topic: c.topic, Path: ClipBytes(path, MaxMessageBytes), Message: ClipBytes(message, MaxMessageBytes), Found: found})
}

// Failed says whether this rule has findings so far.
func (c *Call) Failed() bool { return len(c.findings) > 0 }
