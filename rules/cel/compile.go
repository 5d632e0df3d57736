package cel

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

const (
	maxExpression  = rules.MaxExpressionBytes
	maxParserDepth = 64

	// TypicalItems is the size that a payload's lists and maps are taken to have when an expression's cost is
	// estimated: one that would cost more than rules.MaxCELCost at the typical sizes is refused.
	TypicalItems = 16
	// TypicalText is the length in bytes that a payload's texts are taken to have in that estimate.
	TypicalText = 256

	// smallCost is the worst cost, at the largest sizes, of programs that run without counting it.
	smallCost = 1000
)

// Language compiles expressions. It implements rules.Kind and rules.GuardKind, is immutable, and may be shared.
type Language struct {
	// open gives the environment of all expressions, which takes milliseconds to build: that is done for the first expression.
	open func() (*cel.Env, error)
}

// New gives the language.
func New() *Language { return &Language{open: sync.OnceValues(environment)} }

// problem is what is wrong at one place of an expression.
type problem struct {
	line, column int // from 1
	text         string
}

func (p problem) Error() string { return fmt.Sprintf("%d:%d: %s", p.line, p.column, p.text) }

// program is a compiled expression.
type program struct {
	source string
	info   *ast.SourceInfo
	run    cel.Program
	spend  uint64 // what a program costs whose cost is not counted; 0 where it is
	fields []string
}

// Compile implements rules.Kind.
func (l *Language) Compile(rule *v1alpha1.Rule) (rules.Checker, error) {
	decide, problems := l.compile(rule.CEL.Expression, types.BoolType)
	errs := located("cel.expression", problems)
	var message *program
	if rule.CEL.MessageExpression != "" {
		message, problems = l.compile(rule.CEL.MessageExpression, types.StringType)
		errs = append(errs, located("cel.messageExpression", problems)...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return newExpression(decide, message), nil
}

// CompileGuard implements rules.GuardKind.
func (l *Language) CompileGuard(source string) (rules.Guard, error) {
	decide, problems := l.compile(source, types.BoolType)
	if len(problems) > 0 {
		texts := make([]string, len(problems))
		for i, p := range problems {
			texts[i] = p.Error()
		}
		return nil, errors.New(strings.Join(texts, "; "))
	}
	return &condition{program: decide}, nil
}

func located(section string, problems []problem) []error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("%s: %w", section, p)
	}
	return errs
}

// compile gives the program, or what is wrong in the order of the text. A panic of the library is a problem too: rules come from
// people, and must not end a controller.
func (l *Language) compile(source string, want *types.Type) (p *program, problems []problem) {
	defer func() {
		if recover() != nil {
			p, problems = nil, []problem{{1, 1, "the expression cannot be compiled: an internal error of CEL; write it in another way"}}
		}
	}()
	if len(source) > maxExpression {
		return nil, []problem{{1, 1, fmt.Sprintf("the expression has %d bytes, at most %d are allowed; write several rules", len(source), maxExpression)}}
	}
	env, err := l.open()
	if err != nil {
		return nil, []problem{{1, 1, "CEL is not available: " + firstLine(err)}}
	}
	checked, issues := env.Compile(source)
	if problems := issuesOf(issues); len(problems) > 0 {
		return nil, problems
	}
	native := checked.NativeRep()
	if found := checked.OutputType(); !found.IsExactType(want) && found.Kind() != types.DynKind {
		return nil, []problem{{1, 1, fmt.Sprintf("the expression gives %s, expected %s", article(found), article(want))}}
	}
	s := &survey{info: native.SourceInfo(), tests: map[int64]tested{}, looped: map[int64]bool{}}
	s.read(s.visit(native.Expr(), nil, 0))
	if len(s.problems) > 0 {
		sortProblems(s.problems)
		return nil, s.problems
	}
	if p := tooCostly(env, checked); p != nil {
		return nil, []problem{*p}
	}
	p = &program{source: source, info: native.SourceInfo(), fields: s.fields()}
	if err := p.plan(env, checked, s); err != nil {
		return nil, []problem{{1, 1, firstLine(err)}}
	}
	return p, nil
}

// plan makes the program. One that is cheap in the worst case does without the counting of cost, which takes twice as
// long as the program itself.
func (p *program) plan(env *cel.Env, checked *cel.Ast, s *survey) error {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(bounded), cel.CustomDecoratorV2(present(s.tests)), cel.CustomDecoratorV2(inOrder(s.looped))}
	if !s.loops && !s.calls {
		worst, err := env.EstimateCost(checked, estimator(rules.MaxPayloadBytes/2, MaxText))
		if err == nil && worst.Max <= smallCost {
			p.spend = max(1, worst.Max)
		}
	}
	if p.spend == 0 {
		options = append(options, cel.CostLimit(rules.MaxCELCost), cel.CostTracking(&actualCost{}))
	}
	var err error
	p.run, err = env.Program(checked, options...)
	return err
}

func tooCostly(env *cel.Env, checked *cel.Ast) *problem {
	cost, err := env.EstimateCost(checked, estimator(TypicalItems, TypicalText))
	switch {
	case err != nil:
		return &problem{1, 1, "the cost of the expression cannot be estimated: " + firstLine(err)}
	case cost.Max > rules.MaxCELCost:
		return &problem{1, 1, fmt.Sprintf("the expression may cost %s for lists of %d items and texts of %d bytes, and at most %d is allowed; nest fewer loops, write several rules, or use modules",
			costText(cost.Max), TypicalItems, TypicalText, rules.MaxCELCost)}
	}
	return nil
}

func costText(cost uint64) string {
	if cost == math.MaxUint64 {
		return "without bound"
	}
	return fmt.Sprint(cost)
}

// sizes estimates what CEL cannot know: the sizes of the payload's values.
type sizes struct{ items, text uint64 }

func estimator(items, text uint64) checker.CostEstimator {
	return &library.CostEstimator{SizeEstimator: sizes{items, text}}
}

// EstimateSize implements checker.CostEstimator.
func (s sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	size := s.items
	switch node.Type().Kind() {
	case types.StringKind, types.BytesKind:
		size = s.text
	}
	return &checker.SizeEstimate{Min: 0, Max: size}
}

// EstimateCallCost implements checker.CostEstimator.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

func issuesOf(issues *cel.Issues) []problem {
	if issues == nil || issues.Err() == nil {
		return nil
	}
	var problems []problem
	for _, e := range issues.Errors() {
		p := problem{line: 1, column: 1, text: short(e.Message)}
		if e.Location != nil && e.Location.Line() > 0 {
			p.line, p.column = e.Location.Line(), e.Location.Column()+1
		}
		problems = append(problems, p)
	}
	if len(problems) == 0 {
		problems = []problem{{1, 1, firstLine(issues.Err())}}
	}
	sortProblems(problems)
	return slices.Compact(problems)
}

func sortProblems(problems []problem) {
	slices.SortFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
}

// maxProblemBytes is how much is kept of one of CEL's own messages.
const maxProblemBytes = 300

// short makes one line of a message.
func short(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxProblemBytes {
		message = strings.ToValidUTF8(message[:maxProblemBytes], "") + "..."
	}
	return message
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return short(line)
}

func article(t *cel.Type) string {
	if t.Kind() == types.BoolKind {
		return "a bool (true or false)"
	}
	return "a value of type " + t.String()
}
