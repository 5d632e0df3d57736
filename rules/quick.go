package rules

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// quick reads payloads as nearly all of them are written, in one pass and a third of the library's time. It takes only what the
// library takes, and makes the same of it (FuzzQuick holds the two together). Where it meets anything else, be it that or a mistake,
// it gives up, and the library reads the text from its beginning: what is wrong, and where, is the library's to say.
type quick struct {
	text  string
	at    int
	short bool // of the numbers so far: see Payload.ShortNumbers
	// The items and members of the arrays and objects that are not read to their ends.
	items   []any
	members []member
}

type member struct {
	name  string
	value any
}

// read gives the value of a text, if it can.
func (q *quick) read(text string) (root any, ok bool) {
	q.text, q.at, q.short = text, 0, true
	if root, ok = q.value(0); !ok {
		return nil, false
	}
	q.space()
	return root, q.at == len(text)
}

// forget drops what is left of a text.
func (q *quick) forget() {
	q.text = ""
	clear(q.items)
	clear(q.members)
	q.items, q.members = q.items[:0], q.members[:0]
}

// space goes to what follows white space, and gives it; 0 at the end.
func (q *quick) space() byte {
	for ; q.at < len(q.text); q.at++ {
		switch c := q.text[q.at]; c {
		case ' ', '\n', '\t', '\r':
		default:
			return c
		}
	}
	return 0
}

func (q *quick) value(depth int) (any, bool) {
	switch q.space() {
	case '"':
		s, ok := q.str()
		return s, ok
	case '{':
		return q.object(depth)
	case '[':
		return q.array(depth)
	case 'n':
		return nil, q.word("null")
	case 't':
		return true, q.word("true")
	case 'f':
		return false, q.word("false")
	}
	return q.number()
}

func (q *quick) word(word string) bool {
	ok := strings.HasPrefix(q.text[q.at:], word)
	q.at += len(word)
	return ok
}

func (q *quick) str() (string, bool) {
	from, wide := q.at+1, false
	for i := from; i < len(q.text); i++ {
		switch c := q.text[i]; {
		case c == '"':
			q.at = i + 1
			return q.text[from:i], !wide || utf8.ValidString(q.text[from:i])
		case c == '\\':
			return q.escaped(i)
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			wide = true
		}
	}
	return "", false
}

// escaped reads a string whose first escape is at i.
func (q *quick) escaped(i int) (string, bool) {
	for ; i < len(q.text); i++ {
		switch q.text[i] {
		case '\\':
			i++
		case '"':
			unquoted, err := jsontext.AppendUnquote(nil, q.text[q.at:i+1])
			q.at = i + 1
			return string(unquoted), err == nil
		}
	}
	return "", false
}

// number reads those without an exponent.
func (q *quick) number() (any, bool) {
	i := q.at
	if i < len(q.text) && q.text[i] == '-' {
		i++
	}
	whole := q.digits(i)
	if whole == i || q.text[i] == '0' && whole > i+1 {
		return nil, false
	}
	if i = whole; i < len(q.text) && q.text[i] == '.' {
		if i = q.digits(whole + 1); i == whole+1 {
			return nil, false
		}
	}
	if i < len(q.text) && (q.text[i] == 'e' || q.text[i] == 'E') {
		return nil, false
	}
	literal := q.text[q.at:i]
	q.short = q.short && len(literal) <= maxShort
	q.at = i
	return json.Number(literal), true
}

// digits gives where the digits from i on end.
func (q *quick) digits(i int) int {
	for i < len(q.text) && '0' <= q.text[i] && q.text[i] <= '9' {
		i++
	}
	return i
}

func (q *quick) array(depth int) (any, bool) {
	if depth == MaxDepth {
		return nil, false
	}
	q.at++
	from := len(q.items)
	if q.space() == ']' {
		q.at++
		return []any{}, true
	}
	for {
		item, ok := q.value(depth + 1)
		if !ok {
			return nil, false
		}
		q.items = append(q.items, item)
		end := q.space()
		q.at++
		switch end {
		case ',':
		case ']':
			list := make([]any, len(q.items)-from)
			copy(list, q.items[from:])
			clear(q.items[from:])
			q.items = q.items[:from]
			return list, true
		default:
			return nil, false
		}
	}
}

func (q *quick) object(depth int) (any, bool) {
	if depth == MaxDepth {
		return nil, false
	}
	q.at++
	from := len(q.members)
	if q.space() == '}' {
		q.at++
		return map[string]any{}, true
	}
	for {
		if q.space() != '"' {
			return nil, false
		}
		name, ok := q.str()
		if !ok || q.space() != ':' {
			return nil, false
		}
		q.at++
		value, ok := q.value(depth + 1)
		if !ok {
			return nil, false
		}
		q.members = append(q.members, member{name, value})
		end := q.space()
		q.at++
		switch end {
		case ',':
		case '}':
			return q.join(from)
		default:
			return nil, false
		}
	}
}

// join makes an object of the members from one on, unless two have the same name.
func (q *quick) join(from int) (any, bool) {
	own := q.members[from:]
	object := make(map[string]any, len(own))
	for i := range own {
		object[own[i].name] = own[i].value
	}
	same := len(object) == len(own)
	clear(own)
	q.members = q.members[:from]
	return object, same
}
