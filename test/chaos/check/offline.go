package check

import (
	"context"
	"fmt"
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

// searchPatience is how long the searches of one verdict may take here, where nobody waits.
const searchPatience = time.Minute

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

// verdict is what the engine says of a payload.
func (o *offline) verdict(payload string, program *engine.Program) expected {
	key := program.Digest() + payload
	if known, ok := o.memo[key]; ok {
		return known
	}
	request := engine.Request{Input: []byte(payload), Program: program, Now: time.Now()}
	whole := o.engine.Evaluate(context.Background(), request)
	bare := o.unsearched.Evaluate(context.Background(), request)
	e := expected{whole.Verdict.Phase, observe.Digest(&whole.Verdict), observe.Digest(&bare.Verdict)}
	o.memo[key] = e
	return e
}
