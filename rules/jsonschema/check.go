package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/rules"
)

// MaxEvaluations is how many times one rule may apply a schema to a value.
const MaxEvaluations = 30_000

// schema is a compiled rule. The library gives formats and patterns no context, so each goroutine takes a worker with a compiled schema of its
// own.
type schema struct {
	document any
	formats  map[string]bool
	last     atomic.Pointer[worker] // the one that was put back first while it was nil: a swap is cheaper than a channel's lock
	idle     chan *worker
}

// worker is one compiled schema, and the call that it serves at present.
type worker struct {
	schema      *js.Schema
	call        *rules.Call
	evaluations int
	patterns    map[string]*pattern
	tooLong     []unmatched
}

// abort is what a worker panics with to end an evaluation; Check recovers it.
type abort struct{ err error }

func (s *schema) newWorker() (*worker, error) {
	w := &worker{}
	compiled, err := compileWith(w, s.document, s.formats)
	if err != nil {
		return nil, err
	}
	w.schema = compiled
	return w, nil
}

func (s *schema) take() (*worker, error) {
	if w := s.last.Swap(nil); w != nil {
		return w, nil
	}
	select {
	case w := <-s.idle:
		return w, nil
	default:
	}
	w, err := s.newWorker()
	if err == nil {
		w.countAll(w.schema)
	}
	return w, err
}

func (s *schema) put(w *worker) {
	w.call, w.tooLong = nil, nil
	if s.last.CompareAndSwap(nil, w) {
		return
	}
	select {
	case s.idle <- w:
	default: // there are as many as can run at once
	}
}

// evaluation counts that a schema is applied to a value, and ends the rule when that is too much.
func (w *worker) evaluation(value any, weight int) {
	if w.evaluations += weight; w.evaluations > MaxEvaluations {
		panic(&abort{fmt.Errorf("jsonSchema: the schema is applied to more than %d values; make it simpler, or check a part of the payload", MaxEvaluations)})
	}
	switch v := value.(type) {
	case json.Number: // a fraction of so many digits
		weight += len(v) / 32
		if strings.ContainsAny(string(v), "eE") {
			weight += 8
		}
	case string: // its length in code points
		weight += len(v) / 512
	case []any:
		weight += len(v) / 4
	case map[string]any:
		weight += len(v) / 4
	}
	w.step(stepsPerEvaluation * weight)
}

// stepsPerEvaluation is how many steps of a Call one evaluation takes about as long as.
const stepsPerEvaluation = 16

func (w *worker) step(n int) {
	if err := w.call.Step(n); err != nil {
		panic(&abort{err})
	}
}

// Check implements rules.Checker.
func (s *schema) Check(c *rules.Call) error {
	if !c.Payload().ShortNumbers() {
		if pointer, found := findLong(c.Payload().Root()); found {
			return fmt.Errorf("jsonSchema: the number at %s has more than %d digits or an exponent above %d; use module range, which has no such limit", where(pointer), MaxDigits, MaxDigits)
		}
	}
	w, err := s.take()
	if err != nil {
		return explainCompile(err, "")
	}
	tree, err := w.validate(c)
	if err != nil {
		return err
	}
	s.put(w)
	if tree != nil {
		return report(c, tree)
	}
	return nil
}

func where(pointer string) string {
	if pointer == "" {
		return "the top of the payload"
	}
	return pointer
}

// validate gives the tree of errors, or nil where there is none.
func (w *worker) validate(c *rules.Call) (tree *js.ValidationError, err error) {
	defer func() {
		if p := recover(); p != nil {
			stopped, ok := p.(*abort)
			if !ok {
				panic(p)
			}
			err = stopped.err
		}
	}()
	w.call, w.evaluations, w.tooLong = c, 0, nil
	err = w.schema.Validate(c.Payload().Root())
	if len(w.tooLong) > 0 {
		return nil, w.unmatchedError()
	}
	if err == nil {
		return nil, nil
	}
	if found := (*js.ValidationError)(nil); errors.As(err, &found) { // on the heap, so not where all is well
		return found, nil
	}
	return nil, errors.New("jsonSchema: the schema could not be evaluated")
}
