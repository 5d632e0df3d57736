package rules

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestStoredLength holds how long a text is in JSON to the one who writes it.
func TestStoredLength(t *testing.T) {
	length := func(t interface{ Fatal(...any) }, text string) int {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return len(encoded) - 2
	}
	all := make([]rune, 0x3000)
	for i := range all {
		all[i] = rune(i)
	}
	if got, want := StoredLength(string(all)), length(t, string(all)); got != want {
		t.Errorf("one of each is %d bytes, want %d", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		if got, want := StoredLength(text), length(t, text); got != want || StoredLength([]byte(text)) != want {
			t.Errorf("%q is %d bytes, want %d", text, got, want)
		}
	})
}
