package rules

import (
	"regexp/syntax"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPattern(t *testing.T) {
	c := callOn(decode(t, "null"))
	for expression, cases := range map[string]map[string]bool{
		"^[A-Z]{3}$": {"ABC": true, "ABCD": false, "ABC\n": false, "": false},
		"b":          {"abc": true, "ac": false},
		`^\pL+$`:     {"äß": true, "a1": false},
		"(?i)^x$":    {"X": true},
		"":           {"anything": true},
	} {
		p, err := CompilePattern(expression)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != expression {
			t.Errorf("%q is told as %q", expression, p)
		}
		for text, want := range cases {
			if got, err := p.Match(c, text); err != nil || got != want {
				t.Errorf("%q matches %q: %t, %v, want %t", expression, text, got, err, want)
			}
		}
	}
}

func TestPatternBounds(t *testing.T) {
	for expression, want := range map[string]string{
		strings.Repeat("a", MaxPatternBytes+1): "the pattern has 1025 bytes, at most 1024 are allowed",
		strings.Repeat("a", 1<<20):             "the pattern has 1048576 bytes",
		"(abcdefgh){300}":                      "instructions, at most 2000 are allowed; make its repetitions smaller",
		"(((a{30}){30}){30})":                  "is not a regular expression: ",
		"a{1001}":                              "is not a regular expression: invalid repeat count",
		"(?=a)":                                "no look-around and no back-references",
		`(a)\1`:                                "no look-around and no back-references",
		"[b-a]":                                "invalid character class range",
		"\xff":                                 "invalid UTF-8",
	} {
		if _, err := CompilePattern(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q gives %v, want %q", expression, err, want)
		}
	}
	if _, err := CompilePattern(strings.Repeat("a", MaxPatternBytes)); err != nil {
		t.Errorf("an expression at the limit: %v", err)
	}
}

// TestPatternSize: what is far too large is told without writing it out.
func TestPatternSize(t *testing.T) {
	for _, expression := range []string{
		"(" + strings.Repeat("a", 1000) + "){1000}", "(" + strings.Repeat(`\b`, 500) + "){1000}", "(" + strings.Repeat("()", 500) + "){1000}",
		"(" + strings.Repeat("^|", 500) + "){1000}", "(" + strings.Repeat("[ab]", 250) + "){2,1000}",
	} {
		allocated := testing.AllocsPerRun(1, func() {
			if size, err := PatternSize(expression); err != nil || size <= MaxPatternSize {
				t.Errorf("%.40s has size %d, %v", expression, size, err)
			}
		})
		if allocated > 10_000 {
			t.Errorf("%.40s: %v allocations", expression, allocated)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SampledFrom([]string{"a", "[ab]", ".", "^", "$", `\b`, "(a|b|cd)", "(?:x|)", "a{3}", "(b{2,5}){0,4}", "(?:)*", "c*", "(d+)?", "(?i)e"})
		expression := strings.Join(rapid.SliceOfN(parts, 1, 12).Draw(rt, "parts"), "")
		tree, err := syntax.Parse(expression, syntax.Perl)
		if err != nil {
			rt.Fatal(err)
		}
		program, err := syntax.Compile(tree.Simplify())
		if err != nil {
			rt.Fatal(err)
		}
		if least := leastSize(tree); least > len(program.Inst) {
			rt.Fatalf("%s: at least %d, but the program has %d", expression, least, len(program.Inst))
		}
	})
}

func TestPatternSteps(t *testing.T) {
	p, err := CompilePattern("(a?){400}b")
	if err != nil {
		t.Fatal(err)
	}
	longest := MaxPatternSteps / p.size
	if _, err := p.Match(callOn(decode(t, "null")), strings.Repeat("a", longest+1)); err == nil || !strings.Contains(err.Error(), "too long for this pattern") {
		t.Errorf("a text beyond the limit gives %v", err)
	}
	if _, err := p.Match(callOn(decode(t, "null")), strings.Repeat("a", longest)); err != nil {
		t.Errorf("a text at the limit gives %v", err)
	}
}

func BenchmarkPatternWorst(b *testing.B) {
	p, err := CompilePattern("(x+x+)+y")
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("x", MaxPatternSteps/p.size)
	b.ReportAllocs()
	for b.Loop() {
		p.expression.MatchString(text)
	}
}
