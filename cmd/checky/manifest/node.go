package manifest

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the type of a JSON value.
type Kind int

// The types.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Node is a JSON value and where it stands in its file.
type Node struct {
	// Kind of the value.
	Kind Kind
	// Text is a string's value, a number's JSON literal, or true or false.
	Text string
	// Line from 1.
	Line int
	// Block says that a string is written as a YAML literal block, so that its first line follows Line.
	Block bool
	// Items of an array.
	Items []*Node
	// Members of an object in the file's order. Each name stands there once.
	Members []Member
}

// Member is a name and its value.
type Member struct {
	// Name of the member.
	Name string
	// Line of the name, from 1.
	Line int
	// Value of the member.
	Value *Node
}

// Get is a member's value, or nil if there is none or the node is no object. A nil node has no members.
func (n *Node) Get(names ...string) *Node {
	for _, name := range names {
		member := n.member(name)
		if member == nil {
			return nil
		}
		n = member.Value
	}
	return n
}

func (n *Node) member(name string) *Member {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Name == name {
			return &n.Members[i]
		}
	}
	return nil
}

// String is the text of a string member's value, or "".
func (n *Node) String(names ...string) string {
	if v := n.Get(names...); v != nil && v.Kind == String {
		return v.Text
	}
	return ""
}

// JSON is the value as JSON text, without white space, members in the file's order and numbers as they were written.
func (n *Node) JSON() []byte { return n.appendJSON(nil) }

func (n *Node) appendJSON(b []byte) []byte {
	switch n.Kind {
	case Null:
		return append(b, "null"...)
	case Bool, Number:
		return append(b, n.Text...)
	case String:
		return appendString(b, n.Text)
	case Array:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i := range n.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, n.Members[i].Name), ':')
		b = n.Members[i].Value.appendJSON(b)
	}
	return append(b, '}')
}

// appendString quotes a text. Readers have made sure that it is valid UTF-8.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// Plain is the value as Kubernetes' machinery holds it: map[string]any, []any, string, bool, nil, and numbers as int64 where they
// fit, else as float64. It is for validation alone, since digits may be lost.
func (n *Node) Plain() any {
	switch n.Kind {
	case Bool:
		return n.Text == "true"
	case Number:
		if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(n.Text, 64) // out of range: an infinity, which no schema takes
		return f
	case String:
		return n.Text
	case Array:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = item.Plain()
		}
		return list
	case Object:
		object := make(map[string]any, len(n.Members))
		for i := range n.Members {
			object[n.Members[i].Name] = n.Members[i].Value.Plain()
		}
		return object
	}
	return nil
}

// LineOf is the line of what a JSON Pointer (RFC 6901) names: that of a member's name, or of an array's item. Where the
// pointer leads nowhere it is the line of the last value on the way.
func (n *Node) LineOf(pointer string) int {
	if pointer == "" {
		return n.Line
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return n.follow(tokens)
}

// LineOfField is the same for a path as Kubernetes writes it, such as spec.rules[0].module.name.
func (n *Node) LineOfField(path string) int { return n.follow(fieldTokens(path)) }

func fieldTokens(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

func (n *Node) follow(tokens []string) int {
	line := n.Line
	for _, token := range tokens {
		if member := n.member(token); member != nil {
			n, line = member.Value, member.Line
			continue
		}
		index, err := strconv.Atoi(token)
		if n.Kind != Array || err != nil || index < 0 || index >= len(n.Items) {
			break
		}
		n = n.Items[index]
		line = n.Line
	}
	return line
}

// At is the value at a path as Kubernetes writes it, or nil.
func (n *Node) At(path string) *Node {
	for _, token := range fieldTokens(path) {
		if n == nil {
			return nil
		}
		if index, err := strconv.Atoi(token); err == nil && n.Kind == Array {
			if index >= len(n.Items) {
				return nil
			}
			n = n.Items[index]
			continue
		}
		n = n.Get(token)
	}
	return n
}
