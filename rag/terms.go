package rag

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

// queryTerm is a term of a query, as the index may spell it.
type queryTerm struct {
	// spellings are the index's terms that stand for it: the term itself, or where it was corrected, those
	// near it.
	spellings []string
	// weight is what a match counts: 1, or less where the term was corrected.
	weight float64
	// optional says that no entry is expected to have the term: a number, which is a payload's value rather
	// than a topic where the file does not have it, or another spelling of other terms.
	optional bool
}

// queryTerms gives the different terms of a query's text in order: stemmed, without stop words, bounded by
// MaxQueryBytes and MaxQueryTerms, and without those that skip has.
func queryTerms(analyzer analysis.Analyzer, text string, skip []queryTerm) []queryTerm {
	seen := make(map[string]bool, 16)
	for _, t := range skip {
		for _, s := range t.spellings {
			seen[s] = true
		}
	}
	text = bounded(text)
	var terms []queryTerm
	add := func(text string, optional bool) {
		for _, token := range analyzer.Analyze([]byte(text)) {
			term := string(token.Term)
			if seen[term] {
				continue
			}
			if len(terms) == MaxQueryTerms {
				return
			}
			seen[term] = true
			terms = append(terms, queryTerm{spellings: []string{term}, weight: 1, optional: optional || isNumber(term)})
		}
	}
	add(spread(text), false)
	add(compounds(text), true)
	return terms
}

// indexed gives a text as it is indexed.
func indexed(text string) string {
	if more := compounds(text); more != "" {
		return spread(text) + " " + more
	}
	return spread(text)
}

// isNumber tells whether a term is made of digits.
func isNumber(term string) bool {
	for _, r := range term {
		if !unicode.IsDigit(r) && r != '.' && r != ',' {
			return false
		}
	}
	return true
}

// compounds gives the words that are written with a hyphen without it, so that "e-mail" is found by "email".
func compounds(text string) string {
	if !strings.Contains(text, "-") {
		return ""
	}
	var joined []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' }) {
		word = strings.Trim(word, "-")
		if first, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(first) && strings.Contains(word, "-") {
			joined = append(joined, strings.ReplaceAll(word, "-", ""))
		}
	}
	return strings.Join(joined, " ")
}

// bounded cuts a text to MaxQueryBytes, at the end of a character, and drops what is not UTF-8. What it cuts it copies,
// so that a cache of queries holds no more than it counts.
func bounded(text string) string {
	if len(text) > MaxQueryBytes {
		cut := MaxQueryBytes
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = strings.Clone(text[:cut])
	}
	return strings.ToValidUTF8(text, " ")
}

// spread breaks identifiers into their words, so that a search for "image pull policy" finds
// imagePullPolicy and the other way round: "spec.imagePullPolicy" becomes "spec image Pull Policy", and
// "ISO4217" becomes "ISO 4217". Numbers such as 1.5 stay whole.
func spread(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '_' || r == '.' || unicode.IsUpper(r) }) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 8)
	var before, previous rune
	for i, r := range text {
		next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		switch {
		case r == '_', r == '.' && !(unicode.IsDigit(previous) && unicode.IsDigit(next)):
			r = ' '
		case unicode.IsUpper(r) && (unicode.IsLower(previous) || unicode.IsUpper(previous) && unicode.IsLower(next) && endsWord(text, i)),
			unicode.IsDigit(r) && unicode.IsUpper(previous) && unicode.IsUpper(before):
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before, previous = previous, r
	}
	return b.String()
}

// endsWord tells whether the capital at i begins a word after an abbreviation, as the P in "HTTPProxy"
// does and the one in "IPs" does not: two small letters follow it.
func endsWord(text string, i int) bool {
	count := 0
	for _, r := range text[i:] {
		if count++; count == 3 {
			return unicode.IsLower(r)
		}
	}
	return false
}
