package throttle

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// proxies are the networks that the tests trust.
var proxies = []string{"10.0.0.0/8", "fd00::/8"}

func newAddresses(t testing.TB, header string) *Addresses {
	t.Helper()
	a, err := NewAddresses(AddressesOptions{TrustedProxies: proxies, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAddressesOf(t *testing.T) {
	const proxy = "10.1.2.3:4000"
	x := func(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }
	f := func(lines ...string) http.Header { return http.Header{"Forwarded": lines} }
	cases := map[string]struct {
		reason string
		mode   string
		remote string
		header http.Header
		want   string
	}{
		"Direct":          {"no proxy: the connection", XForwardedFor, "192.0.2.1:1", nil, "192.0.2.1"},
		"DirectForged":    {"a client that is no trusted proxy is not believed", XForwardedFor, "192.0.2.1:1", x("198.51.100.9"), "192.0.2.1"},
		"DirectMapped":    {"IPv4 in IPv6 is IPv4", XForwardedFor, "[::ffff:192.0.2.1]:1", nil, "192.0.2.1"},
		"DirectZone":      {"zones are dropped", XForwardedFor, "[fe80::1%eth0]:1", nil, "fe80::1"},
		"NoAddress":       {"a connection without an address, such as a Unix socket's", XForwardedFor, "@", x("192.0.2.1"), "invalid IP"},
		"OneProxy":        {"whom the proxy was called by", XForwardedFor, proxy, x("192.0.2.1"), "192.0.2.1"},
		"ProxyMapped":     {"a trusted proxy is one also as IPv4 in IPv6", XForwardedFor, "[::ffff:10.1.2.3]:1", x("192.0.2.1"), "192.0.2.1"},
		"Forged":          {"what stands to the left of the first untrusted address was written by it", XForwardedFor, proxy, x("198.51.100.9, 192.0.2.1, 10.9.9.9"), "192.0.2.1"},
		"Lines":           {"all lines count, as one list", XForwardedFor, proxy, x("198.51.100.9", "192.0.2.1,10.9.9.9"), "192.0.2.1"},
		"AllTrusted":      {"from proxy to proxy: the first of them", XForwardedFor, proxy, x("10.5.5.5, 10.6.6.6"), "10.5.5.5"},
		"Empty":           {"a header without a word", XForwardedFor, proxy, x(""), "10.1.2.3"},
		"EmptyEntries":    {"empty entries of a list are ignored", XForwardedFor, proxy, x(", 192.0.2.1,, ,"), "192.0.2.1"},
		"Garbage":         {"an entry that is no address ends the walk", XForwardedFor, proxy, x("192.0.2.1, unknown, 10.9.9.9"), "10.9.9.9"},
		"GarbageLeft":     {"what clients write before the untrusted address does not matter", XForwardedFor, proxy, x(`"<script>, 192.0.2.1`), "192.0.2.1"},
		"Port":            {"some proxies add the port", XForwardedFor, proxy, x("192.0.2.1:5555"), "192.0.2.1"},
		"IPv6":            {"IPv6 as it is", XForwardedFor, "[fd00::1]:1", x("2001:db8::7"), "2001:db8::7"},
		"IPv6Port":        {"IPv6 with a port", XForwardedFor, proxy, x("[2001:db8::7]:5555"), "2001:db8::7"},
		"IPv6Brackets":    {"IPv6 in brackets", XForwardedFor, proxy, x("[2001:db8::7]"), "2001:db8::7"},
		"IPv6Zone":        {"zones are dropped from entries too", XForwardedFor, proxy, x("fe80::7%25eth0"), "fe80::7"},
		"MostEntries":     {"as many entries as are read", XForwardedFor, proxy, x(strings.Repeat("198.51.100.9,", 31) + "192.0.2.1"), "192.0.2.1"},
		"TooManyEntries":  {"one more: the header counts as not sent", XForwardedFor, proxy, x(strings.Repeat("198.51.100.9,", 32) + "192.0.2.1"), "10.1.2.3"},
		"TooLong":         {"more than 4 KiB: the header counts as not sent", XForwardedFor, proxy, x(strings.Repeat(" ", 4096), "192.0.2.1"), "10.1.2.3"},
		"OtherHeader":     {"the header that was not chosen is not looked at", XForwardedFor, proxy, f("for=192.0.2.1"), "10.1.2.3"},
		"DefaultHeader":   {"the default is X-Forwarded-For", "", proxy, x("192.0.2.1"), "192.0.2.1"},
		"F":               {"RFC 7239", Forwarded, proxy, f("for=192.0.2.1;proto=http;by=203.0.113.43"), "192.0.2.1"},
		"FOtherHeader":    {"the header that was not chosen is not looked at", Forwarded, proxy, x("192.0.2.1"), "10.1.2.3"},
		"FQuoted":         {"IPv6 is quoted there, in brackets", Forwarded, proxy, f(`For="[2001:db8:cafe::17]:4711"`), "2001:db8:cafe::17"},
		"FUnquotedPort":   {"many proxies leave the colon unquoted", Forwarded, proxy, f("for=192.0.2.1:4711"), "192.0.2.1"},
		"FEscaped":        {"a quoted pair is the character itself", Forwarded, proxy, f(`for="192.0.2.\1"`), "192.0.2.1"},
		"FForged":         {"right to left there too", Forwarded, proxy, f("for=198.51.100.9, for=192.0.2.1", " for=10.9.9.9"), "192.0.2.1"},
		"FHidden":         {"an obfuscated client is known by its proxy", Forwarded, proxy, f("for=_hidden, for=10.9.9.9"), "10.9.9.9"},
		"FWithoutFor":     {"an element without for is an unknown client", Forwarded, proxy, f("for=192.0.2.1, proto=https"), "10.1.2.3"},
		"FEmptyElements":  {"empty elements of a list are ignored", Forwarded, proxy, f(", for=192.0.2.1 , ,"), "192.0.2.1"},
		"FOpenQuote":      {"an open quote swallows what proxies append: malformed", Forwarded, proxy, f(`for="198.51.100.9`, "for=192.0.2.1"), "10.1.2.3"},
		"FQuoteToProxy":   {"a quote that ends within the proxy's own: malformed", Forwarded, proxy, f(`for=198.51.100.9;by="`, `for="[2001:db8::1]:80"`), "10.1.2.3"},
		"FTwice":          {"for twice in one element: malformed", Forwarded, proxy, f("for=198.51.100.9;for=192.0.2.1"), "10.1.2.3"},
		"FNoValue":        {"a name alone: malformed", Forwarded, proxy, f("for"), "10.1.2.3"},
		"FEmptyValue":     {"an empty value: malformed", Forwarded, proxy, f("for="), "10.1.2.3"},
		"FEndsInPair":     {"a quoted pair of nothing: malformed", Forwarded, proxy, f(`for="\`), "10.1.2.3"},
		"FNoSemicolon":    {"pairs without a semicolon: malformed", Forwarded, proxy, f("for=192.0.2.1 by=10.0.0.1"), "10.1.2.3"},
		"FMostElements":   {"as many elements as are read", Forwarded, proxy, f(strings.Repeat("for=_a,", 31) + "for=192.0.2.1"), "192.0.2.1"},
		"FTooManyElement": {"one more: the header counts as not sent", Forwarded, proxy, f(strings.Repeat("for=_a,", 32) + "for=192.0.2.1"), "10.1.2.3"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.remote, Header: c.header}
			if got := newAddresses(t, c.mode).Of(r).String(); got != c.want {
				t.Errorf("%s: %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestKey(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":              "192.0.2.1",
		"::ffff:192.0.2.1":       "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":   "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1":   "2001:db8:1:2::/64",
		"fe80::1%eth0":           "fe80::/64",
		"2001:db8:1:3:3:4:5:6":   "2001:db8:1:3::/64",
		"64:ff9b::192.0.2.1":     "64:ff9b::/64",
		"0:0:0:0:0:ffff:a00:203": "10.0.2.3",
	} {
		if got := Key(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := Key(netip.Addr{}); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}

func TestAddressesOptions(t *testing.T) {
	for name, o := range map[string]AddressesOptions{
		"NoNetwork":   {TrustedProxies: []string{"10.0.0.1"}},
		"Name":        {TrustedProxies: []string{"proxy.example"}},
		"Mapped":      {TrustedProxies: []string{"::ffff:10.0.0.0/104"}},
		"OtherHeader": {Header: "x-real-ip"},
		"BothHeaders": {Header: "forwarded,x-forwarded-for"},
	} {
		if _, err := NewAddresses(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzAddresses holds that a client decides nothing by what it writes: whatever it sends, the entry that the trusted
// proxy appends is what counts; and that no header makes a panic or an address that cannot be a key.
func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{
		"", "192.0.2.1", "unknown, 10.0.0.1", `for="[2001:db8::1]:80";by=_x`, `for="`, `for="\`, ",,,", "for=a;for=b", "[::1", "::ffff:10.0.0.1%z",
		strings.Repeat("1,", 40),
	} {
		f.Add(seed, "10.1.2.3:80")
	}
	x, fw := newAddresses(f, XForwardedFor), newAddresses(f, Forwarded)
	client := netip.MustParseAddr("203.0.113.77")
	connection := netip.MustParseAddr("10.1.2.3")
	f.Fuzz(func(t *testing.T, sent, remote string) {
		for a, appended := range map[*Addresses]string{x: client.String(), fw: "for=" + client.String()} {
			alone := a.Of(&http.Request{RemoteAddr: remote, Header: http.Header{a.header: {sent}}})
			if key := Key(alone); key == "" || len(key) > 64 || alone.Zone() != "" || alone.Is4In6() {
				t.Errorf("address %v, key %q", alone, key)
			}
			for _, lines := range [][]string{{sent, appended}, {sent + ", " + appended}} {
				got := a.Of(&http.Request{RemoteAddr: "10.1.2.3:80", Header: http.Header{a.header: lines}})
				if got != client && got != connection {
					t.Errorf("a client of %v became %v by sending %q", client, got, sent)
				}
				if got != client && a == x && len(sent) < 1000 && strings.Count(sent, ",") < maxForwardedEntries-1 {
					t.Errorf("a client of %v hid behind its proxy by sending %q", client, sent)
				}
			}
		}
	})
}

func BenchmarkAddressesOf(b *testing.B) {
	for name, c := range map[string]struct {
		mode   string
		remote string
		header http.Header
	}{
		"Direct":        {XForwardedFor, "192.0.2.1:1", nil},
		"XForwardedFor": {XForwardedFor, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.9, 192.0.2.1, 10.9.9.9"}}},
		"Forwarded":     {Forwarded, "10.1.2.3:1", http.Header{"Forwarded": {`for=192.0.2.1;proto=https, for="[fd00::1]:80"`}}},
	} {
		b.Run(name, func(b *testing.B) {
			a := newAddresses(b, c.mode)
			r := &http.Request{RemoteAddr: c.remote, Header: c.header}
			b.ReportAllocs()
			for b.Loop() {
				Key(a.Of(r))
			}
		})
	}
}
