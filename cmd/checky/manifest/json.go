package manifest

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseJSON reads one JSON text (RFC 8259), within MaxDepth and MaxValues. Its error is an *Error.
func ParseJSON(text []byte) (*Node, error) {
	r := jsonReader{text: text, line: 1, in: jsontext.NewDecoder(bytes.NewBuffer(text))}
	root, err := r.value(0)
	if err == nil {
		_, err = r.in.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return root, nil
		case err == nil:
			return nil, r.fail("there is more after the end of the value; a JSON file holds one value")
		}
	}
	return nil, r.explain(err)
}

type jsonReader struct {
	in     *jsontext.Decoder
	text   []byte
	offset int // up to which the lines are counted
	line   int // at offset
	values int
}

// here is the line that the reader has come to.
func (r *jsonReader) here() int {
	end := min(int(r.in.InputOffset()), len(r.text))
	if end > r.offset {
		r.line += bytes.Count(r.text[r.offset:end], []byte{'\n'})
		r.offset = end
	}
	return r.line
}

func (r *jsonReader) fail(problem string) error { return &Error{Line: r.here(), Problem: problem} }

func (r *jsonReader) value(depth int) (*Node, error) {
	token, err := r.in.ReadToken()
	if err != nil {
		return nil, err
	}
	if r.values++; r.values > MaxValues {
		return nil, r.fail(tooManyValues)
	}
	n := &Node{Line: r.here()}
	switch kind := token.Kind(); kind {
	case 'n':
		n.Kind = Null
	case 't', 'f':
		n.Kind, n.Text = Bool, token.String()
	case '"':
		n.Kind, n.Text = String, token.String()
	case '0':
		n.Kind, n.Text = Number, token.String()
	default:
		if depth == MaxDepth {
			return nil, r.fail(tooDeep)
		}
		if kind == '[' {
			return n, r.array(n, depth)
		}
		return n, r.object(n, depth)
	}
	return n, nil
}

func (r *jsonReader) array(n *Node, depth int) error {
	n.Kind = Array
	for r.in.PeekKind() != ']' {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := r.in.ReadToken()
	return err
}

func (r *jsonReader) object(n *Node, depth int) error {
	n.Kind = Object
	for r.in.PeekKind() != '}' {
		name, err := r.in.ReadToken()
		if err != nil {
			return err
		}
		member := Member{Name: name.String(), Line: r.here()}
		if member.Value, err = r.value(depth + 1); err != nil {
			return err
		}
		n.Members = append(n.Members, member)
	}
	_, err := r.in.ReadToken()
	return err
}

func (r *jsonReader) explain(err error) error {
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	line := r.here()
	if syntactic := (*jsontext.SyntacticError)(nil); errors.As(err, &syntactic) {
		line = 1 + bytes.Count(r.text[:min(int(syntactic.ByteOffset), len(r.text))], []byte{'\n'})
	}
	problem := "it is not JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		problem = "the same name stands twice in one object; keep one of them"
	case errors.Is(err, io.ErrUnexpectedEOF):
		problem = "it ends in the middle of a value; was it cut off?"
	case errors.Is(err, io.EOF):
		problem = "it is empty; give one JSON value"
	}
	return &Error{Line: line, Problem: problem}
}
