package cel

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"k8s.io/apiserver/pkg/cel/library"
)

// environment is what expressions are compiled in.
func environment() (*cel.Env, error) {
	libraries := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		ext.Bindings(),
		ext.TwoVarComprehensions(),
		ext.Strings(ext.StringsVersion(4), ext.StringsMaxPrecision(100)),
		ext.Math(),
		ext.Sets(),
		library.Quantity(), library.IP(), library.CIDR(), library.SemverLib(), library.URLs(),
		library.Regex(), library.Lists(), library.Format(),
	}
	plain, err := cel.NewEnv(libraries...)
	if err != nil {
		return nil, err
	}
	guards, err := guarded(plain, map[string]guard{
		"sets.contains": boundComparison, "sets.equivalent": boundComparison, "sets.intersects": boundComparison,
		"indexOf": boundComparison, "lastIndexOf": boundComparison,
		"format": boundText, "split": boundText, "quantity": boundQuantity, "isQuantity": boundQuantity,
	})
	if err != nil {
		return nil, err
	}
	return plain.Extend(append(append(guards, texts()...),
		cel.Variable("input", cel.DynType),
		cel.Variable("now", cel.TimestampType),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxParserDepth),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
	)...)
}

// guard looks at the arguments of a function before it is called. It returns an error value, or nil.
type guard func(args []ref.Val) ref.Val

// guarded declares functions anew, each behind its guard.
func guarded(env *cel.Env, guards map[string]guard) ([]cel.EnvOption, error) {
	var options []cel.EnvOption
	declared := env.Functions()
	for name, check := range guards {
		function, ok := declared[name]
		if !ok {
			return nil, fmt.Errorf("there is no function %s to guard", name)
		}
		bindings, err := function.Bindings()
		if err != nil {
			return nil, err
		}
		for _, overload := range function.OverloadDecls() {
			for _, binding := range bindings {
				if binding.Operator != overload.ID() {
					continue
				}
				declare := cel.Overload
				if overload.IsMemberFunction() {
					declare = cel.MemberOverload
				}
				options = append(options, cel.Function(name, declare(overload.ID(), overload.ArgTypes(), overload.ResultType(), behind(check, binding, len(overload.ArgTypes())))))
			}
		}
	}
	return options, nil
}

func behind(check guard, f *functions.Overload, arity int) cel.OverloadOpt {
	switch {
	case arity == 1 && f.Unary != nil:
		return cel.UnaryBinding(func(v ref.Val) ref.Val {
			if err := check([]ref.Val{v}); err != nil {
				return err
			}
			return f.Unary(v)
		})
	case arity == 2 && f.Binary != nil:
		return cel.BinaryBinding(func(v, w ref.Val) ref.Val {
			if err := check([]ref.Val{v, w}); err != nil {
				return err
			}
			return f.Binary(v, w)
		})
	}
	return cel.FunctionBinding(func(args ...ref.Val) ref.Val {
		if err := check(args); err != nil {
			return err
		}
		return f.Function(args...)
	})
}

// maxComparisons bounds the comparisons of items that one call may make.
const maxComparisons = 200_000

// boundComparison refuses arguments whose comparison with each other takes too long.
func boundComparison(args []ref.Val) ref.Val {
	product := 1
	for _, arg := range args {
		if err := boundDepth(arg); err != nil {
			return err
		}
		if list, ok := arg.(traits.Lister); ok {
			product *= max(1, int(list.Size().(types.Int)))
		}
		if product > maxComparisons {
			return refuse("the lists are too long to compare each item with each (more than %d times); use module unique or enum", maxComparisons)
		}
	}
	return nil
}

// boundText refuses arguments that give too long a text.
func boundText(args []ref.Val) ref.Val {
	room := MaxText
	for _, arg := range args {
		if err := boundDepth(arg); err != nil {
			return err
		}
		if room -= textOf(arg, room); room < 0 {
			return longText()
		}
	}
	return nil
}

// textOf is about how long a value is as a text; it stops counting past room.
func textOf(v ref.Val, room int) int {
	switch v := v.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	case traits.Mapper:
		n := 0
		for it := v.Iterator(); it.HasNext() == types.True && n <= room; {
			key := it.Next()
			n += textOf(key, room) + textOf(v.Get(key), room-n)
		}
		return n
	case traits.Lister:
		n := 0
		for it := v.Iterator(); it.HasNext() == types.True && n <= room; {
			n += 1 + textOf(it.Next(), room-n)
		}
		return n
	}
	return 1
}

func longText() ref.Val {
	return refuse("the expression makes a text of more than %d bytes; use shorter ones", MaxText)
}

var quantityForm = regexp.MustCompile(`^[^eE]{0,40}([eE][+-]?[0-9]{1,2})?[^0-9eE]{0,2}$|^[^eE]{0,40}[EPe]i?$`)

// boundQuantity refuses quantities that take long to read, such as 1e1000000000.
func boundQuantity(args []ref.Val) ref.Val {
	if text, ok := args[0].(types.String); ok && !quantityForm.MatchString(string(text)) {
		return refuse("a quantity may have at most 40 characters and an exponent of at most two digits")
	}
	return nil
}

// texts declares functions on texts anew, on Go's strings: cel-go's take time in the product of both
// lengths, or make texts of any length.
func texts() []cel.EnvOption {
	str, num := cel.StringType, cel.IntType
	member := func(name, id string, args []*cel.Type, result *cel.Type, f func(...ref.Val) ref.Val) cel.EnvOption {
		bind := cel.FunctionBinding(f)
		switch len(args) {
		case 1:
			bind = cel.UnaryBinding(func(v ref.Val) ref.Val { return f(v) })
		case 2:
			bind = cel.BinaryBinding(func(v, w ref.Val) ref.Val { return f(v, w) })
		}
		return cel.Function(name, cel.MemberOverload(id, args, result, bind))
	}
	list := cel.ListType(str)
	return []cel.EnvOption{
		member("indexOf", "string_index_of_string", []*cel.Type{str, str}, num, indexOf),
		member("indexOf", "string_index_of_string_int", []*cel.Type{str, str, num}, num, indexOf),
		member("lastIndexOf", "string_last_index_of_string", []*cel.Type{str, str}, num, lastIndexOf),
		member("lastIndexOf", "string_last_index_of_string_int", []*cel.Type{str, str, num}, num, lastIndexOf),
		member("replace", "string_replace_string_string", []*cel.Type{str, str, str}, str, replace),
		member("replace", "string_replace_string_string_int", []*cel.Type{str, str, str, num}, str, replace),
		member("join", "list_join", []*cel.Type{list}, str, join),
		member("join", "list_join_string", []*cel.Type{list, str}, str, join),
	}
}

// byteOffset is where the n-th code point of a text begins, or the text's end.
func byteOffset(text string, n int64) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}

func outOfRange() ref.Val { return refuse("an index is below 0") }

// codePoints turns an offset in bytes, or -1, into one in code points.
func codePoints(text string, offset int) ref.Val {
	if offset < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(text[:offset]))
}

func indexOf(args ...ref.Val) ref.Val {
	text, part, start := string(args[0].(types.String)), string(args[1].(types.String)), 0
	if len(args) == 3 {
		n := args[2].(types.Int)
		if n < 0 {
			return outOfRange()
		}
		start = byteOffset(text, int64(n))
	}
	found := strings.Index(text[start:], part)
	if found >= 0 {
		found += start
	}
	return codePoints(text, found)
}

func lastIndexOf(args ...ref.Val) ref.Val {
	text, part := string(args[0].(types.String)), string(args[1].(types.String))
	if len(args) == 3 {
		n := args[2].(types.Int)
		if n < 0 {
			return outOfRange()
		}
		offset := byteOffset(text, int64(n))
		if offset == len(text) && part != "" {
			return types.Int(-1)
		}
		// A match may begin at the offset, and so end up to a part's length after it.
		text = text[:min(len(text), offset+len(part))]
	}
	return codePoints(text, strings.LastIndex(text, part))
}

func replace(args ...ref.Val) ref.Val {
	text, before, after := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	limit := -1
	if len(args) == 4 {
		limit = int(min(args[3].(types.Int), MaxText+1))
	}
	times := strings.Count(text, before)
	if limit >= 0 {
		times = min(times, limit)
	}
	if len(text)+times*(len(after)-len(before)) > MaxText {
		return longText()
	}
	return types.String(strings.Replace(text, before, after, limit))
}

func join(args ...ref.Val) ref.Val {
	list, separator := args[0].(traits.Lister), ""
	if len(args) == 2 {
		separator = string(args[1].(types.String))
	}
	var b strings.Builder
	for it, first := list.Iterator(), true; it.HasNext() == types.True; first = false {
		item := it.Next()
		text, ok := item.(types.String)
		switch {
		case types.IsError(item):
			return item
		case !ok:
			return types.MaybeNoSuchOverloadErr(item)
		case b.Len()+len(text)+len(separator) > MaxText:
			return longText()
		}
		if !first {
			b.WriteString(separator)
		}
		b.WriteString(string(text))
	}
	return types.String(b.String())
}
