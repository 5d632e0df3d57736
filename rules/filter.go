package rules

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/registry"
	"github.com/theory/jsonpath/spec"
)

// filterPatterns are the regular expressions of a path's match and search functions. The library compiles them anew for
// each value, from whatever text the payload holds; here they must be literals and are compiled once, within the limits of
// a Pattern.
type filterPatterns struct {
	match, search map[string]*Pattern
	size          int // instructions of all together
}

// parsePath parses a JSONPath whose match and search functions are bounded.
func parsePath(text string) (*jsonpath.Path, int, error) {
	p := &filterPatterns{match: map[string]*Pattern{}, search: map[string]*Pattern{}}
	functions := registry.New()
	*functions.Get("match") = *p.function("match", p.match, `\A(?:%s)\z`)
	*functions.Get("search") = *p.function("search", p.search, `%s`)
	path, err := jsonpath.NewParser(jsonpath.WithRegistry(functions)).Parse(text)
	return path, p.size, err
}

// function is match or search of RFC 9535, section 2.4. Frame puts the expression where it must match.
func (p *filterPatterns) function(name string, compiled map[string]*Pattern, frame string) *spec.FuncExtension {
	validate := func(args []spec.FuncExprArg) error {
		if len(args) != 2 || !args[0].ConvertsTo(spec.FuncValue) {
			return errors.New("expected a value and a regular expression")
		}
		literal, ok := args[1].(*spec.LiteralArg)
		if !ok {
			return errors.New("the regular expression must be a literal")
		}
		expression, ok := literal.Value().(string)
		if !ok {
			return nil
		}
		pattern, err := compileIRegexp(expression, frame)
		if err != nil {
			return err
		}
		compiled[expression] = pattern
		p.size += pattern.size
		return nil
	}
	return spec.Extension(name, spec.FuncLogical, validate, func(args []spec.PathValue) spec.PathValue {
		text, isText := valueOf(args[0]).(string)
		expression, isExpression := valueOf(args[1]).(string)
		return spec.Logical(isText && isExpression && compiled[expression].expression.MatchString(text))
	})
}

func valueOf(v spec.PathValue) any {
	if value := spec.ValueFrom(v); value != nil {
		return value.Value()
	}
	return nil
}

// compileIRegexp compiles an expression of RFC 9485, whose dot matches neither a line feed nor a carriage return.
func compileIRegexp(expression, frame string) (*Pattern, error) {
	bounded, err := CompilePattern(expression)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(expression, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, explainSyntax(expression, err)
	}
	narrowDots(tree)
	compiled, err := regexp.Compile(fmt.Sprintf(frame, tree.String()))
	if err != nil {
		return nil, explainSyntax(expression, err)
	}
	return &Pattern{expression: compiled, size: bounded.size}, nil
}

func narrowDots(tree *syntax.Regexp) {
	if tree.Op == syntax.OpAnyChar {
		tree.Op, tree.Rune = syntax.OpCharClass, []rune{0, '\n' - 1, '\n' + 1, '\r' - 1, '\r' + 1, 0x10ffff}
		return
	}
	for _, sub := range tree.Sub {
		narrowDots(sub)
	}
}
