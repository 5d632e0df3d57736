package rag

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// entry is one line of a knowledge file that can be cited.
type entry struct {
	line  int
	title string
	text  string
	tags  string
}

// ParseError tells where a knowledge file is not one.
type ParseError struct {
	// File is the file's base name.
	File string
	// Line is the number of the line at fault, from 1; 0 where it is the file as a whole.
	Line int
	// Reason tells what is wrong and how to mend it.
	Reason string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// parse reads the entries of a knowledge file. Every error is a *ParseError.
func parse(name string, content []byte) ([]entry, error) {
	if len(content) > MaxFileBytes {
		return nil, tooLarge(name)
	}
	rest := bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	var entries []entry
	title := ""
	for n := 1; len(rest) > 0; n++ {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		raw = bytes.TrimSuffix(raw, []byte("\r"))
		if reason := fault(n, raw); reason != "" {
			return nil, &ParseError{File: name, Line: n, Reason: reason}
		}
		line := clean(string(raw))
		switch {
		case line == "", line == "#", strings.HasPrefix(line, "# "):
		case isHeading(line):
			title = strings.TrimSpace(strings.TrimLeft(line, "#"))
		default:
			text, tags := cutTags(line)
			entries = append(entries, entry{line: n, title: title, text: text, tags: tags})
		}
	}
	if len(entries) == 0 {
		return nil, &ParseError{File: name, Reason: "it has no entry: write at least one line that is neither blank, a # comment nor a ## heading"}
	}
	return entries, nil
}

func tooLarge(name string) error {
	return &ParseError{File: name, Reason: fmt.Sprintf("it is larger than %d MiB: split it, or leave out what nobody would cite", MaxFileBytes>>20)}
}

// fault tells why a line cannot be read, and is empty where it can.
func fault(n int, raw []byte) string {
	switch {
	case n > MaxLines:
		return fmt.Sprintf("the file has more than %d lines: split it, or leave out what nobody would cite", MaxLines)
	case len(raw) > MaxLineBytes:
		return fmt.Sprintf("the line has %d bytes, at most %d are allowed: break it into entries of a line each", len(raw), MaxLineBytes)
	case bytes.IndexByte(raw, 0) >= 0:
		return "the line has a NUL byte, so this is not a text file: save it as UTF-8 text"
	case !utf8.Valid(raw):
		return "the line is not valid UTF-8: save the file as UTF-8 text"
	}
	return ""
}

// clean trims a line, and puts a space in place of each control character: lines are shown on terminals.
func clean(line string) string {
	if isPlain(line) {
		return strings.TrimSpace(line)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line))
}

// isPlain tells whether a line is of ASCII characters that are shown, as nearly all are.
func isPlain(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isHeading tells whether a line is a heading: two number signs or more, then a space or nothing.
func isHeading(line string) bool {
	rest := strings.TrimLeft(line, "#")
	return len(line)-len(rest) >= 2 && (rest == "" || rest[0] == ' ')
}

// cutTags cuts "[tag, another tag]" off the end of a line. A bracket of anything else, such as "[1]" or
// "[see RFC 3339!]", is text, and so is one that the line consists of.
func cutTags(line string) (text, tags string) {
	if !strings.HasSuffix(line, "]") {
		return line, ""
	}
	open := strings.LastIndexByte(line, '[')
	if open < 1 || line[open-1] != ' ' {
		return line, ""
	}
	inside := line[open+1 : len(line)-1]
	for tag := range strings.SplitSeq(inside, ",") {
		if !isTag(strings.TrimSpace(tag)) {
			return line, ""
		}
	}
	return strings.TrimSpace(line[:open]), inside
}

// isTag tells whether s is a letter followed by letters, digits, spaces and any of - _ . /
func isTag(s string) bool {
	for i, r := range s {
		switch {
		case unicode.IsLetter(r):
		case i > 0 && (unicode.IsDigit(r) || strings.ContainsRune(" -_./", r)):
		default:
			return false
		}
	}
	return s != ""
}
