package format_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/blang/semver/v4"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/rules/format"
)

// examples are, for each format, values that have it and values that have not.
var examples = map[string]struct{ valid, invalid []string }{
	"email": {
		[]string{"ana@example.org", "a.b+c@sub.example.org", "te~st@example.com", `"joe bloggs"@example.com`, `"joe..b\"x"@example.com`, "j@[127.0.0.1]", "j@[IPv6:::1]", "user@localhost", strings.Repeat("a", 64) + "@example.org"},
		[]string{"", "@", "ana", "ana@", "@example.org", "ana@example.org\n", "ana@example.org ", " ana@example.org", ".a@example.org", "a.@example.org", "a..b@example.org", "a@b@example.org", "a b@example.org", "Ana <ana@example.org>", "a@example.org, b@example.org", "a@exam_ple.org", "a@-example.org", "a@example..org", "a@example.org.", "a@[127.0.0.300]", "a@[::1]", "a@[127.0.0.1", `"a@example.org`, `"a"b"@example.org`, `"a\"@example.org`, "ä@example.org", "a@1.2.3.4", strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("a.", 130) + "org"},
	},
	"uri": {
		[]string{"https://example.org", "http://foo.bar/?q=Test%20URL-encoded%20stuff", "http://user:pass@[::1]:8080/a//b;c?d=/?#e/?", "urn:isbn:0451450523", "mailto:ana@example.org", "file:///etc/hostname", "tel:+1-816-555-1212", "http://[v1.fe80:a]/", "http://223.255.255.254", "a:", "http://example.org:/"},
		[]string{"", "//example.org/x", "/abc", `\\WINDOWS\share`, "abc", "http:// shouldfail.com", ":// should fail", "bar,baz:foo", "https://[@example.org/", `https://example.org/a\b`, "https://example.org/<>", "https://example.org/{}", "https://example.org/^", "https://example.org/|", `https://example.org/"`, "https://example.org/%zz", "https://example.org/%4", "https://example.org:80a/", "https://[::1", "https://[::1]80/", "https://[1.2.3.4]/", "https://[fe80::1%25en0]/", "https://example.org/ü", "https://example.org/#a#b", "https://example.org/[", "1a:b", "https://example.org\n", "http://[v.a]/", "http://[vg.a]/", "http://[v1.]/"},
	},
	"ipv4":     {[]string{"0.0.0.0", "192.0.2.1", "255.255.255.255"}, []string{"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "::1", "1.2.3.0x4", "１.2.3.4", "1.2.3.4/24"}},
	"ipv6":     {[]string{"::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1"}, []string{"", "1.2.3.4", ":::", "1::2::3", "12345::", "fe80::1%eth0", "::1 ", "[::1]", "1:2:3:4:5:6:7", "::g", "::1/64"}},
	"cidr":     {[]string{"10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "2001:db8::/32", "::/128"}, []string{"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "2001:db8::/129", "10.0.0/8", "fe80::%a/64", "10.0.0.0/8 "}},
	"hostname": {[]string{"localhost", "www.example.org", "1host", "a-b.c", "xn--mnchen-3ya.de", "XN--4GBWDL.xn--wgbh1c", strings.Repeat("a", 63) + ".org"}, []string{"", ".", "a.", ".a", "a..b", "-a.org", "a-.org", "a_b.org", "1.2.3.4", "123", "münchen.de", "a b", "a.org\n", "xn--x", "xn--a.org", "ab--c.org", strings.Repeat("a", 64) + ".org", strings.Repeat("a.", 127) + "org"}},
	"date":     {[]string{"2026-05-31", "2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"}, []string{"", "2023-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-1-01", "26-01-01", "2026-01-01T00:00:00Z", "2026/01/01", "2026-01-01\n", "２026-01-01", "+2026-01-1"}},
	"date-time": {
		[]string{"2026-05-31T08:30:00Z", "2026-05-31t08:30:00z", "1963-06-19T08:30:06.283185Z", "1990-02-21T15:59:59.9-08:00", "1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00", "1999-01-01T00:59:60+01:00", "2026-05-31T08:30:00-00:00"},
		[]string{"", "2026-05-31", "2026-05-31 08:30:00Z", "2026-05-31T08:30:00", "2026-05-31T24:00:00Z", "2026-05-31T08:60:00Z", "2026-05-31T08:30:61Z", "2026-02-30T08:30:00Z", "1998-12-31T22:59:60Z", "1998-12-31T23:58:60Z", "1998-12-30T23:59:60Z", "1999-01-01T23:59:60+01:00", "2026-05-31T08:30:00+24:00", "2026-05-31T08:30:00+0200", "2026-05-31T08:30:00+02:60", "2026-05-31T08:30:00.Z", "2026-05-31T08:30:00,5Z", "2026-05-31T08:30Z", "2026-05-31T08:30:00Z\n", "2026-05-31T08:30:00ZZ", "06/19/1963 08:30:06 PST"},
	},
	"time":            {[]string{"08:30:00Z", "23:59:60Z", "01:29:60+01:30", "23:29:60+23:30", "15:59:60-08:00", "00:29:60-23:30", "08:30:06.52z"}, []string{"", "08:30:00", "24:00:00Z", "8:30:00Z", "22:59:60Z", "23:59:60+01:00", "08:30:00+24:00", "08:30:00#", "08:30:00Z+01:00", "12:00:00 Z"}},
	"duration":        {[]string{"P4DT12H30M5S", "PT36H", "P1DT12H", "P4Y", "P2W", "PT0S", "P0D", "P1M", "PT1M", "P1Y2M3DT4H5M6S"}, []string{"", "P", "PT", "P1", "P1DT", "1D", "PT1D", "P2S", "P1D2H", "P2D1Y", "P1Y2W", "P1WT1H", "P-1D", "P0.5D", "PT1.5S", "P1YT", "P1Y3D", "PT1H30S", "P１D", "P1D\n", "p1d"}},
	"uuid":            {[]string{"123e4567-e89b-12d3-a456-426614174000", "2EB8AA08-AA98-11EA-B4AA-73B441D16380", "00000000-0000-0000-0000-000000000000"}, []string{"", "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}", "urn:uuid:123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-426614174000\n", "123e4567-e89b-12d3-a4564-26614174000"}},
	"semver":          {[]string{"1.0.0", "0.0.0", "1.4.0-rc.1", "1.0.0-alpha+001", "1.0.0+21AF26D3---117B344092BD", "1.0.0-0A.is.legal", "18446744073709551616.0.0", "0.99999999999999999999999.0-99999999999999999999999", "1.2.3--", "1.2.3-a.-+-.0"}, []string{"", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.3+", "1.2.3.4", "1.2.3 ", "1.2.x", "1.2.3-ä", "1..3", "1.2.3-a..b", "1.2.3+a..b", "1.2.3+a+b", "1.2.-3", "+1.2.3", "1.2.3-099999999999999999999"}},
	"phone":           {[]string{"+493012345678", "+12025550123", "+6834000", "+123456789012345"}, []string{"", "+", "493012345678", "+0123456789", "+1234567890123456", "+123456", "+49 30 123456", "0049301234", "+4930123456a", "+493012345678\n"}},
	"base64":          {[]string{"", "YQ==", "YWI=", "YWJj", "+/+/"}, []string{"YQ", "YQ=", "YQ===", "YR==", "YWJ=", "Y===", "====", "YW Jj", "YWJj\n", "-_-_", "=YQ=", "YQ==YQ=="}},
	"iban":            {[]string{"DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947", "MT84MALT011000012345MTLCAST001S", "FR1420041010050500013M02606"}, []string{"", "DE8937040044053201300", "DE893704004405320130000", "DE88370400440532013000", "DE89 3704 0044 0532 0130 00", "de89370400440532013000", "XX89370400440532013000", "DE8937040044053201300ä", "GB82west12345698765432", "DE89370400440532013000\n"}},
	"luhn":            {[]string{"79927398713", "4111111111111111", "00", "18", "490154203237518"}, []string{"", "0", "79927398710", "4111 1111 1111 1111", "4111-1111-1111-1111", "7992739871a", "79927398713\n", "７９"}},
	"currency":        {[]string{"EUR", "USD", "JPY", "XXX", "XTS", "VED"}, []string{"", "eur", "EU", "EURO", "DEM", "HRK", "ZZZ", "978", "EUR "}},
	"country":         {[]string{"DE", "US", "SX", "AX"}, []string{"", "de", "DEU", "EU", "UK", "XK", "ZZ", "YU", "D", "DE\n"}},
	"country-alpha-3": {[]string{"DEU", "USA", "ROU"}, []string{"", "DE", "deu", "ROM", "ZZZ", "XKX"}},
	"quantity":        {[]string{"0", "500m", "1.5Gi", "-1", "+2k", "1e3", "1E-3", "12E", ".5", "5.", "100n", "1Ki", "1e+3"}, []string{"", "m", "1.5GB", "1,5", "1 Gi", "Gi", "--1", "1e", "1e1.5", ".", "1.2.3", "1KI", "1ki", "0x10", "1Gi\n", "1e9999"}},
	"name":            {[]string{"a", "my-app.v1", "1a", "a.b.c", strings.Repeat("a", 253)}, []string{"", "-a", "a-", "A", "a_b", "a..b", ".a", "a.", "a b", "a\n", strings.Repeat("a", 254)}},
}

// valid says whether a value has the format of a name. No value has an unknown format.
func valid(name, value string) bool {
	f, ok := format.Find(name)
	return ok && f.Valid(value)
}

// TestSemverAgrees: on versions whose numbers fit 64 bits, the format agrees with a parser.
func TestSemverAgrees(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		version := rapid.StringMatching(`[0-9v]{0,3}\.?[0-9]{0,2}\.[0-9]{1,2}(-[0-9a-c.-]{0,6})?(\+[0-9a-c.+-]{0,6})?`).Draw(rt, "version")
		_, err := semver.Parse(version)
		if got := valid("semver", version); got != (err == nil) {
			rt.Fatalf("%q: %t, the parser says %v", version, got, err)
		}
	})
}

func TestFormats(t *testing.T) {
	for name, tc := range examples {
		t.Run(name, func(t *testing.T) {
			for _, value := range tc.valid {
				if !valid(name, value) {
					t.Errorf("%q has the format, but is refused", value)
				}
			}
			for _, value := range tc.invalid {
				if valid(name, value) {
					t.Errorf("%q has not the format, but passes", value)
				}
			}
		})
	}
}

func TestNames(t *testing.T) {
	names := format.Names()
	if !slices.IsSorted(names) {
		t.Errorf("names are not sorted: %v", names)
	}
	canonical := map[string]bool{}
	for _, name := range names {
		f, ok := format.Find(name)
		if !ok || f.Expected == "" || f.Valid == nil {
			t.Fatalf("%s is listed but not complete", name)
		}
		canonical[f.Name] = true
		if _, tested := examples[f.Name]; !tested {
			t.Errorf("%s has no examples", f.Name)
		}
	}
	for alias, name := range map[string]string{"e164": "phone", "iso4217": "currency", "iso3166": "country", "k8s-quantity": "quantity", "k8s-name": "name", "iso3166-alpha-3": "country-alpha-3"} {
		if f, ok := format.Find(alias); !ok || f.Name != name {
			t.Errorf("%s is not another name of %s", alias, name)
		}
	}
	if len(canonical) != len(examples) {
		t.Errorf("%d formats, %d with examples", len(canonical), len(examples))
	}
	if valid("mail", "ana@example.org") {
		t.Error("an unknown format has values")
	}
}

// TestCountriesAgree holds the table against the Unicode data of golang.org/x/text, which has deprecated regions too.
func TestCountriesAgree(t *testing.T) {
	count := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if !valid("country", code) {
				continue
			}
			count++
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() && code != "AQ" {
				t.Errorf("%s is no country to x/text (%v)", code, err)
			}
			if !valid("country-alpha-3", region.ISO3()) {
				t.Errorf("%s of %s is missing", region.ISO3(), code)
			}
		}
	}
	if count != 249 {
		t.Errorf("%d countries, ISO 3166-1 has 249", count)
	}
}

// TestCurrenciesAgree holds the table against x/text, which is older and has historic codes too.
func TestCurrenciesAgree(t *testing.T) {
	newer := []string{"MRU", "SLE", "UYW", "VED", "VES", "XAD", "XCG", "ZWG"}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				if !valid("currency", code) || slices.Contains(newer, code) {
					continue
				}
				if _, err := currency.ParseISO(code); err != nil {
					t.Errorf("x/text does not know %s", code)
				}
			}
		}
	}
	for unit := range map[currency.Unit]bool{currency.USD: true, currency.EUR: true, currency.JPY: true, currency.GBP: true, currency.CHF: true, currency.AUD: true, currency.NZD: true, currency.CAD: true, currency.SEK: true, currency.NOK: true, currency.DKK: true, currency.XAG: true, currency.XAU: true, currency.BRL: true, currency.CNY: true, currency.INR: true, currency.RUB: true, currency.HKD: true, currency.IDR: true, currency.KRW: true, currency.MXN: true, currency.PLN: true, currency.SAR: true, currency.THB: true, currency.TRY: true, currency.TWD: true, currency.ZAR: true} {
		if !valid("currency", unit.String()) {
			t.Errorf("%s is missing", unit)
		}
	}
}

// TestQuantityAgreesWithKubernetes, save that its parser takes numbers without any digit for 0, and its grammar does not.
func TestQuantityAgreesWithKubernetes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[+-]?[0-9]{0,4}\.?[0-9]{0,3}([numkKMGTPEeE][i0-9+-]?[0-9.]?)?`).Draw(t, "quantity")
		_, err := resource.ParseQuantity(s)
		suffix := strings.TrimLeft(s, "+-.0123456789")
		number := strings.TrimSuffix(s, suffix)
		if got, want := valid("quantity", s), err == nil && strings.ContainsAny(number, "0123456789"); got != want {
			t.Fatalf("%q: %t, Kubernetes says %t (%v)", s, got, want, err)
		}
	})
}

// TestSingleDigitErrors: both check digits catch every change of one digit.
func TestSingleDigitErrors(t *testing.T) {
	for name, values := range map[string][]string{"luhn": examples["luhn"].valid, "iban": examples["iban"].valid} {
		for _, value := range values {
			for i := range len(value) {
				if value[i] < '0' || value[i] > '9' {
					continue
				}
				for d := byte('0'); d <= '9'; d++ {
					wrong := value[:i] + string(rune(d)) + value[i+1:]
					if wrong != value && valid(name, wrong) {
						t.Errorf("%s: %s passes like %s", name, wrong, value)
					}
				}
			}
		}
	}
}

// TestLuhnCheckDigit: for any number there is exactly one check digit.
func TestLuhnCheckDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{1,30}`).Draw(t, "number")
		right := 0
		for d := '0'; d <= '9'; d++ {
			if valid("luhn", number+string(d)) {
				right++
			}
		}
		if right != 1 {
			t.Fatalf("%s has %d check digits", number, right)
		}
	})
}

// FuzzFormats: no format panics, or takes what ends in white space.
func FuzzFormats(f *testing.F) {
	for _, tc := range examples {
		for _, value := range slices.Concat(tc.valid, tc.invalid) {
			f.Add(value)
		}
	}
	names := format.Names()
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range names {
			if !valid(name, value) {
				continue
			}
			for _, space := range []string{"\n", " ", "\x00"} {
				if valid(name, value+space) {
					t.Errorf("%s takes %q", name, value+space)
				}
			}
		}
	})
}

func BenchmarkFormat(b *testing.B) {
	for name, tc := range examples {
		b.Run(name, func(b *testing.B) {
			value := tc.valid[0]
			b.ReportAllocs()
			for b.Loop() {
				valid(name, value)
			}
		})
	}
}
