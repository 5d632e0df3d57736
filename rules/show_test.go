package rules

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestShow(t *testing.T) {
	long := strings.Repeat("ä", MaxFoundRunes+1)
	key := "AKIA" + "IOSFODNN7EXAMPLE"
	cases := map[string]struct {
		path, value    string
		want, ofSecret string
	}{
		"null":                {"/a", "null", "null", "null"},
		"boolean":             {"/a", "true", "true", "a boolean (masked)"},
		"number":              {"/a", "1.50", "1.5", "a number (masked)"},
		"string":              {"/a", `"x\n"`, `"x\n"`, "a string of 2 characters (masked)"},
		"one character":       {"/a", `"x"`, `"x"`, "a string of 1 character (masked)"},
		"long string":         {"/a", `"` + long + `"`, `"` + long[:2*MaxFoundRunes] + `..."`, "a string of 65 characters (masked)"},
		"long number":         {"/a", strings.Repeat("7", 100) + ".5", strings.Repeat("7", MaxFoundRunes) + "...", "a number (masked)"},
		"array":               {"/password", `["hunter2"]`, "an array of 1 item", "an array of 1 item"},
		"object":              {"/a", `{"a": 1, "b": 2}`, "an object with 2 members", "an object with 2 members"},
		"by name":             {"/user/apiKey", `"k"`, "a string of 1 character (masked)", "a string of 1 character (masked)"},
		"by name, in list":    {"/tokens/0/1", `"abc"`, "a string of 3 characters (masked)", "a string of 3 characters (masked)"},
		"by name, further up": {"/db/password/value", `"hunter2"`, "a string of 7 characters (masked)", "a string of 7 characters (masked)"},
		"number further up":   {"/db/password/a/0/b", "1234", "a number (masked)", "a number (masked)"},
		"over two names":      {"/pass/word", `"abc"`, `"abc"`, "a string of 3 characters (masked)"},
		"by name, number":     {"/secret_pin", "1234", "a number (masked)", "a number (masked)"},
		"by name, escaped":    {"/a~1pass~1word~0s", `"abc"`, `"abc"`, "a string of 3 characters (masked)"},
		"by form":             {"/note", `"key ` + key + `!"`, "a string of 25 characters (masked)", "a string of 25 characters (masked)"},
		"form behind a cut":   {"/note", `"` + long + key[:0] + " " + key + `"`, "a string of 86 characters (masked)", "a string of 86 characters (masked)"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, secret := range []bool{false, true} {
				p, want := decode(t, tc.value), tc.want
				if secret {
					p, want = decode(t, tc.value, FromSecret()), tc.ofSecret
				}
				if got := NewCall(context.Background(), p, time.Time{}).Show(tc.path, p.Root()); got != want {
					t.Errorf("secret %t: %s, want %s", secret, got, want)
				}
			}
		})
	}
}

func TestMemberName(t *testing.T) {
	for pointer, want := range map[string]string{"": "", "/a": "a", "/a/0": "a", "/a/0/1": "a", "/0": "", "/a/b~1c~01": "b/c~1", "/a/": "", "/a/01x": "01x"} {
		if got := MemberName(pointer); got != want {
			t.Errorf("%q stands under %q, want %q", pointer, got, want)
		}
	}
}

func TestClipBytes(t *testing.T) {
	for limit := 3; limit < 12; limit++ {
		if got := ClipBytes("äöü😀", limit); len(got) > limit || !utf8.ValidString(got) {
			t.Errorf("cut to %d: %q", limit, got)
		}
	}
}

func TestFindCredential(t *testing.T) {
	run := func(alphabet string, n int) string { return strings.Repeat(alphabet, n)[:n] }
	jwt := "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0." + "dozjgNryP4J3jVmNHl0w5N"
	found := map[string]string{
		"-----BEGIN RSA PRIVATE KEY-----\nMII":                         "a private key in PEM form",
		"-----BEGIN PRIVATE KEY-----":                                  "a private key in PEM form",
		"-----BEGIN PGP PRIVATE KEY BLOCK-----":                        "a private key in PEM form",
		jwt:                                                            "a JSON Web Token",
		"Bearer " + jwt + "==":                                         "a JSON Web Token",
		"postgres://app:s3cret@db.example.org/x":                       "a password in a URL",
		"see https://u:" + "pass@example.org":                          "a password in a URL",
		"AGE-SECRET-KEY-1" + run("QPZRY9X8", 58):                       "an age secret key",
		"id=AKIA" + "IOSFODNN7EXAMPLE;":                                "an AWS access key ID",
		"sk-ant-" + run("api03-aB_", 40):                               "an Anthropic API key",
		"cky_" + run("abc", 8) + "_" + run("aZ9-", 30):                 "a Checky token",
		"dop_v1_" + run("0af9", 64):                                    "a DigitalOcean token",
		"dckr_pat_" + run("aZ9", 27):                                   "a Docker Hub token",
		"ghs_" + run("aZ9", 36):                                        "a GitHub token",
		"github_pat_" + run("aZ9_", 82):                                "a GitHub fine-grained token",
		"glpat-" + run("aZ9-", 20):                                     "a GitLab token",
		"AIza" + run("aZ9_-", 35):                                      "a Google API key",
		"GOCSPX-" + run("aZ9_", 28):                                    "a Google OAuth client secret",
		"ya29." + run("aZ9_", 60):                                      "a Google OAuth access token",
		"glsa_" + run("aZ9", 32) + "_0a1b2c3d":                         "a Grafana service account token",
		"hf_" + run("aZ", 34):                                          "a Hugging Face token",
		"npm_" + run("aZ9", 36):                                        "an npm token",
		"sk-proj-" + run("aZ9", 48):                                    "an OpenAI API key",
		"pypi-AgEIcHlwaS5vcmc" + run("aZ9", 60):                        "a PyPI token",
		"SG." + run("aZ9", 22) + "." + run("bY8", 43):                  "a SendGrid API key",
		"shpat_" + run("0af9", 32):                                     "a Shopify access token",
		"xoxb-" + run("123-", 30):                                      "a Slack token",
		"https://hooks.slack.com/services/T" + run("0A", 10) + "/B0/x": "a Slack webhook",
		"sk_live_" + run("aZ9", 24):                                    "a Stripe secret key",
		"hvs." + run("aZ9", 90):                                        "a Vault token",
	}
	for text, want := range found {
		for _, around := range []string{text, "text \"" + text + "\" more", strings.Repeat("a b ", 20000) + text} {
			if got, ok := FindCredential(around); !ok || got != want {
				t.Errorf("%.60q is %q, want %q", around, got, want)
			}
		}
	}
	for reason, text := range map[string]string{
		"prose":              "The private key is kept elsewhere, and so is any token of ghp_ or AKIA form.",
		"public key":         "-----BEGIN PUBLIC KEY-----",
		"key's name":         "-----BEGIN something PRIVATE KEY-----",
		"short":              "ghp_abc",
		"within a word":      "xAKIA" + "IOSFODNN7EXAMPLE",
		"too long":           "AKIA" + "IOSFODNN7EXAMPLE2",
		"two parts":          "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0",
		"URL with a port":    "http://example.org:8080/a@b",
		"URL with a user":    "ssh://git@example.org/x:y@z",
		"UUID":               "123e4567-e89b-12d3-a456-426614174000",
		"base64 of an image": strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 100),
	} {
		if got, ok := FindCredential(text); ok {
			t.Errorf("%s: %.60q is taken for %s", reason, text, got)
		}
	}
}

func TestCredentialName(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "db_Password": true, "api-key": true, "apiKey": true, "client.secret": true, "Authorization": true, "accessToken": true,
		"name": false, "key": false, "pass": false, "author": false, "amount": false, "": false,
	} {
		if got := CredentialName(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}

// FuzzFindCredential: text before and behind a credential, apart from it, does not hide it.
func FuzzFindCredential(f *testing.F) {
	f.Add("a", "b")
	f.Add("-----BEGIN ", "PRIVATE KEY")
	f.Add("eyJeyJ.eyJ", "://:@")
	f.Add("AKIAAKIA", "\xff")
	f.Fuzz(func(t *testing.T, before, after string) {
		if _, found := FindCredential(before + " npm_" + strings.Repeat("a", 36) + " " + after); !found {
			t.Errorf("nothing is found between %q and %q", before, after)
		}
	})
}

func BenchmarkFindCredential(b *testing.B) {
	for name, text := range map[string]string{"name": "Ana Müller", "sentence": "Please leave the parcel at the side door, ring twice.", "64KiB": strings.Repeat("-eyJ-AKIA://a:b ", 4<<10)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				FindCredential(text)
			}
		})
	}
}
