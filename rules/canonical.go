package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// appendCanonical writes a decoded value in one way: members sorted by name, no white space, numbers as
// Decimal writes them. Unlike RFC 8785 it keeps every digit.
func appendCanonical(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendString(b, v)
	case json.Number:
		return appendNumber(b, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, item)
		}
		return append(b, ']')
	case map[string]any:
		var room [16]string
		names := room[:0]
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, name)
			b = append(b, ':')
			b = appendCanonical(b, v[name])
		}
		return append(b, '}')
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

func appendNumber(b []byte, n json.Number) []byte {
	if isCanonical(string(n)) {
		return append(b, n...)
	}
	d, err := ParseDecimal(string(n))
	if err != nil {
		return append(b, n...)
	}
	return append(b, d.String()...)
}

// isCanonical says whether a literal is surely in canonical form already: a short integer, or a short fraction that does
// not end in a zero. Other literals may be too, and are written anew.
func isCanonical(literal string) bool {
	whole, fraction, dotted := strings.Cut(literal, ".")
	if len(literal) > maxSmallDigits || !isDigits(whole) {
		return false
	}
	return !dotted || isDigits(fraction) && fraction[len(fraction)-1] != '0' && (whole != "0" || fraction[0] != '0')
}

// AppendCanonical appends the canonical JSON text of a decoded value: two values are equal as JSON if and only if their
// texts are.
func AppendCanonical(b []byte, value any) []byte { return appendCanonical(b, value) }

// Canonical is the canonical JSON text of a decoded value.
func Canonical(value any) []byte { return appendCanonical(nil, value) }

// texts are buffers for canonical texts that are only digested.
var texts = sync.Pool{New: func() any { return new([]byte) }}

func digestOf(value any) string {
	room := texts.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer texts.Put(room)
	*room = appendCanonical((*room)[:0], value)
	return Digest(*room)
}

// Digest is the SHA-256 of a text, as sha256:HEX.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	var out [len("sha256:") + 2*sha256.Size]byte
	copy(out[:], "sha256:")
	hex.Encode(out[len("sha256:"):], sum[:])
	return string(out[:])
}

// validUTF8At says whether the text is valid UTF-8 from just before an offset.
func validUTF8At(text []byte, offset int64) bool {
	from := max(0, min(offset, int64(len(text)))-utf8.UTFMax)
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	return utf8.Valid(text[from:])
}

// Equal is JSON's equality: numbers by value, objects whatever the order of their members.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		return ok && equalNumbers(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, Equal)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, v := range x {
			if w, there := y[name]; !there || !Equal(v, w) {
				return false
			}
		}
		return true
	case nil, bool, string:
		return a == b
	}
	return false
}

func equalNumbers(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, errX := ParseDecimal(string(a))
	y, errY := ParseDecimal(string(b))
	return errX == nil && errY == nil && x.Compare(y) == 0
}
