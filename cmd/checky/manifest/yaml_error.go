package manifest

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The library's messages that are told in other words, or need a line.
const (
	noToken      = "found character that cannot start any token"
	noControl    = "control characters are not allowed"
	tabFound     = "found a tab character"
	noAnchor     = "unknown anchor '"
	noAnchorTail = "' referenced"
)

// parserProblems are those of the library's parser, whose lines it counts from 0. Its scanner's are counted from 1.
var parserProblems = []string{
	"did not find expected ',' or ']'", "did not find expected ',' or '}'", "did not find expected '-' indicator",
	"did not find expected <document start>", "did not find expected key", "did not find expected node content",
	"found duplicate %TAG directive", "found duplicate %YAML directive", "found incompatible YAML document", "found undefined tag handle",
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// explainYAML takes the line out of the library's message, which leaves it out where it is the first, and of some
// messages always.
func explainYAML(text []byte, err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{Line: 1}
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		e.Line, _ = strconv.Atoi(match[1])
		message = message[len(match[0]):]
		if slices.Contains(parserProblems, message) {
			e.Line++
		}
	}
	e.Line = min(e.Line, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte{'\n'})) // an end that comes too early is past the last line
	tab := tabIndents(text, e.Line)
	anchor, isAnchor := strings.CutPrefix(message, noAnchor)
	switch {
	case isAnchor: // its name may be a password that begins with * and is not quoted
		before, _, _ := bytes.Cut(text, []byte("*"+strings.TrimSuffix(anchor, noAnchorTail)))
		e.Line = 1 + bytes.Count(before, []byte{'\n'})
		message = "an alias, which is what begins with *, leads to no anchor; where the * belongs to a text, quote it"
	case message == noControl:
		e.Line = lineOf(text, func(r rune, _ int) bool { return isControl(r) })
	case tab == e.Line || tab > 0 && strings.HasPrefix(message, tabFound): // of a text over several lines, the first is told
		e.Line = tab
		message = "a tab indents the line; indent with spaces"
	case message == noToken:
		message = "a text begins with a character that YAML keeps for itself, such as @, %, a backtick or a tab; quote the text"
	}
	e.Problem = "it is not YAML: " + clip(message)
	return e
}

// lineOf is the line of the first character that a function finds; its second argument is the character's size in bytes. It is
// the last line where there is none.
func lineOf(text []byte, is func(r rune, size int) bool) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if is(r, size) {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[size:]
	}
	return line
}

// isControl says whether YAML allows a character nowhere.
func isControl(r rune) bool {
	switch r {
	case '\t', '\n', '\r', 0x85:
		return false
	}
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff
}

// tabIndents is the first line, not before another, whose indentation has a tab; 0 where there is none.
func tabIndents(text []byte, from int) int {
	line := 0
	for content := range bytes.Lines(text) {
		line++
		indent := content[:len(content)-len(bytes.TrimLeft(content, " \t"))]
		if line >= from && bytes.IndexByte(indent, '\t') >= 0 {
			return line
		}
	}
	return 0
}
