package rag

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky"
)

func TestSpread(t *testing.T) {
	cases := map[string]string{
		"plain words":              "plain words",
		"spec.imagePullPolicy":     "spec image Pull Policy",
		"snake_case_name":          "snake case name",
		"HTTPProxy and pod IPs":    "HTTP Proxy and pod IPs",
		"TLS1.2, ISO4217, RE2":     "TLS 1.2, ISO 4217, RE 2",
		"version 1.10.3 of v2":     "version 1.10.3 of v2",
		"base64 and sha256 stay":   "base64 and sha256 stay",
		"größteZahl Ünïcode.Ärger": "größte Zahl Ünïcode Ärger",
		"end.":                     "end ",
	}
	for in, want := range cases {
		if got := spread(in); got != want {
			t.Errorf("spread(%q) is %q; want %q", in, got, want)
		}
	}
}

func TestCompounds(t *testing.T) {
	cases := map[string]string{
		"no hyphen":                     "",
		"an e-mail address":             "email",
		"look-ahead, -x, 2025-03-04 y-": "lookahead",
		"state-of-the-art":              "stateoftheart",
	}
	for in, want := range cases {
		if got := compounds(in); got != want {
			t.Errorf("compounds(%q) is %q; want %q", in, got, want)
		}
	}
}

func TestQueryTerms(t *testing.T) {
	ix := build(t, "text\n")
	spellings := func(terms []queryTerm) []string {
		var list []string
		for _, t := range terms {
			list = append(list, t.spellings...)
		}
		return list
	}
	cases := map[string]struct {
		reason, text string
		want         []string
	}{
		"stems":  {"Words are stemmed, stop words and repetitions left out", "The values of a value's rules", []string{"valu", "rule"}},
		"empty":  {"Nothing is nothing", " ?! ", nil},
		"joined": {"A compound is looked for in both spellings", "e-mail", []string{"e", "mail", "email"}},
		"broken": {"What is not UTF-8 is no word", "caf\xe9 \xff amount", []string{"caf", "amount"}},
		"cut":    {"What is beyond the bound is not looked at", strings.Repeat(" ", MaxQueryBytes-2) + "äöü", []string{"ä"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, spellings(queryTerms(ix.analyzer, c.text, nil))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
	t.Run("bounded", func(t *testing.T) {
		var words []string
		for a := 'a'; a <= 'z'; a++ {
			for b := 'b'; b <= 'm'; b++ {
				words = append(words, string(a)+string(b))
			}
		}
		text := strings.Join(words, " ")
		if got := len(queryTerms(ix.analyzer, text, nil)); got != MaxQueryTerms {
			t.Errorf("%d words give %d terms; want %d", len(words), got, MaxQueryTerms)
		}
	})
}

func FuzzQuery(f *testing.F) {
	ix, err := newIndex(checky.KnowledgeName, checky.Knowledge, checky.KnowledgeIndex)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "amount above the maximum", `+text:"a" ~2 ^3 /re.*/ -x`, "e-mail@example.com", "\xff\x00", "äöü", "speadsheet", "1 2 3", "日本語", "a.b_c-dEF"} {
		f.Add(seed, "amount range", 3)
	}
	f.Fuzz(func(t *testing.T, text, hints string, limit int) {
		if limit < 1 || limit > MaxHits {
			limit = 1
		}
		hits, err := ix.search(context.Background(), Query{Text: text, Hints: hints}, limit, DefaultThreshold)
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) > limit {
			t.Fatalf("%d hits; want at most %d", len(hits), limit)
		}
		for i, h := range hits {
			if !(h.Confidence > 0 && h.Confidence <= 1) || i == 0 && h.Confidence < DefaultThreshold || !utf8.ValidString(h.Text) {
				t.Fatalf("hit %d is %+v", i, h)
			}
		}
	})
}
