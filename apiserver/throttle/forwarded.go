package throttle

import (
	"net/netip"
	"strings"
)

// parseXForwardedFor reads "client, proxy1, proxy2". What is no address is an invalid one. It is false if there are too
// many entries.
func parseXForwardedFor(text string) ([]netip.Addr, bool) {
	if strings.Count(text, ",") >= maxForwardedEntries {
		return nil, false
	}
	var hops []netip.Addr
	for entry := range strings.SplitSeq(text, ",") {
		// RFC 9110, section 5.6.1: a recipient ignores empty elements of a list.
		if entry = strings.Trim(entry, " \t"); entry != "" {
			hops = append(hops, parseNode(entry))
		}
	}
	return hops, true
}

// parseForwarded reads RFC 7239's header, and gives the "for" of each element: an invalid address where there is none,
// or where it is hidden. It is false if there are too many elements, or if the text is malformed in any place: what is
// wrong on the left, where clients write, can change the meaning of what is on the right.
//
//	for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8:cafe::17]:4711"
func parseForwarded(text string) ([]netip.Addr, bool) {
	var hops []netip.Addr
	for rest := text; ; rest = rest[1:] {
		node, tail, ok := parseForwardedElement(rest)
		if !ok || len(hops) >= maxForwardedEntries {
			return nil, false
		}
		if len(tail) < len(strings.TrimLeft(rest, " \t")) { // an empty element is ignored
			hops = append(hops, node)
		}
		if tail == "" {
			return hops, true
		}
		rest = tail
	}
}

// parseForwardedElement reads name=value pairs with semicolons between them, up to a comma or the end, which is the
// tail.
func parseForwardedElement(text string) (node netip.Addr, tail string, ok bool) {
	seen := false
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == ',' {
			return node, text, true
		}
		if text[0] == ';' {
			text = text[1:]
			continue
		}
		name, rest := token(text)
		if name == "" || rest == "" || rest[0] != '=' {
			return node, text, false
		}
		value, rest, ok := tokenOrQuoted(rest[1:])
		if !ok {
			return node, text, false
		}
		if strings.EqualFold(name, "for") {
			if seen { // section 4 forbids a parameter twice
				return node, text, false
			}
			seen, node = true, parseNode(value)
		}
		text = strings.TrimLeft(rest, " \t")
		if text != "" && text[0] != ';' && text[0] != ',' {
			return node, text, false
		}
	}
}

// tokenOrQuoted reads a token or a quoted string (RFC 9110, section 5.6), and unquotes the latter.
func tokenOrQuoted(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		value, rest = token(text)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// token reads as many characters as may stand in a token (RFC 9110, section 5.6.2), and the colon, that many proxies
// leave unquoted.
func token(text string) (token, rest string) {
	for i := range len(text) {
		c := text[i]
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~:", rune(c)) {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// parseNode reads an address with or without a port, IPv6 with or without brackets. What is none, such as "unknown" or
// an obfuscated "_name", is an invalid address.
func parseNode(text string) netip.Addr {
	if addr, err := netip.ParseAddr(text); err == nil {
		return normal(addr)
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return normal(ap.Addr())
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if addr, err := netip.ParseAddr(inner); err == nil && addr.Is6() {
				return normal(addr)
			}
		}
	}
	return netip.Addr{}
}
