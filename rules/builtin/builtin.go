// Package builtin puts together the rules that ship: the modules of its list, CEL and JSON Schema. It is the one place that
// knows them all.
package builtin

import (
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/cel"
	"github.com/checky-dev/checky/rules/jsonschema"
)

// New gives a compiler of all kinds of rules. Its first expression takes some milliseconds more than others; make one and share it.
func New() *rules.Compiler {
	language := cel.New()
	return rules.NewCompiler(modules(), language, language, jsonschema.New())
}
