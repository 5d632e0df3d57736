package engine

import (
	"testing"

	"github.com/checky-dev/checky/rules"
)

// A payload of a file is told to be wrong at the file's line; what has no line of its own keeps its words.
func TestUnreadTellsTheFilesLine(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, text string
		line         int
		want         string
	}{
		"Own":   {"a payload of no file", "{\n'", 0, "payload: line 2, column 1: it is not JSON"},
		"First": {"the file's first line is the payload's, too", "{'", 1, "payload: line 1, column 2: it is not JSON"},
		"Later": {"the lines before it count", "{'", 12, "payload: line 12, column 2: it is not JSON"},
		"Empty": {"there is no place to tell", "", 12, "payload: it is empty; give one JSON value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rules.Decode([]byte(tc.text))
			if err == nil {
				t.Fatal("it could be read")
			}
			if got := unread(err, tc.line); got != tc.want {
				t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
