package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	tooDeep       = "it is nested more than 100 levels deep; flatten it"
	tooManyValues = "it has more than 500000 values, those that aliases repeat included; split the file"
	tooMuchText   = "it has more than 8 MiB of text, that which aliases repeat included; split the file"

	tooManyDocuments = "it has more than 1000 documents; split the file"
)

// ParseYAML reads the documents of a YAML stream as JSON values; empty documents are left out. Its error is an *Error.
//
// It is YAML 1.2 with the core schema: true and false are booleans, yes, no, on and off are strings, and so are
// times. Refused are: tags other than those of JSON's types, merge keys (<<), infinities and not-a-number, numbers
// with leading zeros, a name twice in one mapping, names that are not scalars, and aliases that lead into themselves or past
// MaxValues and MaxTextBytes.
func ParseYAML(text []byte) (documents []*Node, err error) {
	if !utf8.Valid(text) {
		return nil, &Error{Line: lineOf(text, func(r rune, size int) bool { return r == utf8.RuneError && size == 1 }), Problem: "it is not valid UTF-8; save the file as UTF-8"}
	}
	defer func() {
		if recover() != nil { // the library's parser is known to have panicked on hostile text
			documents, err = nil, &Error{Problem: "it is not YAML that can be read"}
		}
	}()
	in := yaml.NewDecoder(bytes.NewReader(text))
	c := converter{open: map[*yaml.Node]bool{}}
	for {
		var root yaml.Node
		err := in.Decode(&root)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, explainYAML(text, err)
		}
		if len(root.Content) == 0 || isNothing(root.Content[0]) {
			continue
		}
		if len(documents) == MaxDocuments {
			return nil, &Error{Line: root.Line, Problem: tooManyDocuments}
		}
		document, err := c.convert(root.Content[0], 0)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}

// isNothing says whether a document has no content at all; one that says null has.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}

// converter makes Nodes of the library's, and counts what it makes.
type converter struct {
	values, text int
	open         map[*yaml.Node]bool // anchored nodes that are being converted
}

// fail places a problem. Names in it are cut, since tags and anchors can be as long as the file.
func fail(n *yaml.Node, format string, args ...any) error {
	for i := range args {
		if name, ok := args[i].(string); ok {
			args[i] = clip(name)
		}
	}
	return &Error{Line: n.Line, Problem: fmt.Sprintf(format, args...)}
}

// maxQuoted is how much of a file a problem quotes, in bytes.
const maxQuoted = 200

func clip(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	return strings.ToValidUTF8(text[:maxQuoted], "") + "..."
}

func (c *converter) convert(n *yaml.Node, depth int) (*Node, error) {
	if c.values++; c.values > MaxValues {
		return nil, fail(n, tooManyValues)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.alias(n, depth)
	case yaml.ScalarNode:
		if c.text += len(n.Value); c.text > MaxTextBytes {
			return nil, fail(n, tooMuchText)
		}
		return scalar(n)
	}
	if depth == MaxDepth {
		return nil, fail(n, tooDeep)
	}
	if n.Anchor != "" {
		c.open[n] = true
		defer delete(c.open, n)
	}
	if n.Kind == yaml.SequenceNode {
		return c.sequence(n, depth)
	}
	return c.mapping(n, depth)
}

// alias converts what the alias stands for once more. Its lines are those of the anchor.
func (c *converter) alias(n *yaml.Node, depth int) (*Node, error) {
	if n.Alias == nil || c.open[n.Alias] {
		return nil, fail(n, "the alias *%s leads into itself; write its value out", n.Value)
	}
	return c.convert(n.Alias, depth)
}

func (c *converter) sequence(n *yaml.Node, depth int) (*Node, error) {
	if err := collectionTag(n, "!!seq"); err != nil {
		return nil, err
	}
	out := &Node{Kind: Array, Line: n.Line}
	for _, child := range n.Content {
		item, err := c.convert(child, depth+1)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

func (c *converter) mapping(n *yaml.Node, depth int) (*Node, error) {
	if err := collectionTag(n, "!!map"); err != nil {
		return nil, err
	}
	out := &Node{Kind: Object, Line: n.Line}
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, err := c.name(n.Content[i])
		if err != nil {
			return nil, err
		}
		if first, there := lines[name]; there {
			return nil, fail(n.Content[i], "the same name stands twice in one mapping, first on line %d; keep one of them", first)
		}
		lines[name] = n.Content[i].Line
		value, err := c.convert(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, Member{Name: name, Line: n.Content[i].Line, Value: value})
	}
	return out, nil
}

// name is the text of a mapping's key. JSON has no other names than strings, so 1 and true are taken as written.
func (c *converter) name(n *yaml.Node) (string, error) {
	key := n
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		key = n.Alias
	}
	if c.text += len(key.Value); c.text > MaxTextBytes {
		return "", fail(n, tooMuchText)
	}
	plain := key.Style&^yaml.FlowStyle == 0
	switch {
	case key.Kind != yaml.ScalarNode:
		return "", fail(n, "a name must be a string; JSON has no other names")
	case plain && key.Value == "<<":
		return "", fail(n, "merge keys (<<) are not part of YAML 1.2; write the members out")
	case plain && key.Value == "":
		return "", fail(n, `a name is missing; write "" for an empty one`)
	}
	return key.Value, nil
}

// collectionTag refuses tags that would make something else of a sequence or mapping.
func collectionTag(n *yaml.Node, want string) error {
	if n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != want {
		return unknownTag(n, "")
	}
	return nil
}
