package engines

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/checky-dev/checky/rules"
)

const (
	// interruptFrequency is how many steps of loops pass between looks at the context.
	interruptFrequency = 100
	// guardTime is the deadline of the libraries with limits. That there is one is what costs; on a busy machine none is to be reached.
	guardTime = 10 * time.Second
)

// bareCEL is cel-go by itself, an optimised program a rule. With limits it has those that it knows itself and that a service needs which
// takes expressions from others: a limit of cost, and a context that ends in time.
func bareCEL(limits bool) func([]rule) (contender, error) {
	return func(list []rule) (contender, error) {
		env, err := cel.NewEnv(cel.Variable("input", cel.DynType))
		if err != nil {
			return contender{}, err
		}
		options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
		c := contender{name: "cel-go", setup: "a program a rule with cel.OptOptimize, on json.Unmarshal's values; no limits", decode: decodeAny}
		if limits {
			options = append(options, cel.CostLimit(rules.MaxCELCost), cel.InterruptCheckFrequency(interruptFrequency))
			c.name = "cel-go, limits"
			c.setup = fmt.Sprintf("the same with cel.CostLimit(%d) and ContextEval under one deadline a payload", rules.MaxCELCost)
		}
		programs := make([]cel.Program, len(list))
		for i, r := range list {
			checked, issues := env.Compile(r.cel)
			if issues.Err() != nil {
				return contender{}, issues.Err()
			}
			if programs[i], err = env.Program(checked, options...); err != nil {
				return contender{}, err
			}
		}
		c.check = func(decoded any) (int, error) {
			vars := map[string]any{"input": decoded}
			if !limits {
				return runCEL(programs, func(p cel.Program) (ref.Val, error) { return value(p.Eval(vars)) })
			}
			ctx, cancel := context.WithTimeout(context.Background(), guardTime)
			defer cancel()
			return runCEL(programs, func(p cel.Program) (ref.Val, error) { return value(p.ContextEval(ctx, vars)) })
		}
		return c.viaDecode(), nil
	}
}

func value(v ref.Val, _ *cel.EvalDetails, err error) (ref.Val, error) { return v, err }

func runCEL(programs []cel.Program, eval func(cel.Program) (ref.Val, error)) (broken int, err error) {
	for _, program := range programs {
		value, err := eval(program)
		if err != nil {
			return 0, err
		}
		if value != types.True {
			broken++
		}
	}
	return broken, nil
}

// decodeAny is what most Go programs do with a payload.
func decodeAny(text []byte) (any, error) {
	var decoded any
	err := json.Unmarshal(text, &decoded)
	return decoded, err
}
