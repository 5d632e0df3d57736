package account

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	for name, tt := range map[string]struct {
		email, want, why string
	}{
		"plain":             {"ann@example.com", "ann@example.com", "as it is"},
		"case":              {"Ann.Lee@EXAMPLE.com", "ann.lee@example.com", "one mailbox in practice"},
		"tag":               {"ann+checky@example.com", "ann+checky@example.com", "tags are the user's"},
		"no dot":            {"ann@localhost", "ann@localhost", "clusters have such hosts"},
		"idn":               {"ann@BÜCHER.example", "ann@xn--bcher-kva.example", "domains are ASCII inside"},
		"idn in ASCII":      {"ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example", "the same domain"},
		"local part in NFC": {"e\u0301va@example.com", "éva@example.com", "composed"},
		"longest":           {strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + ".example", strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + ".example", "64 before the @"},
		"long local part":   {strings.Repeat("a", 65) + "@example.com", "", "65"},
		"long":              {"a@" + strings.Repeat(strings.Repeat("b", 62)+".", 4) + "com", "", "257 bytes"},
		"long label":        {"a@" + strings.Repeat("b", 64) + ".com", "", "RFC 1035"},
		"empty":             {"", "", "nothing"},
		"no at":             {"ann", "", "no domain"},
		"no local part":     {"@example.com", "", "nobody"},
		"no domain":         {"ann@", "", "nowhere"},
		"two at":            {"ann@b@example.com", "", "an atom has no @"},
		"display name":      {"Ann <ann@example.com>", "", "addresses alone"},
		"comment":           {"ann(x)@example.com", "", "addresses alone"},
		"quoted":            {`"ann lee"@example.com`, "", "no quotes"},
		"space":             {"ann @example.com", "", "no spaces"},
		"newline":           {"ann@example.com\n", "", "it would end up in a mail's header"},
		"header":            {"ann\r\nbcc:x@example.com", "", "it would end up in a mail's header"},
		"dots":              {"ann..lee@example.com", "", "an atom is not empty"},
		"dot first":         {".ann@example.com", "", "an atom is not empty"},
		"dot at the end":    {"ann@example.com.", "", "a second name for one mailbox"},
		"literal":           {"ann@[192.0.2.1]", "", "a host has a name"},
		"underscore":        {"ann@my_host.example", "", "not a host name"},
		"not UTF-8":         {"ann\xff@example.com", "", "not text"},
		"invisible":         {"ann\u200b@example.com", "", "looks like another"},
		"other space":       {"ann\u00a0lee@example.com", "", "no spaces"},
	} {
		got, err := canonical(tt.email)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q: %s", name, got, err, tt.want, tt.why)
		}
		var invalid *InvalidError
		if err != nil && (!errors.As(err, &invalid) || invalid.Field != "body.email") {
			t.Errorf("%s: got %v, want an *InvalidError of body.email", name, err)
		}
	}
}

// The canonical form is its own, or two addresses of one account would find two.
func TestCanonicalIsStable(t *testing.T) {
	part := rapid.OneOf(rapid.StringN(1, 12, -1), rapid.StringMatching(`[a-zA-ZéÄßİǅ.+]{1,12}`))
	rapid.Check(t, func(t *rapid.T) {
		once, err := canonical(part.Draw(t, "local") + "@" + part.Draw(t, "domain") + ".example")
		if err != nil {
			return
		}
		if twice, err := canonical(once); err != nil || twice != once {
			t.Fatalf("%q becomes %q (%v)", once, twice, err)
		}
	})
}

func TestKeys(t *testing.T) {
	for name, tt := range map[string]struct{ address, want string }{
		"IPv4":           {"192.0.2.1", "address:192.0.2.1"},
		"IPv4 in IPv6":   {"::ffff:192.0.2.1", "address:192.0.2.1"},
		"IPv6":           {"2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"},
		"IPv6 with zone": {"fe80::1%eth0", "address:fe80::/64"},
	} {
		if got := addressKey(netip.MustParseAddr(tt.address)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if got := addressKey(netip.Addr{}); got != "" {
		t.Errorf("an unknown address has the key %q", got)
	}
}
