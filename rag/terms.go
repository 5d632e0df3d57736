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
	var terms []queryTerm
	for _, token := range analyzer.Analyze([]byte(spread(bounded(text)))) {
		term := string(token.Term)
		if seen[term] {
			continue
		}
		if len(terms) == MaxQueryTerms {
			break
		}
		seen[term] = true
		terms = append(terms, queryTerm{spellings: []string{term}, weight: 1})
	}
	return terms
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
// imagePullPolicy and the other way round: "spec.imagePullPolicy" becomes "spec image Pull Policy".
// Numbers such as 1.5 stay whole.
func spread(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '_' || r == '.' || unicode.IsUpper(r) }) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 8)
	var previous rune
	for i, r := range text {
		next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		switch {
		case r == '_', r == '.' && !(unicode.IsDigit(previous) && unicode.IsDigit(next)):
			b.WriteByte(' ')
			previous = ' '
			continue
		case unicode.IsUpper(r) && (unicode.IsLower(previous) || unicode.IsUpper(previous) && unicode.IsLower(next) && endsWord(text, i)):
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		previous = r
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
