//go:build linux

package player

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/audio/sandbox"
)

// TestLines: however a text arrives, its lines are the same.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 10
		chunks := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("ab\n")))).Draw(t, "chunks")
		var want, got []string
		for line := range strings.SplitSeq(strings.Join(chunks, ""), "\n") {
			if line != "" {
				want = append(want, line[:min(len(line), most)])
			}
		}
		l := &lines{most: most, take: func(line []byte) { got = append(got, string(line)) }}
		for _, chunk := range chunks {
			if n, err := l.Write([]byte(chunk)); n != len(chunk) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		l.end()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestComplaints: the beginning and the end are kept, and no more than there is room for.
func TestComplaints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.SliceOfN(rapid.StringN(1, maxTextBytes, maxTextBytes), 1, 300).Draw(t, "said")
		handedOn := 0
		c := &complaints{handOn: func(string) { handedOn++ }}
		for _, line := range said {
			c.take([]byte(line))
		}
		text := c.String()
		if room := maxHeadBytes + maxTailBytes + 2*len(said) + 8; len(text) > room {
			t.Errorf("%d bytes, and there is room for %d", len(text), room)
		}
		if !strings.HasPrefix(text, printable(said[0])) || !strings.HasSuffix(text, printable(said[len(said)-1])) {
			t.Errorf("the first or the last line is missing in %q", text)
		}
		if handedOn != min(len(said), maxStderrLines) {
			t.Errorf("%d lines were handed on of %d", handedOn, len(said))
		}
	})
}

func TestComplaintsLeaveOutTheMiddle(t *testing.T) {
	c := &complaints{}
	for _, line := range []string{"SIGSEGV", strings.Repeat("a", 1000), strings.Repeat("b", 1000), strings.Repeat("c", 1000), strings.Repeat("d", 1000), strings.Repeat("e", 1000), "rax 0"} {
		c.take([]byte(line))
	}
	text := c.String()
	if !strings.HasPrefix(text, "SIGSEGV; a") || !strings.Contains(text, "; ...; ") || strings.Contains(text, "b") || !strings.HasSuffix(text, "; rax 0") {
		t.Errorf("%.50q ... %.50q", text, text[len(text)-50:])
	}
}

func TestPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := printable(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")))
		if len(text) > maxTextBytes || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q", text)
		}
	})
}

// TestSaidByWhoBrokeOut: what a decoder that a file has taken over can say is no more than that the sound was played.
func TestSaidByWhoBrokeOut(t *testing.T) {
	s := &said{}
	for _, line := range []string{
		`{"sandbox":{"noNewPrivs":true,"landlock":0,"missing":["landlock: none"]}}`,
		`{"sandbox":{"noNewPrivs":true,"landlock":7,"seccomp":true,"rlimits":true}}`,
		`{"ended":true}`,
	} {
		s.take([]byte(line))
	}
	if want := (sandbox.Report{NoNewPrivs: true, Missing: []string{"landlock: none"}}); cmp.Diff(want, s.report.Sandbox) != "" {
		t.Errorf("the sandbox is the first that was told of: (-want +got)\n%s", cmp.Diff(want, s.report.Sandbox))
	}
	if err := s.verdict(t.Context(), t.Context(), nil, ""); !errors.Is(err, ErrDied) {
		t.Errorf("it ended before it began: %v", err)
	}
	s.take([]byte(`{"started":1000000000}`))
	if err := s.verdict(t.Context(), t.Context(), nil, ""); err != nil {
		t.Errorf("it played: %v", err)
	}
}
