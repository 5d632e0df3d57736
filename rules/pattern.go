package rules

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Pattern is a compiled regular expression in RE2's syntax, bounded when it is compiled and each time it
// is matched. It matches anywhere in a text unless it is anchored, as in JSON Schema.
type Pattern struct {
	expression *regexp.Regexp
	size       int // instructions
}

// patternStepsPerStep is how many pairs of a byte and an instruction take about as long as one step of a Call.
const patternStepsPerStep = 8

// CompilePattern compiles a regular expression of at most MaxPatternBytes, and of at most
// MaxPatternSize instructions once its repetitions are written out.
func CompilePattern(expression string) (*Pattern, error) {
	if len(expression) > MaxPatternBytes {
		return nil, fmt.Errorf("the pattern has %d bytes, at most %d are allowed; split the rule", len(expression), MaxPatternBytes)
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, explainSyntax(expression, err)
	}
	size, err := programSize(tree)
	if err != nil {
		return nil, explainSyntax(expression, err)
	}
	if size > MaxPatternSize {
		return nil, fmt.Errorf("the pattern compiles to %d instructions, at most %d are allowed; make its repetitions smaller", size, MaxPatternSize)
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, explainSyntax(expression, err)
	}
	return &Pattern{expression: compiled, size: size}, nil
}

// PatternSize is how many instructions a regular expression in RE2's syntax compiles to. Past MaxPatternSize it is an estimate, since
// to write out a thousand repetitions of a long text takes a second and 100 MiB.
func PatternSize(expression string) (int, error) {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	return programSize(tree)
}

func programSize(tree *syntax.Regexp) (int, error) {
	if least := leastSize(tree); least > MaxPatternSize {
		return least, nil
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	return len(program.Inst), nil
}

// leastSize counts instructions that are in the program for certain.
func leastSize(tree *syntax.Regexp) int {
	size := 0
	switch tree.Op {
	case syntax.OpLiteral:
		size = len(tree.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		size = 1
	case syntax.OpCapture: // its begin and its end
		size = 2
	case syntax.OpAlternate:
		size = len(tree.Sub) - 1
	}
	for _, sub := range tree.Sub {
		size += leastSize(sub)
	}
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Min, tree.Max)
	}
	return size
}

func explainSyntax(expression string, err error) error {
	why := err.Error()
	if known := (*syntax.Error)(nil); errors.As(err, &known) {
		why = fmt.Sprintf("%s at %q", known.Code, clip(known.Expr))
	}
	return fmt.Errorf("%q is not a regular expression: %s; the syntax is RE2's, which has no look-around and no back-references", clip(expression), why)
}

// String is the expression as it was written.
func (p *Pattern) String() string { return p.expression.String() }

// Match says whether the expression matches anywhere in a text. It is an error, and neither a match nor
// none, if the text's length in bytes times the pattern's instructions is above MaxPatternSteps.
func (p *Pattern) Match(c *Call, text string) (bool, error) {
	work := len(text) * p.size
	if work > MaxPatternSteps {
		return false, fmt.Errorf("a text of %d bytes is too long for this pattern of %d instructions, which takes at most %d bytes; "+
			"bound the text's length by a rule of its own, or make the pattern smaller", len(text), p.size, MaxPatternSteps/p.size)
	}
	if err := c.Step(1 + work/patternStepsPerStep); err != nil {
		return false, err
	}
	return p.expression.MatchString(text), nil
}

// Size is how many instructions the expression compiles to.
func (p *Pattern) Size() int { return p.size }
