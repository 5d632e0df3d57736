package format

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

var network = []Format{
	{Name: "email", Expected: "an e-mail address such as ana@example.org", Valid: isEmail},
	{Name: "uri", Expected: "an absolute URI such as https://example.org/path", Valid: isURI},
	{Name: "ipv4", Expected: "an IPv4 address such as 192.0.2.1", Valid: isIPv4},
	{Name: "ipv6", Expected: "an IPv6 address such as 2001:db8::1", Valid: isIPv6},
	{Name: "cidr", Expected: "an address range in CIDR notation such as 10.0.0.0/8", Valid: isCIDR},
	{Name: "hostname", Expected: "a host name such as www.example.org", Valid: isHostname},
}

// isIPv4 wants four decimal numbers without leading zeros (RFC 3986, IPv4address).
func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// isIPv6 wants the text form of RFC 4291, section 2.2, without a zone.
func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

// isCIDR wants an IPv4 or IPv6 prefix (RFC 4632, RFC 4291). Bits beyond the prefix may be set.
func isCIDR(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}

const (
	maxHostname = 253 // RFC 1035, section 2.3.4, as text
	maxLabel    = 63
	maxLocal    = 64  // RFC 5321, section 4.5.3.1.1
	maxEmail    = 254 // RFC 5321, section 4.5.3.1.3, less the angle brackets
)

// isHostname wants letters, digits and hyphens in labels (RFC 1123, section 2.1), no final dot, a last label that is
// not all digits, so that no IPv4 address passes, and A-labels that decode (RFC 5890).
func isHostname(s string) bool {
	if len(s) > maxHostname {
		return false
	}
	for rest := s; ; {
		label, after, more := strings.Cut(rest, ".")
		if !isLabel(label) {
			return false
		}
		if !more {
			return !isDigits(label)
		}
		rest = after
	}
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return len(s) < 4 || s[2:4] != "--" || isALabel(s)
}

// registration is the strict profile of IDNA 2008.
var registration = idna.New(idna.ValidateForRegistration(), idna.StrictDomainName(true))

// isALabel checks a label that has hyphens in its third and fourth place, which only xn-- may have.
func isALabel(s string) bool {
	if !strings.EqualFold(s[:4], "xn--") {
		return false
	}
	lower := strings.ToLower(s)
	unicode, err := registration.ToUnicode(lower)
	if err != nil || unicode == lower {
		return false
	}
	again, err := registration.ToASCII(unicode)
	return err == nil && again == lower
}

// isEmail wants a Mailbox of RFC 5321, section 4.1.2: a dot-string or a quoted string, and a host name or an
// address literal. Comments, display names and non-ASCII addresses are not part of that.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > maxLocal || len(s) > maxEmail {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if local[0] == '"' {
		if !isQuotedString(local) {
			return false
		}
	} else if !isDotString(local) {
		return false
	}
	if strings.HasPrefix(domain, "[") {
		return isAddressLiteral(domain)
	}
	return isHostname(domain)
}

func isDotString(s string) bool {
	previous := byte('.')
	for i := range len(s) {
		c := s[i]
		if c == '.' && previous == '.' {
			return false
		}
		if c != '.' && !isLetter(c) && !isDigit(c) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", rune(c)) {
			return false
		}
		previous = c
	}
	return previous != '.'
}

// isQuotedString takes printable ASCII, with " and \ escaped.
func isQuotedString(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	inner := s[1 : len(s)-1]
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c < ' ' || c > '~' || c == '"':
			return false
		case c == '\\':
			i++
			if i == len(inner) || inner[i] < ' ' || inner[i] > '~' {
				return false
			}
		}
	}
	return true
}

func isAddressLiteral(s string) bool {
	address, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return false
	}
	if v6, tagged := strings.CutPrefix(address, "IPv6:"); tagged {
		return isIPv6(v6)
	}
	return isIPv4(address)
}
