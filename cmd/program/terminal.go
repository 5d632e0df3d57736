package program

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Terminal says whether a writer is one.
func Terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Colored says whether text for a writer is colored unless a flag says otherwise: on a terminal that knows colors, where
// NO_COLOR (https://no-color.org) is not set.
func Colored(out io.Writer) bool {
	return Terminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Printable replaces what could steer a terminal by U+FFFD: control characters other than line feeds, those that change the
// direction of writing, and bytes that are no UTF-8. What a payload, a message or an object's label holds goes through it on its way to
// a person.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r != utf8.RuneError && !Steers(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Steers says whether a character is one that a terminal does not show but acts on.
func Steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
