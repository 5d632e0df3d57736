package format_test

import (
	"strings"
	"testing"

	"github.com/checky-dev/checky/rules/format"
)

func TestInternationalNames(t *testing.T) {
	for name, tc := range map[string]struct {
		valid          func(string) bool
		holds, refused []string
	}{
		"hostname": {format.IsIDNHostname,
			[]string{"localhost", "www.example.org", "münchen.de", "실례.테스트", "bücher.Example", "xn--mnchen-3ya.de", "א2.com"},
			[]string{"", ".", "münchen..de", "-ü.de", "ü-.de", "ü_b.de", "〮실례.테스트", "a b.ü", "ü\u202e.de", "1.2.3.4", "xn--X", strings.Repeat("ü", 63) + ".de", strings.Repeat("ü.", 1000) + "de", "ü\xff.de"},
		},
		"email": {format.IsIDNEmail,
			[]string{"ana@example.org", "실례@실례.테스트", "jörg@example.org", "jörg@münchen.de", `"jörg b"@example.org`, "j@[127.0.0.1]", strings.Repeat("ü", 32) + "@example.org"},
			[]string{"", "@", "2962", "jörg", "jörg@", "@münchen.de", "jö rg@münchen.de", "jörg.@example.org", "jörg@-ü.de", "j\u0085g@example.org", strings.Repeat("ü", 33) + "@example.org", "ü\xff@example.org"},
		},
	} {
		for _, value := range tc.holds {
			if !tc.valid(value) {
				t.Errorf("%s %q is refused", name, value)
			}
		}
		for _, value := range tc.refused {
			if tc.valid(value) {
				t.Errorf("%s %q passes", name, value)
			}
		}
	}
}
