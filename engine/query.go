package engine

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"

	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
)

// queryFor asks for what helps with a rule's first finding. It is made of facts: the topic of the rule, its name, the names of
// the fields, what was expected. What was found is left out: values say nothing about the kind of mistake, and
// may be secret.
func queryFor(rule *rules.Rule, report *rules.Report) rag.Query {
	if len(report.Findings) == 0 {
		problem := positions.ReplaceAllString(report.Problem, "")
		if rule.Err() != nil {
			return query(rule, uncompiled(rule.Kind), "", "", problem)
		}
		return query(rule, rule.Topic, "", problem, "")
	}
	f := &report.Findings[0]
	expected := strings.TrimSuffix(f.Message, ", found "+f.Found)
	if rule.Kind == "cel" {
		return query(rule, "", f.Path, expected, "") // an expression speaks of its subject, not of CEL
	}
	// The topic says more of the mistake than a message that a module puts together.
	return query(rule, cmp.Or(f.Topic, rule.Topic), f.Path, "", expected)
}

// refusalQuery asks for what helps where no rule could be run.
func refusalQuery(reason, message string) rag.Query {
	return rag.Query{Text: queryWords(message), Hints: queryWords(reason)}
}

// uncompiled is the topic of a rule that does not compile.
func uncompiled(kind string) string {
	switch kind {
	case "cel":
		return "CEL expression does not compile"
	case "jsonSchema":
		return "JSON Schema does not compile"
	}
	return "unknown module or parameter"
}

func query(rule *rules.Rule, topic, path, message, around string) rag.Query {
	names := queryWords(rule.Name, path)
	if rule.Query != "" {
		return rag.Query{Text: rule.Query, Hints: queryWords(topic) + " " + names}
	}
	return rag.Query{Text: queryWords(topic, rule.Message, message), Names: names, Hints: queryWords(around)}
}

// positions are where in a rule's text something is: no words to search for.
var positions = regexp.MustCompile(`\b[a-zA-Z.]+: [0-9]+:[0-9]+: `)

// maxQueryWords bounds a query.
const maxQueryWords = 48

// queryWords splits texts into distinct words: at punctuation, and where camelCase changes its case. Quoted texts and
// numbers are values, and single characters say nothing: they are left out.
func queryWords(texts ...string) string {
	var words []string
	seen := map[string]bool{}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(splitCamel(withoutQuoted(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			word = strings.ToLower(word)
			if len(words) == maxQueryWords {
				return strings.Join(words, " ")
			}
			if len(word) > 1 && !seen[word] && !strings.ContainsFunc(word[:1], unicode.IsDigit) && !filler[word] {
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
