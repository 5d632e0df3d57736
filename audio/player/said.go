//go:build linux

package player

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a player says.
const (
	maxMessageBytes = 64 << 10 // all of stdout; the rest is dropped
	maxProbes       = 32
	maxMissing      = 16
	maxTextBytes    = 1024    // a line of stderr, a text of a message
	maxStderrLines  = 100     // that are handed on; the rest is dropped
	maxHeadBytes    = 1 << 10 // of stderr's beginning, in the error's text: there a crash tells its cause
	maxTailBytes    = 3 << 10 // and of its end
)

// lines cuts what is written to it into lines, and hands them on, each up to a number of bytes.
type lines struct {
	take func(line []byte)
	most int
	held []byte
}

// Write never fails, so that a player never waits for its parent.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, whole := bytes.Cut(p, []byte("\n"))
		p = rest
		l.held = append(l.held, part[:min(len(part), l.most-len(l.held))]...)
		if whole {
			l.end()
		}
	}
	return n, nil
}

// end hands on a line, which may be the last and have no end.
func (l *lines) end() {
	if len(l.held) > 0 {
		l.take(l.held)
	}
	l.held = l.held[:0]
}

// said gathers a player's messages. The first failure counts.
type said struct {
	report  Report
	failure *Failure
	ended   bool
	bytes   int
	garbled bool
}

func (s *said) take(line []byte) {
	s.bytes += len(line)
	var m Message
	if s.bytes > maxMessageBytes || json.Unmarshal(line, &m) != nil {
		s.garbled = true
		return
	}
	switch {
	case m.Sandbox != nil && !s.report.Sandbox.Known(): // it is told before the player has read anything of a stranger's
		s.report.Sandbox = *m.Sandbox
		missing := m.Sandbox.Missing[:min(len(m.Sandbox.Missing), maxMissing)]
		for i := range missing {
			missing[i] = printable(missing[i])
		}
		s.report.Sandbox.Missing = missing
	case m.Probes != nil:
		s.report.Probes = m.Probes[:min(len(m.Probes), maxProbes)]
		for i, p := range s.report.Probes {
			s.report.Probes[i].Action, s.report.Probes[i].Detail = printable(p.Action), printable(p.Detail)
		}
	case m.Started != nil:
		s.report.Started, s.report.Length = time.Now(), *m.Started
	case m.Failure != nil && s.failure == nil:
		s.failure = m.Failure
	case m.Ended:
		s.ended = true
	}
}

// complaints hands on what a player, and ALSA in it, print to stderr, and keeps the beginning and the end of it.
type complaints struct {
	handOn func(line string)
	count  int
	head   []string
	tail   []string
	inHead int // bytes
	inTail int
	left   bool // some of what was between them is
}

func (c *complaints) take(line []byte) {
	text := printable(string(line))
	if c.count++; c.count <= maxStderrLines && c.handOn != nil {
		c.handOn(text)
	}
	if len(c.tail) == 0 && c.inHead+len(text) <= maxHeadBytes {
		c.head = append(c.head, text)
		c.inHead += len(text)
		return
	}
	c.tail = append(c.tail, text)
	for c.inTail += len(text); c.inTail > maxTailBytes; c.tail = c.tail[1:] {
		c.inTail -= len(c.tail[0])
		c.left = true
	}
}

func (c *complaints) String() string {
	parts := c.head
	if c.left {
		parts = append(parts, "...")
	}
	return strings.Join(append(parts, c.tail...), "; ")
}

// printable makes a text one line that a terminal shows and does not obey, and bounds it.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if len(text) > maxTextBytes {
		text = strings.ToValidUTF8(text[:maxTextBytes], "")
	}
	return text
}
