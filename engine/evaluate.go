package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
)

// Engine evaluates. Its zero value works, without a knowledge file.
type Engine struct {
	// Retriever searches the knowledge file. Nil: explanations go without passages.
	Retriever rag.Retriever
	// RetrievalTimeout is how long all searches for one verdict may take. 0: 100 ms.
	RetrievalTimeout time.Duration
}

// Request is one payload to evaluate: exactly one of Input and Payload is set.
type Request struct {
	// Input is the payload's JSON text.
	Input []byte
	// Secret says that no value of Input may be quoted. A Payload says it itself.
	Secret bool
	// Payload is the payload where it is decoded already; Input is not looked at then.
	Payload *rules.Payload
	// Program holds the rules.
	Program *Program
	// Now is the time that expressions see.
	Now time.Time
}

// Outcome is a verdict and what came to pass on the way to it.
type Outcome struct {
	// Verdict is what the Check's status will hold.
	Verdict v1alpha1.Verdict
	// Reason is one of the condition reasons: RulesPassed, RulesFailed, RulesErrored or why the Check could
	// not be evaluated at all.
	Reason string
	// Retrieval is why the explanation lacks passages, where searching failed. The verdict stands.
	Retrieval error
	// TimedOut says that a rule ran out of time, so that another try may end otherwise.
	TimedOut bool
}

// scratch are reports that nobody reads any more: verdicts hold copies of what is in them.
var scratch = sync.Pool{New: func() any { return new([]rules.Report) }}

// Evaluate gives the verdict on a payload. It does not fail: what goes wrong is in the verdict.
func (e *Engine) Evaluate(ctx context.Context, r Request) Outcome {
	payload := r.Payload
	if payload == nil {
		decoded, err := decode(r.Input, r.Secret)
		if err != nil {
			return e.Refuse(ctx, v1alpha1.ReasonInvalidInput, err.Error())
		}
		payload = decoded
	}
	room := scratch.Get().(*[]rules.Report) //nolint:forcetypeassert // the pool holds nothing else
	reports := slices.Grow((*room)[:0], len(r.Program.rules))[:len(r.Program.rules)]
	defer func() {
		clear(reports)
		*room = reports
		scratch.Put(room)
	}()
	run(ctx, payload, r.Program.rules, r.Now, reports)
	v := v1alpha1.Verdict{
		RulesApplied: slices.Clone(r.Program.applied), // what an API server answers is decoded into it
		RuleCount:    int32(len(r.Program.applied)),   //nolint:gosec // at most MaxRulesPerCheck
		RulesDigest:  r.Program.digest,
	}
	if !payload.Secret() { // a digest of a secret would let a guess be confirmed
		v.InputDigest = payload.Digest()
	}
	order := fillResults(&v, r.Program, reports)
	out := Outcome{Reason: reasonOf(v.Phase)}
	for i := range reports {
		out.TimedOut = out.TimedOut || reports[i].TimedOut
	}
	if v.Summary.Pass == int32(len(reports)) { //nolint:gosec // at most MaxRulesPerCheck
		v.Explanation = r.Program.passed
	} else {
		out.Retrieval = e.explain(ctx, &v, r.Program.rules, reports, order)
	}
	out.Verdict = v
	return out
}

func decode(input []byte, secret bool) (*rules.Payload, error) {
	if secret {
		return rules.Decode(input, rules.FromSecret())
	}
	return rules.Decode(input)
}

// Refuse is the verdict on a Check that cannot be evaluated at all. The reason is a condition's; the message says
// what is wrong and what to do, and quotes no value.
func (e *Engine) Refuse(ctx context.Context, reason, message string) Outcome {
	v := v1alpha1.Verdict{Phase: v1alpha1.PhaseError}
	v.Alert = alertOf(v.Phase, reason, nil, v1alpha1.SeverityError)
	hits, err := e.search(ctx, []rag.Query{refusalQuery(reason, message)})
	v.Explanation = "Error: " + message
	if len(hits) > 0 && hits[0] != nil {
		cite(&v, hits[0])
		v.Explanation += "\n" + citation(*hits[0])
	}
	return Outcome{Verdict: v, Reason: reason, Retrieval: err}
}

func reasonOf(p v1alpha1.Phase) string {
	switch p {
	case v1alpha1.PhaseSuccess:
		return v1alpha1.ReasonRulesPassed
	case v1alpha1.PhaseFailure:
		return v1alpha1.ReasonRulesFailed
	default:
		return v1alpha1.ReasonRulesErrored
	}
}

// Rules run side by side only where there is work enough to pay for the goroutines.
const (
	parallelRules = 8
	parallelBytes = 8 << 10
)

// run evaluates every rule, and writes the report of each. It depends on its own rule alone, so it is the same however the rules
// are spread over goroutines.
func run(ctx context.Context, payload *rules.Payload, list []*rules.Rule, now time.Time, reports []rules.Report) {
	call := rules.NewCall(ctx, payload, now)
	defer call.Release()
	workers := min(runtime.GOMAXPROCS(0), len(list))
	if len(list) < parallelRules || payload.Size() < parallelBytes || workers < 2 {
		for i, rule := range list {
			reports[i] = rule.Evaluate(call)
		}
	} else {
		runParallel(call, list, reports, workers)
	}
	again(call, list, reports)
	limitCost(reports)
}

// again gives a rule that ran out of its own time what is left of the check's: on a busy machine running out can befall any
// rule, and one that was merely unlucky needs moments.
func again(call *rules.Call, list []*rules.Rule, reports []rules.Report) {
	for i, rule := range list {
		if reports[i].TimedOut && call.Left() > 0 {
			reports[i] = rule.Evaluate(call)
		}
	}
}

func runParallel(call *rules.Call, list []*rules.Rule, reports []rules.Report, workers int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		fork := call.Fork()
		group.Go(func() {
			defer fork.Release()
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				reports[i] = list[i].Evaluate(fork)
			}
		})
	}
	group.Wait()
}

// limitCost holds the CEL cost of a whole Check. It counts after the fact and in the rules' order, so that which
// rules are over does not depend on which ran first.
func limitCost(reports []rules.Report) {
	total := uint64(0)
	for i := range reports {
		total += reports[i].Cost
		if total > rules.MaxCELCostPerCheck && reports[i].Cost > 0 {
			reports[i] = rules.Report{
				Outcome: v1alpha1.OutcomeError,
				Problem: fmt.Sprintf("the CEL expressions of this check cost more than %d together; use cheaper ones, or several Checks", rules.MaxCELCostPerCheck),
			}
		}
	}
}

// Headline is the verdict in one line.
func (o *Outcome) Headline() string {
	line, _, _ := strings.Cut(o.Verdict.Explanation, "\n")
	return line
}
