package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
	"github.com/checky-dev/checky/test/chaos/observe"
)

// searchPatience is how long the searches of one verdict may take here, where nobody waits, and tries is how often a payload is evaluated of which a
// rule runs out of time: on a busy machine it would have ended, as it did for the controller.
const (
	searchPatience = time.Minute
	tries          = 20
)

// offline is the engine with the knowledge file that ships, as the command line has them.
type offline struct {
	library    *engine.Library
	engine     engine.Engine // with passages
	unsearched engine.Engine // without
	memo       map[string]expected
}

// expected is what a verdict is to be.
type expected struct {
	phase              v1alpha1.Phase
	digest, unsearched string
}

var newOffline = sync.OnceValue(func() *offline {
	knowledge, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		panic(fmt.Sprintf("the knowledge file that ships cannot be read: %v", err))
	}
	return &offline{
		library: engine.NewLibrary(builtin.New()),
		engine:  engine.Engine{Retriever: knowledge, RetrievalTimeout: searchPatience}, memo: map[string]expected{},
	}
})

// program puts versions of rule sets together.
func (o *offline) program(sets []seen) (*engine.Program, error) {
	compiled := make([]*rules.Set, 0, len(sets))
	for _, s := range sets {
		compiled = append(compiled, o.library.Rules(s.Name, s.Rules))
	}
	return o.library.Program("", compiled...)
}

// evaluate has an engine evaluate a payload, or all of a batch.
func evaluate(e *engine.Engine, payload string, program *engine.Program) (outcome engine.Outcome) {
	for range tries {
		if outcome = evaluateOnce(e, payload, program); !outcome.TimedOut {
			break
		}
	}
	return outcome
}

func evaluateOnce(e *engine.Engine, payload string, program *engine.Program) engine.Outcome {
	inputs := batchOf(payload)
	if inputs == nil {
		return e.Evaluate(context.Background(), engine.Request{Input: []byte(payload), Program: program, Now: time.Now()})
	}
	batch := e.NewBatch(engine.BatchOptions{Program: program, Now: time.Now()})
	batch.Add(context.Background(), engine.Items(inputs))
	return batch.Outcome(context.Background())
}

// batchOf are the payloads of a batch; nil: it is none.
func batchOf(payload string) []v1alpha1.BatchInput {
	var inputs []v1alpha1.BatchInput
	if !strings.HasPrefix(payload, "[") || json.Unmarshal([]byte(payload), &inputs) != nil {
		return nil
	}
	return inputs
}

// digestOf is how a verdict calls a payload; empty: it is none.
func digestOf(payload string) string {
	value, err := rules.Decode([]byte(payload))
	if err != nil {
		return ""
	}
	return value.Digest()
}

// verdict is what the engine says of a payload.
func (o *offline) verdict(payload string, program *engine.Program) expected {
	key := program.Digest() + payload
	if known, ok := o.memo[key]; ok {
		return known
	}
	whole, bare := evaluate(&o.engine, payload, program), evaluate(&o.unsearched, payload, program)
	e := expected{whole.Verdict.Phase, observe.Digest(&whole.Verdict), observe.Digest(&bare.Verdict)}
	o.memo[key] = e
	return e
}
