package cel

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/checky-dev/checky/rules"
)

const (
	// MaxLoops is how deep all, exists, map, filter and their kin may stand in each other.
	MaxLoops = 3
	// MaxRegexBytes is the longest regular expression in an expression, and how many instructions it may
	// compile to: with texts of MaxText, that bounds the time of one match.
	MaxRegexBytes = 256
)

// survey walks a checked expression once: it finds what makes its cost unbounded, and what it reads.
type survey struct {
	info     *ast.SourceInfo
	loops    bool // it has a comprehension, cel.bind included
	calls    bool // it calls more than the operators and functions that are cheap whatever their arguments
	problems []problem
	tests    map[int64]tested // the has() of it, by their nodes
	looped   map[int64]bool   // the nodes that loops go over
	reads    []string
	ranges   []string // read only to loop over
}

// scope is the chain of variables that loops declare, each with the path that it stands for.
type scope struct {
	name, path string
	outer      *scope
}

func (s *scope) find(name string) (path string, found bool) {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return s.path, true
		}
	}
	return "", false
}

// visit walks e and gives the JSONPath that it stands for, if it is one that a longer one may still grow from.
func (s *survey) visit(e ast.Expr, in *scope, loops int) string {
	switch e.Kind() {
	case ast.IdentKind:
		if path, found := in.find(e.AsIdent()); found {
			return path
		}
		if e.AsIdent() == "input" {
			return "$"
		}
	case ast.SelectKind:
		s.presence(e)
		if path := s.visit(e.AsSelect().Operand(), in, loops); path != "" {
			return path + nameSegment(e.AsSelect().FieldName())
		}
	case ast.CallKind:
		return s.call(e, in, loops)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			s.read(s.visit(item, in, loops))
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			s.read(s.visit(entry.AsMapEntry().Key(), in, loops))
			s.read(s.visit(entry.AsMapEntry().Value(), in, loops))
		}
	case ast.StructKind:
		for _, entry := range e.AsStruct().Fields() {
			s.read(s.visit(entry.AsStructField().Value(), in, loops))
		}
	case ast.ComprehensionKind:
		s.comprehension(e, in, loops)
	}
	return ""
}

// presence keeps what a has() asks for, where it is a member of a variable or of its members.
func (s *survey) presence(e ast.Expr) {
	test := e.AsSelect()
	if !test.IsTestOnly() {
		return
	}
	at := test.Operand()
	for ; at.Kind() == ast.SelectKind; at = at.AsSelect().Operand() {
		if at.AsSelect().FieldName() == test.FieldName() {
			return
		}
	}
	if at.Kind() == ast.IdentKind {
		s.tests[e.ID()] = tested{variable: at.AsIdent(), member: test.FieldName()}
	}
}

func (s *survey) read(path string) {
	if path != "" {
		s.reads = append(s.reads, path)
	}
}

func (s *survey) call(e ast.Expr, in *scope, loops int) string {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if !cheap[name] {
		s.calls = true
	}
	switch name {
	case operators.Index, operators.OptIndex, operators.OptSelect:
		path := s.visit(args[0], in, loops)
		if segment := literalSegment(args[1]); segment != "" && path != "" {
			return path + segment
		}
		s.read(path)
		s.read(s.visit(args[1], in, loops))
		return ""
	case "matches", "find", "findAll":
		s.regex(e, call)
	}
	if call.IsMemberFunction() {
		s.read(s.visit(call.Target(), in, loops))
	}
	for _, arg := range args {
		s.read(s.visit(arg, in, loops))
	}
	return ""
}

func (s *survey) regex(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	if !call.IsMemberFunction() && len(args) > 0 {
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	pattern, ok := "", false
	if args[0].Kind() == ast.LiteralKind {
		pattern, ok = args[0].AsLiteral().Value().(string)
	}
	if !ok {
		s.problem(e.ID(), "%s needs its regular expression as a literal text, or its cost is unbounded; write it in place", call.FunctionName())
		return
	}
	if len(pattern) > MaxRegexBytes {
		s.problem(args[0].ID(), "the regular expression has %d bytes, at most %d are allowed; use module pattern", len(pattern), MaxRegexBytes)
		return
	}
	size, err := rules.PatternSize(pattern)
	if err != nil {
		s.problem(args[0].ID(), "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	if size > MaxRegexBytes {
		s.problem(args[0].ID(), "the regular expression compiles to %d instructions, at most %d are allowed; repeat less, or use module pattern", size, MaxRegexBytes)
	}
}

func (s *survey) problem(id int64, format string, args ...any) {
	at := s.info.GetStartLocation(id)
	s.problems = append(s.problems, problem{line: at.Line(), column: at.Column() + 1, text: fmt.Sprintf(format, args...)})
}

func (s *survey) comprehension(e ast.Expr, in *scope, loops int) {
	s.loops = true
	c := e.AsComprehension()
	isBind := c.IterRange().Kind() == ast.ListKind && c.IterRange().AsList().Size() == 0
	if !isBind {
		if loops++; loops == MaxLoops+1 {
			s.problem(e.ID(), "loops (all, exists, map, filter...) stand more than %d deep in each other, so the cost is unbounded; write several rules, or use modules", MaxLoops)
		}
	}
	if !isBind {
		s.looped[c.IterRange().ID()] = true
	}
	items := s.visit(c.IterRange(), in, loops-1)
	if items != "" {
		s.ranges = append(s.ranges, items)
		items += "[*]"
	}
	initial := s.visit(c.AccuInit(), in, loops)
	if !isBind {
		s.read(initial)
		initial = ""
	}
	inner := &scope{name: c.AccuVar(), path: initial, outer: in}
	if c.HasIterVar2() {
		inner = &scope{name: c.IterVar(), outer: inner}
		inner = &scope{name: c.IterVar2(), path: items, outer: inner}
	} else {
		inner = &scope{name: c.IterVar(), path: items, outer: inner}
	}
	if !isBind {
		s.read(s.visit(c.LoopCondition(), inner, loops))
		s.read(s.visit(c.LoopStep(), inner, loops))
	}
	s.read(s.visit(c.Result(), &scope{name: c.AccuVar(), path: initial, outer: in}, loops))
}

// fields lists what is read, once and in order, without a list of which items are read.
func (s *survey) fields() []string {
	fields := slices.Clone(s.reads)
	for _, path := range s.ranges {
		if !slices.ContainsFunc(s.reads, func(read string) bool { return strings.HasPrefix(read, path+"[*]") }) {
			fields = append(fields, path)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// nameSegment writes a member's name as a segment of a JSONPath.
func nameSegment(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}

func literalSegment(e ast.Expr) string {
	if e.Kind() != ast.LiteralKind {
		return ""
	}
	switch v := e.AsLiteral().(type) {
	case types.String:
		return nameSegment(string(v))
	case types.Int:
		if v >= 0 {
			return "[" + strconv.FormatInt(int64(v), 10) + "]"
		}
	}
	return ""
}

// cheap are the functions whose cost the estimate covers in full.
var cheap = map[string]bool{
	operators.Equals: true, operators.NotEquals: true, operators.Less: true, operators.LessEquals: true,
	operators.Greater: true, operators.GreaterEquals: true, operators.LogicalAnd: true, operators.LogicalOr: true,
	operators.LogicalNot: true, operators.Conditional: true, operators.Add: true, operators.Subtract: true,
	operators.Multiply: true, operators.Divide: true, operators.Modulo: true, operators.Negate: true,
	operators.In: true, operators.Index: true, operators.OptIndex: true, operators.OptSelect: true,
	"size": true, "startsWith": true, "endsWith": true, "contains": true, "matches": true,
	"int": true, "uint": true, "double": true, "bool": true, "string": true, "type": true, "dyn": true,
	"timestamp": true, "duration": true, "hasValue": true, "value": true, "orValue": true,
}
