package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Payload is a decoded JSON value. It is immutable: map[string]any, []any, string, json.Number, bool and
// nil, with each number's literal as it was written.
type Payload struct {
	root   any
	digest string
	size   int
	secret bool
	short  bool // none of its numbers has an exponent, or more than maxShort bytes
}

// Root is the value. Nobody may change it.
func (p *Payload) Root() any { return p.root }

// Size is the length of the text that the payload was decoded from, in bytes.
func (p *Payload) Size() int { return p.size }

// Digest is the SHA-256 of the payload's canonical text, as sha256:HEX. White space, the order of members and the
// way a number is written do not change it.
func (p *Payload) Digest() string { return p.digest }

// Secret says that the payload comes from a Secret: none of its values may be quoted anywhere.
func (p *Payload) Secret() bool { return p.secret }

// maxShort is how many bytes a number's literal has that is short whatever anybody does with it.
const maxShort = 64

// ShortNumbers says that each of its numbers is short: its literal has no exponent, and at most 64 bytes. That saves those who
// have to be careful with long ones to look for them.
func (p *Payload) ShortNumbers() bool { return p.short }

// PayloadError is a payload that can't be read.
type PayloadError struct {
	// Line and Column are where, from 1, in bytes; 0 where no place can be named.
	Line, Column int
	// Path is the JSON Pointer of the value concerned.
	Path string
	// Problem says what is wrong and what to write instead. It never quotes a value.
	Problem string
}

func (e *PayloadError) Error() string {
	if e.Line == 0 {
		return "payload: " + e.Problem
	}
	if e.Path == "" {
		return fmt.Sprintf("payload: line %d, column %d: %s", e.Line, e.Column, e.Problem)
	}
	return fmt.Sprintf("payload: line %d, column %d (at %s): %s", e.Line, e.Column, clip(Plain(e.Path)), e.Problem)
}

// DecodeOption changes how a payload is decoded.
type DecodeOption func(*decoder)

// FromSecret marks the payload as one whose values must not be shown.
func FromSecret() DecodeOption { return func(d *decoder) { d.secret = true } }

// Decode reads one JSON text (RFC 8259). It refuses, with a *PayloadError, what is longer than
// MaxPayloadBytes or deeper than MaxDepth, invalid UTF-8, an object with a name twice, and anything after
// the value.
func Decode(text []byte, options ...DecodeOption) (*Payload, error) {
	d := decoders.Get().(*decoder) //nolint:forcetypeassert // the pool holds nothing else
	defer func() {
		d.forget()
		decoders.Put(d)
	}()
	for _, o := range options {
		o(d)
	}
	if len(text) > MaxPayloadBytes {
		return nil, &PayloadError{Problem: fmt.Sprintf("it has %d bytes, and at most %d (256 KiB) can be checked; split it, or check a part of it", len(text), MaxPayloadBytes)}
	}
	d.text, d.whole = text, string(text)
	root, short, err := d.read()
	if err != nil {
		return nil, err
	}
	return &Payload{root: root, digest: digestOf(root), size: len(text), secret: d.secret, short: short}, nil
}

// read gives the value of the text, and whether all of its numbers are short.
func (d *decoder) read() (root any, short bool, err error) {
	if root, ok := d.quick.read(d.whole); ok {
		return root, d.quick.short, nil
	}
	return d.readSlowly()
}

// readSlowly leaves the reading to the library.
func (d *decoder) readSlowly() (root any, short bool, err error) {
	d.slow, d.short = true, true
	d.buffer = *bytes.NewBuffer(d.text)
	d.in.Reset(&d.buffer, decoding)
	if root, err = d.value(0); err != nil {
		return nil, false, d.explain(err)
	}
	end := d.in.InputOffset()
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		space := len(d.text[end:]) - len(bytes.TrimLeft(d.text[end:], " \t\r\n"))
		return nil, false, d.fail(end+int64(space), "", "there is more after the end of the value; a payload is one JSON value")
	}
	return root, d.short, nil
}

// decoding leaves names given twice to object, which tells them itself.
var decoding = jsontext.AllowDuplicateNames(true)

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// forget drops the text, so that the decoder's memory can be used for another one.
func (d *decoder) forget() {
	if d.buffer = (bytes.Buffer{}); d.slow {
		d.in.Reset(&d.buffer)
	}
	d.text, d.whole, d.at, d.secret, d.slow = nil, "", 0, false, false
	d.quick.forget()
}

type decoder struct {
	quick  quick
	in     jsontext.Decoder
	buffer bytes.Buffer // over text
	text   []byte
	// whole is the text again. Literals and strings without escapes are slices of it, so that each costs no
	// allocation of its own.
	whole  string
	at     int64 // where the last literal begins
	secret bool
	slow   bool // in is used
	short  bool // the numbers so far
}

func (d *decoder) value(depth int) (any, error) {
	switch d.in.PeekKind() {
	case '"':
		return d.str()
	case '0':
		return d.number()
	case '{', '[':
		return d.nested(depth)
	}
	token, err := d.in.ReadToken()
	if err != nil || token.Kind() == 'n' {
		return nil, err
	}
	return token.Bool(), nil
}

// literal is the next literal as it is written.
func (d *decoder) literal() (string, error) {
	raw, err := d.in.ReadValue()
	if err != nil {
		return "", err
	}
	d.at = d.in.InputOffset() - int64(len(raw))
	return d.whole[d.at:][:len(raw)], nil
}

func (d *decoder) str() (string, error) {
	literal, err := d.literal()
	if err != nil {
		return "", err
	}
	if !strings.Contains(literal, `\`) {
		return strings.Trim(literal, `"`), nil
	}
	unquoted, err := jsontext.AppendUnquote(nil, literal)
	return string(unquoted), err
}

func (d *decoder) number() (any, error) {
	literal, err := d.literal()
	if err != nil {
		return nil, err
	}
	if len(literal) <= maxShort && strings.IndexByte(literal, 'e') < 0 && strings.IndexByte(literal, 'E') < 0 {
		return json.Number(literal), nil
	}
	d.short = false
	if _, err := ParseDecimal(literal); err != nil {
		return nil, d.fail(d.at, string(d.in.StackPointer()),
			fmt.Sprintf("a number's exponent may have at most %d digits", MaxExponentDigits))
	}
	return json.Number(literal), nil
}

func (d *decoder) nested(depth int) (any, error) {
	token, err := d.in.ReadToken()
	if err != nil {
		return nil, err
	}
	if depth == MaxDepth {
		return nil, d.fail(d.in.InputOffset()-1, string(d.in.StackPointer()),
			fmt.Sprintf("it is nested more than %d levels deep; flatten it", MaxDepth))
	}
	if token.Kind() == '[' {
		return d.array(depth)
	}
	return d.object(depth)
}

func (d *decoder) array(depth int) (any, error) {
	list := []any{}
	for d.in.PeekKind() != ']' {
		item, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := d.in.ReadToken()
	return list, err
}

func (d *decoder) object(depth int) (any, error) {
	members := map[string]any{}
	for d.in.PeekKind() != '}' {
		name, err := d.str()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, d.fail(d.at, string(d.in.StackPointer()), "the same name stands twice in one object; keep one of them")
		}
		member, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		members[name] = member
	}
	_, err := d.in.ReadToken()
	return members, err
}

// explain turns the reader's error into one that says what to do.
func (d *decoder) explain(err error) error {
	if known := (*PayloadError)(nil); errors.As(err, &known) {
		return known
	}
	if errors.Is(err, io.EOF) {
		return &PayloadError{Problem: "it is empty; give one JSON value"}
	}
	offset, pointer := d.in.InputOffset(), string(d.in.StackPointer())
	if syntactic := (*jsontext.SyntacticError)(nil); errors.As(err, &syntactic) {
		offset, pointer = syntactic.ByteOffset, string(syntactic.JSONPointer)
	}
	problem := "it is not JSON"
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		problem = "it ends in the middle of a value; was it cut off?"
	case !validUTF8At(d.text, offset):
		problem = "it is not valid UTF-8; JSON text must be"
	}
	return d.fail(offset, pointer, problem)
}

// fail places a problem in the text.
func (d *decoder) fail(offset int64, pointer, problem string) *PayloadError {
	before := d.text[:min(offset, int64(len(d.text)))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	if d.secret {
		pointer = ""
	}
	return &PayloadError{Line: line, Column: column, Path: pointer, Problem: problem}
}
