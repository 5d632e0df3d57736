package account

import (
	"regexp"
	"strings"
	"testing"
)

func TestTokenTexts(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		id := newTokenID()
		text, sum := tokenText.issue(id)
		if !regexp.MustCompile(`^cky_[0-9a-hjkmnp-tv-z]{16}_[0-9A-Za-z]{49}$`).MatchString(text) {
			t.Fatalf("a token does not look like one: %d characters", len(text))
		}
		gotID, gotSum, ok := tokenText.parse(text)
		if !ok || gotID != id || gotSum != sum {
			t.Fatal("what was issued is not read")
		}
		if seen[id] || seen[text] {
			t.Fatal("twice the same")
		}
		seen[id], seen[text] = true, true
	}
}

func TestResetTexts(t *testing.T) {
	at := locator(ann)
	text, sum := resetText.issue(at)
	id, gotSum, ok := resetText.parse(text)
	if !ok || id != at || sum != gotSum {
		t.Fatal("what was issued is not read")
	}
	if _, _, ok := tokenText.parse(text); ok {
		t.Error("a reset token is taken for a bearer token")
	}
}

func TestParseRefuses(t *testing.T) {
	good, _ := tokenText.issue(newTokenID())
	for name, text := range map[string]string{
		"empty":            "",
		"prefix alone":     "cky_",
		"cut":              good[:len(good)-1],
		"longer":           good + "0",
		"another prefix":   "ckr_" + good[4:],
		"upper-case id":    "cky_" + strings.ToUpper(good[4:20]) + "A" + good[21:],
		"no separator":     good[:20] + "-" + good[21:],
		"typing error":     good[:30] + string(base62[(strings.IndexByte(base62, good[30])+1)%62]) + good[31:],
		"crc":              good[:len(good)-1] + string(base62[(strings.IndexByte(base62, good[len(good)-1])+1)%62]),
		"space":            " " + good[1:],
		"sign in secret":   good[:30] + "+" + good[31:],
		"zero byte":        good[:30] + "\x00" + good[31:],
		"swapped":          good[:20] + "_" + good[27:] + good[21:27],
		"something before": "x" + good,
	} {
		if _, _, ok := tokenText.parse(text); ok && text != good {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzToken(f *testing.F) {
	good, _ := tokenText.issue("0123456789abcdef")
	fuzzFormat(f, tokenText, good)
}

func FuzzResetToken(f *testing.F) {
	good, _ := resetText.issue(locator(ann))
	fuzzFormat(f, resetText, good)
}

// What is read has the form, and is told from all texts that differ from it.
func fuzzFormat(f *testing.F, format format, good string) {
	f.Add(good)
	f.Add("")
	f.Add(format.prefix)
	f.Add(good[:len(good)-6] + "000000")
	f.Add(strings.Repeat("_", len(good)))
	f.Add(strings.Repeat("é", len(good)/2))
	f.Fuzz(func(t *testing.T, text string) {
		id, sum, ok := format.parse(text)
		if !ok {
			if id != "" || sum != (digest{}) {
				t.Error("refused, but something was read")
			}
			return
		}
		if len(text) != format.size() || !format.isID(id) || !strings.HasPrefix(text, format.prefix+id+"_") {
			t.Errorf("%q is taken", text)
		}
	})
}
