package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeRefuses(t *testing.T) {
	cases := map[string]struct {
		text string
		want PayloadError // Problem may be a part of it
	}{
		"Empty":            {"", PayloadError{Problem: "it is empty"}},
		"WhiteSpace":       {" \n", PayloadError{Problem: "it is empty"}},
		"TooLong":          {strings.Repeat(" ", MaxPayloadBytes) + "1", PayloadError{Problem: "it has 262145 bytes, and at most 262144"}},
		"Truncated":        {"{\n \"a\": [1,", PayloadError{Line: 2, Column: 10, Path: "/a", Problem: "it ends in the middle"}},
		"Trailing":         {"{}\n  {}", PayloadError{Line: 2, Column: 3, Problem: "there is more after the end"}},
		"TrailingText":     {"1 x", PayloadError{Line: 1, Column: 3, Problem: "there is more after the end"}},
		"Duplicate":        {"{\"a\": 1,\n\"a\": 2}", PayloadError{Line: 2, Column: 1, Path: "/a", Problem: "the same name stands twice"}},
		"EscapedDuplicate": {`{"a": 1, "\u0061": 2}`, PayloadError{Line: 1, Column: 10, Path: "/a", Problem: "the same name stands twice"}},
		"DeepDuplicate":    {`{"x": [{"a": 1, "a": 2}]}`, PayloadError{Line: 1, Column: 17, Path: "/x/0/a", Problem: "the same name stands twice"}},
		"InvalidUTF8":      {"[\"a\xff\"]", PayloadError{Line: 1, Column: 4, Path: "/0", Problem: "it is not valid UTF-8"}},
		"TooDeep":          {strings.Repeat("[", 65) + strings.Repeat("]", 65), PayloadError{Line: 1, Column: 65, Path: strings.Repeat("/0", 64), Problem: "it is nested more than 64 levels deep"}},
		"FarTooDeep":       {strings.Repeat("[", 10000), PayloadError{Line: 1, Column: 65, Path: strings.Repeat("/0", 64), Problem: "it is nested more than 64 levels deep"}},
		"Exponent":         {"[0,\n1e1000000000000]", PayloadError{Line: 2, Column: 1, Path: "/1", Problem: "a number's exponent may have at most 12 digits"}},
		"LeadingZero":      {"01", PayloadError{Line: 1, Column: 2, Problem: "there is more after the end"}},
		"NoJSON":           {"{a: 1}", PayloadError{Line: 1, Column: 2, Problem: "it is not JSON"}},
		"Comment":          {"[1, // one\n2]", PayloadError{Line: 1, Column: 5, Path: "/1", Problem: "it is not JSON"}},
		"TrailingComma":    {"[1,]", PayloadError{Line: 1, Column: 3, Problem: "it is not JSON"}},
		"NaN":              {"NaN", PayloadError{Line: 1, Column: 1, Problem: "it is not JSON"}},
		"LoneSurrogate":    {`["\ud800"]`, PayloadError{Line: 1, Column: 3, Path: "/0", Problem: "it is not JSON"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tc.text))
			got := (*PayloadError)(nil)
			if !errors.As(err, &got) {
				t.Fatalf("the error is %v, want a *PayloadError", err)
			}
			if !strings.HasPrefix(got.Problem, tc.want.Problem) {
				t.Errorf("problem %q, want %q", got.Problem, tc.want.Problem)
			}
			shown := *got
			shown.Problem = tc.want.Problem
			if diff := cmp.Diff(tc.want, shown); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			secret := (*PayloadError)(nil)
			if _, err := Decode([]byte(tc.text), FromSecret()); !errors.As(err, &secret) || secret.Path != "" {
				t.Errorf("of a Secret, the error is %v, want one without a path", err)
			}
		})
	}
}

func TestDecodeTakes(t *testing.T) {
	for reason, text := range map[string]string{
		"64 levels":           strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"64 levels of a name": strings.Repeat(`{"a":`, 64) + "null" + strings.Repeat("}", 64),
		"256 KiB":             strings.Repeat(" ", MaxPayloadBytes-1) + "1",
		"a huge exponent":     "1e1000000000",
		"100,000 digits":      strings.Repeat("7", 100_000),
		"white space around":  "\t\r\n {} \n",
		"an escaped NUL":      `"\u0000"`,
	} {
		p, err := Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", reason, err)
		} else if p.Size() != len(text) || p.Secret() {
			t.Errorf("%s: size %d, secret %t", reason, p.Size(), p.Secret())
		}
	}
}

func TestPayloadErrorText(t *testing.T) {
	for want, err := range map[string]*PayloadError{
		"payload: it is empty":                  {Problem: "it is empty"},
		"payload: line 1, column 2: no":         {Line: 1, Column: 2, Problem: "no"},
		"payload: line 1, column 2 (at /a): no": {Line: 1, Column: 2, Path: "/a", Problem: "no"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

// FuzzDecode: a text gives a payload or an error with a place in the text; a payload's canonical text gives the
// same payload.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "null", `{"a":[1,2.50,-0,1e400],"b":{"c":"\u00e9\n"}}`, `{"a":1,"a":2}`, "[1,", "\"\xff\"", "1e1000000000000", strings.Repeat("[", 70), "[[]] x", "{\"\":{}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Decode(text)
		if err != nil {
			known := (*PayloadError)(nil)
			if !errors.As(err, &known) || known.Problem == "" || known.Line < 0 || known.Line > 1+len(text) || known.Column > 1+len(text) {
				t.Errorf("the error is %#v", err)
			}
			return
		}
		again, err := Decode(Canonical(p.Root()))
		if err != nil {
			// A number may be shorter with an exponent than without, never the reverse beyond 31 characters.
			if len(text) < MaxPayloadBytes/32 {
				t.Fatalf("the canonical text does not decode: %v", err)
			}
			return
		}
		if !Equal(p.Root(), again.Root()) || p.Digest() != again.Digest() {
			t.Errorf("%q and its canonical text differ", text)
		}
	})
}
