package password

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAcceptable(t *testing.T) {
	context := []string{"ann.lee85@example.com", "Checky"}
	for name, tt := range map[string]struct {
		password string
		ok       bool
		why      string
	}{
		"passphrase":          {"correct horse battery staple", true, "words and spaces are what is asked for"},
		"no composition":      {"tablecloudriver", true, "lower case alone is enough at 15 characters"},
		"common word inside":  {"password of the seven seas", true, "the blocklist is for the whole"},
		"random":              {"V7#kq9!mZx2$wLp", true, "nobody guesses it"},
		"random digits":       {"830195726403918", true, "no rule of composition forbids digits alone"},
		"any script":          {"приветствиеснаружи", true, "any printable Unicode"},
		"emoji":               {"🐎🔋📎🎩🌊🌙🍏🧭🪁🎲🥁🧊🪵🎻🛶", true, "a character is a code point"},
		"256 code points":     {strings.Repeat("tree lake moon x", 15) + "abcdefgh ijqrstv", true, "the longest"},
		"14":                  {"tablecloudrive", false, "one short"},
		"14 with marks":       {"e\u0301tablecloudrai", false, "composed, it is 14"},
		"too many":            {strings.Repeat("treelakemoon-sun9", 16), false, "272 code points"},
		"too many bytes":      {strings.Repeat("🐎🔋📎🎩🌊🌙🍏🧭🪁", 29), false, "1,044 bytes"},
		"empty":               {"", false, "too short"},
		"control":             {"tablecloudriver\n", false, "not printable"},
		"not UTF-8":           {"tablecloudriver\xff", false, "not text"},
		"unit repeated":       {"abcabcabcabcabc", false, "three characters"},
		"unit repeated, cut":  {"x7Qx7Qx7Qx7Qx7Qx", false, "three characters"},
		"one character":       {strings.Repeat("ü", 20), false, "one character"},
		"numbers":             {"123456789012345", false, "a sequence that wraps"},
		"backwards":           {"987654321098765", false, "a sequence that wraps"},
		"alphabet":            {"AbcDefGhijklmnop", false, "case does not help"},
		"rows":                {"qwertyuiopasdfg", false, "two rows"},
		"columns":             {"1qaz2wsx3edc4rfv5tgb", false, "columns"},
		"cyrillic row":        {"йцукенгшщзхъфывап", false, "rows of other keyboards"},
		"sequences joined":    {"abcdef123456qwerty", false, "three runs"},
		"word with digits":    {"Password1234560", false, "a common word, padded"},
		"word with random":    {"dragon830195726", false, "a common word, padded by digits"},
		"word with signs":     {"!!!monkey!!!!!!!!", false, "a common word, padded by signs"},
		"word repeated":       {"sunshine sunshine 1", false, "a common word repeated"},
		"listed":              {"MailCreated5240", false, "in a list of leaks, without case"},
		"address":             {"ann.lee85@example.com", false, "the address"},
		"local part padded":   {"ann.lee85-ann.lee85!", false, "the local part"},
		"letters of it":       {"AnnLee AnnLee 1985", false, "the local part's letters"},
		"domain padded":       {"example.com12345!", false, "the domain"},
		"service":             {"checky-checky-2026", false, "the service's name"},
		"service and word":    {"checkypassword1", false, "the service's name and a common word"},
		"context in a phrase": {"checky keeps otters calm", true, "the whole is not made of it"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Acceptable(tt.password, context...)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v: %s", err, tt.why)
			}
			var rule *RuleError
			if err != nil && !errors.As(err, &rule) {
				t.Fatalf("got %T, want a *RuleError", err)
			}
			if err != nil && tt.password != "" && strings.Contains(err.Error(), tt.password) {
				t.Error("the message quotes the password")
			}
		})
	}
}

func TestListsAreWhatTheRulesNeed(t *testing.T) {
	if size := len(commonText) + len(wordsText); size > 300<<10 {
		t.Errorf("the lists take %d bytes, want at most 300 KiB in the binary", size)
	}
	for entry := range common() {
		if utf8.RuneCountInString(entry) < MinLength {
			t.Errorf("%q is refused by its length already", entry)
		}
		if Acceptable(entry) == nil {
			t.Errorf("%q is listed and accepted", entry)
		}
	}
	for entry := range words() {
		if entry != letters(entry) {
			t.Errorf("%q can match nothing: it has more than letters", entry)
		}
	}
}

// Whatever comes: an answer, and no panic; and what is accepted stays so in its normal form.
func TestAcceptableIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pw := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab1!é ")), 10, 40, -1)).Draw(t, "password")
		if Acceptable(pw, rapid.String().Draw(t, "context")) == nil && Acceptable(normalized(pw)) != nil {
			t.Fatal("accepted, but not in its normal form")
		}
	})
}
