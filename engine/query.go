package engine

import (
	"strings"
	"unicode"

	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
)

// queryFor asks for what helps with a rule's first finding. It is made of facts: the rule's name and kind, the names of
// the fields, what was expected. What was found is left out: values say nothing about the kind of mistake, and
// may be secret.
func queryFor(rule *rules.Rule, report *rules.Report) rag.Query {
	path, message := "", report.Problem
	if len(report.Findings) > 0 {
		f := &report.Findings[0]
		path, message = f.Path, strings.TrimSuffix(f.Message, ", found "+f.Found)
	}
	if rule.Query != "" {
		return rag.Query{Text: rule.Query, Hints: queryWords(rule.Kind, rule.Name, path)}
	}
	return rag.Query{
		Text:  queryWords(rule.Kind, rule.Name, path, rule.Message, message),
		Hints: queryWords(rule.Name, path),
	}
}

// maxQueryWords bounds a query.
const maxQueryWords = 48

// queryWords splits texts into distinct words: at punctuation, and where camelCase changes its case. Quoted texts and
// numbers are values, not words, and are left out.
func queryWords(texts ...string) string {
	var words []string
	seen := map[string]bool{}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(splitCamel(withoutQuoted(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			word = strings.ToLower(word)
			if len(words) == maxQueryWords {
				return strings.Join(words, " ")
			}
			if !seen[word] && !strings.ContainsFunc(word[:1], unicode.IsDigit) && !filler[word] {
				seen[word] = true
				words = append(words, word)
			}
		}
	}
	return strings.Join(words, " ")
}

// filler are the words that messages are built with; they are in all of them.
var filler = map[string]bool{"expected": true, "found": true, "input": true, "rule": true}

func withoutQuoted(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `"`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte(' ')
		_, s, ok = strings.Cut(rest, `"`)
		if !ok {
			return b.String()
		}
	}
}

// splitCamel puts a space before each upper-case letter that follows a lower-case one.
func splitCamel(s string) string {
	var b strings.Builder
	lower := false
	for _, r := range s {
		if lower && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return b.String()
}
