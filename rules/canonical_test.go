package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func decode(t testing.TB, text string, options ...DecodeOption) *Payload {
	t.Helper()
	p, err := Decode([]byte(text), options...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		`{"b": 1.0, "a": [ 1e2, -0, null, true ]}`: `{"a":[100,0,null,true],"b":1}`,
		`"\u00e9\n\/\u0001"`:                       "\"é\\n/\\u0001\"",
		`{"é": 1, "z": 2, "": 3}`:                  `{"":3,"z":2,"é":1}`,
		`12345678901234567890`:                     `12345678901234567890`,
		`0.1000000000000000055511151231257827`:     `0.1000000000000000055511151231257827`,
	} {
		if got := string(Canonical(decode(t, text).Root())); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// spelled are pairs of spellings of one JSON value, that differ in white space, the order of members, escapes and numbers.
func spelled(depth int) *rapid.Generator[[2]string] {
	return rapid.Custom(func(t *rapid.T) [2]string {
		kinds := 3
		if depth > 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			word := rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
			return [2]string{word, word}
		case 1:
			n := rapid.IntRange(1, 1000).Draw(t, "n")
			return [2]string{fmt.Sprint(n), fmt.Sprintf("%d00.000e-2", n)}
		case 2:
			letter := rapid.RuneFrom([]rune("abz")).Draw(t, "letter")
			return [2]string{fmt.Sprintf(`"%c"`, letter), fmt.Sprintf(`"\u%04x"`, letter)}
		case 3:
			var a, b []string
			for _, item := range rapid.SliceOfN(spelled(depth-1), 0, 3).Draw(t, "items") {
				a, b = append(a, item[0]), append(b, item[1])
			}
			return [2]string{"[" + strings.Join(a, ",") + "]", "[ " + strings.Join(b, " , ") + "]"}
		default:
			var a, b []string
			for i, member := range rapid.SliceOfN(spelled(depth-1), 0, 3).Draw(t, "members") {
				a, b = append(a, fmt.Sprintf(`"%d":%s`, i, member[0])), append(b, fmt.Sprintf(`"\u003%d" :  %s`, i, member[1]))
			}
			slices.Reverse(b)
			return [2]string{"{" + strings.Join(a, ",") + "}", "{\n" + strings.Join(b, ",\n") + "}"}
		}
	})
}

func TestDigestIsOfTheValue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pair := spelled(3).Draw(rt, "value")
		a, b := decode(t, pair[0]), decode(t, pair[1])
		if a.Digest() != b.Digest() || !Equal(a.Root(), b.Root()) {
			rt.Fatalf("%s and %s differ", pair[0], pair[1])
		}
		other := decode(t, spelled(3).Draw(rt, "other")[0])
		if (a.Digest() == other.Digest()) != Equal(a.Root(), other.Root()) || Equal(a.Root(), other.Root()) != Equal(other.Root(), a.Root()) {
			rt.Fatalf("digest and equality of %s and another value disagree", pair[0])
		}
	})
}

func TestDigest(t *testing.T) {
	const want = "sha256:74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b" // printf null | sha256sum
	if got := decode(t, " null ").Digest(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
