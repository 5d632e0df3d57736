package rules

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Show writes a value as a message may quote it: cut when it is long; masked when the payload comes from a Secret, when
// any name on its path is that of a credential, or when it looks like one.
func (c *Call) Show(path string, value any) string {
	return show(path, value, c.payload.secret)
}

// show takes the whole path for a name: no name of a credential goes over the / between two tokens.
func show(path string, value any, secret bool) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case []any:
		return "an array of " + count(len(v), "item")
	case map[string]any:
		return "an object with " + count(len(v), "member")
	case string:
		if secret || IsCredential(path, v) {
			return "a string of " + count(utf8.RuneCountInString(v), "character") + " (masked)"
		}
		return strconv.Quote(clip(v))
	case json.Number:
		if secret || CredentialName(path) {
			return "a number (masked)"
		}
		return clip(string(appendNumber(nil, v)))
	case bool:
		if secret {
			return "a boolean (masked)"
		}
		return strconv.FormatBool(v)
	}
	return "a value of an unknown type"
}

// ShowLiteral writes a value of a rule, cut when it is long. It is for rules' own values, never for a payload's.
func ShowLiteral(value any) string {
	return clip(string(Canonical(value)))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// clip cuts a text to MaxFoundRunes code points.
func clip(s string) string {
	if len(s) <= MaxFoundRunes {
		return s
	}
	n := 0
	for i := range s {
		if n == MaxFoundRunes {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

// Plain puts U+FFFD in place of each character that would change how the text around it reads: control characters, the
// ends of lines among them, and those that turn the direction of writing. Names and texts of a payload get into
// what people read on terminals, and must not be able to forge lines of it.
func Plain(s string) string {
	if strings.IndexFunc(s, changesReading) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if changesReading(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

func changesReading(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// ClipBytes cuts a text to a number of bytes, between code points.
func ClipBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len("...")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
