package password

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
)

// The blocklists: words without spaces, case-folded. README.md says where they come from and under which licences.
var (
	//go:embed common.txt
	commonText string
	//go:embed words.txt
	wordsText string

	common = sync.OnceValue(func() map[string]struct{} { return set(commonText) })
	words  = sync.OnceValue(func() map[string]struct{} { return set(wordsText) })
)

func set(text string) map[string]struct{} {
	lines := strings.Fields(text)
	s := make(map[string]struct{}, len(lines))
	for _, l := range lines {
		s[l] = struct{}{}
	}
	return s
}

const (
	// shortUnit is how long a unit may be, in code points, that a password may not just repeat.
	shortUnit = 8
	// runLength is the least that a run of neighbours has, such as 123 or qwe; a password whose pieces (runs and single
	// characters) are no longer than that on average is no more than its runs.
	runLength = 3
	// contextLength is the least that a part of the context has to be looked for, in bytes.
	contextLength = 3
)

// guessable says whether a password, in its normal form, is one of those that are tried first. All is compared with the
// password as a whole, as NIST SP 800-63B-4 asks: a passphrase may contain common words.
func guessable(normal string, context []string) error {
	folded := cases.Fold().String(normal)
	runes := []rune(folded)
	switch {
	case in(common(), folded):
		return &RuleError{"this password is on a list of common passwords; a few unrelated words make a good one"}
	case period(runes) <= shortUnit:
		return &RuleError{"this password repeats a few characters; a few unrelated words make a good one"}
	case pieces(runes)*runLength <= len(runes):
		return &RuleError{"this password follows the alphabet, the numbers or the keyboard; a few unrelated words make a good one"}
	case padded(letters(folded)):
		return &RuleError{"this password is a common one with digits or signs around it; a few unrelated words make a good one"}
	case madeOf(folded, context):
		return &RuleError{"this password is made of your address or the service's name; a few unrelated words make a good one"}
	}
	return nil
}

func in(s map[string]struct{}, word string) bool {
	_, found := s[word]
	return found
}

// period is the least p by which the text repeats itself: 3 for abcabcab, its length where it does not.
func period(text []rune) int {
	for p := 1; p < len(text); p++ {
		if slices.Equal(text[p:], text[:len(text)-p]) {
			return p
		}
	}
	return len(text)
}

// letters are the letters of a text: what is left of it without the digits, signs and spaces that pad it.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, text)
}

// padded says whether letters are one common word, or repeat one.
func padded(letters string) bool {
	runes := []rune(letters)
	p := period(runes)
	return in(words(), letters) || len(runes)%max(p, 1) == 0 && in(words(), string(runes[:p]))
}

// madeOf says whether nothing but one common word is left of a password when the context, digits and signs are taken out.
func madeOf(folded string, context []string) bool {
	rest := folded
	for _, part := range parts(context) {
		rest = strings.ReplaceAll(rest, part, " ")
	}
	if rest == folded {
		return false
	}
	left := letters(rest)
	return left == "" || padded(left)
}

// parts are what can be made of the context, the longest first: the whole, what is between its signs, and its letters.
func parts(context []string) []string {
	var all []string
	for _, c := range context {
		c = cases.Fold().String(c)
		local, domain, _ := strings.Cut(c, "@")
		for _, text := range []string{c, local, domain} {
			all = append(all, text, letters(text))
			all = append(all, strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
		}
	}
	all = slices.DeleteFunc(all, func(part string) bool { return len(part) < contextLength })
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(all)
}

// keyboard are the rows, columns and zigzags of common keyboards.
var keyboard = []string{
	"1234567890", "!@#$%^&*()", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
	"qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/", "qazwsxedcrfvtgbyhnujmikolp", "zaqxswcdevfrbgtnhymju",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
}

// pieces counts what a text is made of, where a run of neighbours counts as one and any other character as one.
func pieces(text []rune) int {
	n := 0
	for i := 0; i < len(text); n++ {
		i += max(1, run(text[i:]))
	}
	return n
}

// run is the length of the run that a text begins with; 0 where it begins with none.
func run(text []rune) int {
	longest := 0
	for _, step := range []rune{-1, 0, 1} {
		n := 1
		for n < len(text) && follows(text[n-1], text[n], step) {
			n++
		}
		longest = max(longest, n)
	}
	for _, line := range keyboard {
		longest = max(longest, along(text, []rune(line)))
	}
	if longest < runLength {
		return 0
	}
	return longest
}

// follows says whether b is a step after a: ab, 12, 90, aa.
func follows(a, b, step rune) bool {
	return b == a+step || step == 1 && a == '9' && b == '0' || step == -1 && a == '0' && b == '9'
}

// along says how far a text goes along a line, in either direction.
func along(text, line []rune) int {
	at := slices.Index(line, text[0])
	if at < 0 {
		return 0
	}
	forward, backward := 1, 1
	for forward < len(text) && at+forward < len(line) && text[forward] == line[at+forward] {
		forward++
	}
	for backward < len(text) && at-backward >= 0 && text[backward] == line[at-backward] {
		backward++
	}
	return max(forward, backward)
}
