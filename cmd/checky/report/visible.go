package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/checky-dev/checky/cmd/program"
)

// visible wraps the writer of a format for programs: characters that steer a terminal, which the format's encoder leaves as they
// are (DEL, those of C1, those of the direction of writing), go out as escapes of the same value. An encoder has to write whole
// characters.
func visible(w io.Writer, escape func(rune) string) io.Writer { return &visibleWriter{w, escape} }

// JSONWriter wraps a writer of JSON in the same way.
func JSONWriter(w io.Writer) io.Writer { return visible(w, jsonEscape) }

type visibleWriter struct {
	w      io.Writer
	escape func(rune) string
}

// Write implements io.Writer.
func (v *visibleWriter) Write(p []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(p) {
		if r > ' ' && program.Steers(r) {
			b.WriteString(v.escape(r))
			continue
		}
		b.WriteRune(r)
	}
	if _, err := io.WriteString(v.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// jsonEscape is for JSON, where such characters stand in strings alone (RFC 8259, section 7).
func jsonEscape(r rune) string { return fmt.Sprintf(`\u%04x`, r) }

// xmlEscape is for XML 1.0 (section 4.1).
func xmlEscape(r rune) string { return fmt.Sprintf("&#x%X;", r) }
