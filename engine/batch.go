package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine/tally"
	"github.com/checky-dev/checky/rules"
)

// Item is one payload of several.
type Item struct {
	// Name tells it among the others; it may be empty, and need not be unique.
	Name string
	// Input is the payload's JSON text.
	Input []byte
	// Line is the line of a file that Input begins on, from 1, so that what is wrong with it is told by the file's lines. 0: by its own.
	Line int
	// Problem says why there is no Input, where there is none, such as a line of a file that is too long. The payload is then an Error.
	Problem string
}

// Items are the payloads of a Check's spec.inputs.
func Items(inputs []v1alpha1.BatchInput) []Item {
	items := make([]Item, len(inputs))
	for i := range inputs {
		items[i] = Item{Name: inputs[i].Name, Input: inputs[i].Text()}
	}
	return items
}

// BatchOptions are what all payloads of a Batch have in common.
type BatchOptions struct {
	// Program holds the rules.
	Program *Program
	// Now is the time that expressions see.
	Now time.Time
	// MaxTime is how long the evaluation of all payloads may take together. Those that are not done by then are Errors. 0: as
	// long as they take.
	MaxTime time.Duration
	// MaskSecrets says that no value of a payload which is a Secret's manifest, or a list of them, may be quoted, and that its digest
	// does not count. The payloads of a Check are not looked at so: whoever may read the verdict may read them.
	MaskSecrets bool
}

// batchWindow is how many payloads are evaluated before their verdicts are added up. It bounds what is kept of payloads that turn
// out not to be among the worst.
const batchWindow = 256

// Batch gives one verdict on many payloads:
//
//	items --Add--> a window of slots, filled in parallel --merge, in the items' order--> counts, digests, the worst --Outcome--> Verdict
//
// Its verdict is the same whatever the parallelism and however the payloads are spread over calls of Add. Its memory
// is bounded whatever their number. It is for one goroutine.
type Batch struct {
	engine  *Engine
	program *Program
	now     time.Time
	maxTime time.Duration // 0: none
	mask    bool          // Secrets' manifests
	clock   func() time.Time
	spent   atomic.Int64 // of maxTime, in nanoseconds

	slots []slot // of the window, reused
	line  []byte // reused

	total, success, failure, errored int
	unread                           int // of errored: those of which no rule was run
	warned                           int // of success: those with a warning
	summary                          sums
	failures, errors                 tally.Indexes
	digests, alerts                  hash.Hash
	severity                         int
	worst                            worst
	timedOut                         bool
}

// NewBatch begins a batch.
func (e *Engine) NewBatch(o BatchOptions) *Batch { return e.newBatch(o, time.Now) }

func (e *Engine) newBatch(o BatchOptions, clock func() time.Time) *Batch {
	return &Batch{engine: e, program: o.Program, now: o.Now, maxTime: o.MaxTime, mask: o.MaskSecrets, clock: clock, digests: sha256.New(), alerts: sha256.New()}
}

// Add evaluates payloads, in parallel, and adds them up. It may be called many times; it keeps no payload.
func (b *Batch) Add(ctx context.Context, items []Item) {
	for window := range slices.Chunk(items, batchWindow) {
		b.evaluate(ctx, window)
		for i := range window {
			b.merge(&b.slots[i])
			b.slots[i] = slot{}
		}
	}
}

// evaluate fills the slots of a window. Each depends on its own payload alone.
func (b *Batch) evaluate(ctx context.Context, window []Item) {
	if len(b.slots) < len(window) {
		b.slots = make([]slot, len(window))
	}
	bar := b.worst.bar()
	workers := min(runtime.GOMAXPROCS(0), len(window))
	if workers == 1 {
		reports := make([]rules.Report, len(b.program.rules))
		for i := range window {
			b.slots[i] = b.timed(1, func() slot { return b.judge(ctx, &window[i], b.total+i, bar, reports) })
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			reports := make([]rules.Report, len(b.program.rules))
			for i := int(next.Add(1)) - 1; i < len(window); i = int(next.Add(1)) - 1 {
				b.slots[i] = b.timed(workers, func() slot { return b.judge(ctx, &window[i], b.total+i, bar, reports) })
			}
		})
	}
	group.Wait()
}

// merge adds up one payload, the next in order.
func (b *Batch) merge(s *slot) {
	index := b.total
	b.total++
	switch s.phase {
	case v1alpha1.PhaseFailure:
		b.failure++
		b.failures.Add(index)
	case v1alpha1.PhaseError:
		b.errored++
		b.errors.Add(index)
		if !s.ran {
			b.unread++
		}
	default:
		b.success++
		if s.summary.Warn > 0 {
			b.warned++
		}
	}
	b.summary.add(&s.summary)
	b.timedOut = b.timedOut || s.timedOut
	b.line = append(append(b.line[:0], s.digest...), '\n')
	_, _ = b.digests.Write(b.line) // a hash takes everything
	if s.alert != "" {
		b.severity = max(b.severity, s.rank.Severity)
		b.line = append(strconv.AppendInt(b.line[:0], int64(index), 10), ' ')
		b.line = append(append(b.line, s.alert...), '\n')
		_, _ = b.alerts.Write(b.line)
	}
	if s.entry != nil {
		b.worst.add(s.entry)
	}
}

// Outcome is the verdict on all payloads so far. Where there are none it is an Error: nothing was checked.
func (b *Batch) Outcome(ctx context.Context) Outcome {
	if b.total == 0 {
		return b.engine.Refuse(ctx, v1alpha1.ReasonInvalidInput, "there is no payload among the inputs; give at least one")
	}
	v := v1alpha1.Verdict{
		Phase:        b.phase(),
		RulesApplied: slices.Clone(b.program.applied), // what an API server answers is decoded into it
		RuleCount:    int32(len(b.program.applied)),   //nolint:gosec // at most MaxRulesPerCheck
		Summary:      b.summary.narrow(),
		InputDigest:  digestOfSum(b.digests),
		RulesDigest:  b.program.digest,
		Batch: &v1alpha1.BatchVerdict{
			Total: narrow(b.total), Succeeded: narrow(b.success), Failed: narrow(b.failure), Errored: narrow(b.errored),
			FailedIndexes: b.failures.String(), ErroredIndexes: b.errors.String(),
		},
	}
	if v.Phase != v1alpha1.PhaseSuccess {
		v.Alert = &v1alpha1.Alert{
			Key:      rules.Digest([]byte(string(v.Phase) + "\n" + digestOfSum(b.alerts))),
			Severity: severities[b.severity],
		}
	}
	out := Outcome{Reason: b.reason(v.Phase), TimedOut: b.timedOut}
	out.Retrieval = b.explain(ctx, &v)
	v.Batch.Items = b.worst.items()
	v.Batch.Truncated = narrow(b.notable() - len(v.Batch.Items))
	out.Verdict = v
	return out
}

func (b *Batch) phase() v1alpha1.Phase {
	switch {
	case b.failure > 0:
		return v1alpha1.PhaseFailure
	case b.errored > 0:
		return v1alpha1.PhaseError
	}
	return v1alpha1.PhaseSuccess
}

// reason is that of the phase. A batch in Error of which every payload at fault could not even be read says so.
func (b *Batch) reason(phase v1alpha1.Phase) string {
	if phase == v1alpha1.PhaseError && b.unread == b.errored && !b.timedOut {
		return v1alpha1.ReasonInvalidInput
	}
	return reasonOf(phase)
}

// notable is how many payloads there is something to tell of.
func (b *Batch) notable() int { return b.failure + b.errored + b.warned }

// digestOfSum is what a hash has come to, as sha256:HEX.
func digestOfSum(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

// sums is a Summary over any number of payloads.
type sums struct{ pass, fail, warn, skip, err int }

func (s *sums) add(one *v1alpha1.Summary) {
	s.pass += int(one.Pass)
	s.fail += int(one.Fail)
	s.warn += int(one.Warn)
	s.skip += int(one.Skip)
	s.err += int(one.Error)
}

func (s *sums) narrow() *v1alpha1.Summary {
	return &v1alpha1.Summary{Pass: narrow(s.pass), Fail: narrow(s.fail), Warn: narrow(s.warn), Skip: narrow(s.skip), Error: narrow(s.err)}
}

// narrow fits a count into a verdict's fields. No Check comes near their end; a file that is checked without a cluster may.
func narrow(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // it is bounded
