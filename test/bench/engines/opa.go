package engines

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// regoPolicy is the rules as people write them: a set of the names of those that do not hold. A rule that is undefined, because a field is
// missing, say, is in it too.
func regoPolicy(list []rule) string {
	var b strings.Builder
	b.WriteString("package orders\n")
	for _, r := range list {
		name := strings.ReplaceAll(r.name, "-", "_")
		fmt.Fprintf(&b, "\ndeny contains %q if not %s_ok\n\n%s\n", r.name, name, strings.ReplaceAll(r.rego, "NAME", name))
	}
	return b.String()
}

func prepareOPA(list []rule) (rego.PreparedEvalQuery, error) {
	return rego.New(rego.Query("data.orders.deny"), rego.Module("orders.rego", regoPolicy(list))).PrepareForEval(context.Background())
}

// opaQuery is OPA with a prepared query that takes the payload as Go values, as most programs have it.
func opaQuery(list []rule) (contender, error) {
	query, err := prepareOPA(list)
	if err != nil {
		return contender{}, err
	}
	return contender{
		name:   "OPA",
		setup:  "rego.PrepareForEval once, EvalInput on json.Unmarshal's values; denied rules are a set of names",
		decode: decodeAny,
		check:  func(decoded any) (int, error) { return denied(query, rego.EvalInput(decoded)) },
	}.viaDecode(), nil
}

// opaParsed is OPA's best case: the payload in OPA's own form.
func opaParsed(list []rule) (contender, error) {
	query, err := prepareOPA(list)
	if err != nil {
		return contender{}, err
	}
	return contender{
		name:   "OPA, parsed input",
		setup:  "the same with EvalParsedInput: the payload in OPA's own form, by ast.ValueFromReader",
		decode: func(text []byte) (any, error) { return ast.ValueFromReader(bytes.NewReader(text)) },
		check: func(decoded any) (int, error) {
			return denied(query, rego.EvalParsedInput(decoded.(ast.Value))) //nolint:forcetypeassert // decode gave it
		},
	}.viaDecode(), nil
}

func denied(query rego.PreparedEvalQuery, input rego.EvalOption) (int, error) {
	results, err := query.Eval(context.Background(), input)
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return 0, fmt.Errorf("the query gave %d results, want one", len(results))
	}
	names, ok := results[0].Expressions[0].Value.([]any)
	if !ok {
		return 0, fmt.Errorf("the query gave %T, want a set", results[0].Expressions[0].Value)
	}
	return len(names), nil
}
