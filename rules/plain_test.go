package rules

import "testing"

func TestPlain(t *testing.T) {
	cases := map[string]struct{ reason, text, want string }{
		"plain":      {"what reads as it stands stays", "an amount of 5 € \u00a0 für ﷼ 👨‍👩‍👧", "an amount of 5 € \u00a0 für ﷼ 👨‍👩‍👧"},
		"line ends":  {"a name must not forge a line of an explanation", "a\n- orders/total passed\r\u2028b", "a\ufffd- orders/total passed\ufffd\ufffdb"},
		"escapes":    {"a terminal must not obey a payload", "\x1b[31mred\u009b0m\x7f", "\ufffd[31mred\ufffd0m\ufffd"},
		"directions": {"text must not read backwards", "user\u202etxt.exe", "user\ufffdtxt.exe"},
		"tabs":       {"columns are those of the reader", "a\tb", "a\ufffdb"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Plain(tc.text); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
