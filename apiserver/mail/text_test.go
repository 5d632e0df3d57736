package mail

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestTexts compares what people read, through the development mailbox.
func TestTexts(t *testing.T) {
	reset := func() (string, string) {
		return Reset("https://checky.example/password-reset#token=0123456789abcdef", 15*time.Minute)
	}
	attempt := func() (string, string) { return SignUpAttempt("https://checky.example") }
	for name, text := range map[string]func() (string, string){"reset": reset, "sign-up-attempt": attempt} {
		t.Run(name, func(t *testing.T) {
			subject, text := text()
			var got bytes.Buffer
			if err := Mailbox(&got).Send(t.Context(), Message{To: "ann@example.com", Subject: subject, Text: text}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for line := range strings.Lines(got.String()) {
				if len([]rune(line)) > 79 {
					t.Errorf("a line of %d characters: %s", len([]rune(line)), line)
				}
			}
		})
	}
}

func TestMinutes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "1 minute", 15 * time.Minute: "15 minutes", 119 * time.Second: "1 minute", 2*time.Hour + time.Second: "120 minutes",
	} {
		if got := minutes(d); got != want {
			t.Errorf("%v: %q, expected %q", d, got, want)
		}
	}
}

// countingWriter counts writes.
type countingWriter struct{ writes int }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	return len(p), nil
}

func TestMailboxWritesOnce(t *testing.T) {
	var w countingWriter
	if err := Mailbox(&w).Send(t.Context(), letterTo("ann@example.com")); err != nil || w.writes != 1 {
		t.Errorf("%d writes, %v", w.writes, err)
	}
}
