package cel

import (
	"maps"
	"slices"
	"strings"
)

// Function is one that expressions can call, for the documentation.
type Function struct {
	// Name as it is written, such as startsWith or math.ceil; of a macro too, such as exists.
	Name string
	// Doc is what its library says of it; it may be empty.
	Doc string
	// Forms are its signatures, such as "string.startsWith(string) -> bool"; a macro has none.
	Forms []string
}

// spaces are the namespaces of macros that stand in one; CEL does not tell them.
var spaces = map[string]string{"bind": "cel", "greatest": "math", "least": "math"}

// Functions lists what expressions can call, by name. Operators are not among them, nor what only macros call.
func (l *Language) Functions() []Function {
	env, err := l.open()
	if err != nil {
		return nil
	}
	found := map[string]Function{}
	for name, declared := range env.Functions() {
		if strings.ContainsAny(name, "@_!") || name == "in" {
			continue
		}
		documented := declared.Documentation()
		f := Function{Name: name, Doc: strings.Join(strings.Fields(documented.Description), " ")}
		for _, form := range documented.Children {
			f.Forms = append(f.Forms, form.Signature)
		}
		slices.Sort(f.Forms)
		found[name] = f
	}
	for _, macro := range env.Macros() {
		name := macro.Function()
		if space := spaces[name]; space != "" {
			name = space + "." + name
		}
		found[name] = Function{Name: name}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
}
