package format

import "strings"

// isURI wants a URI of RFC 3986, section 3: with a scheme; a relative reference is none.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	if !isURIText(fragment, "/?:@") || !isURIText(query, "/?:@") {
		return false
	}
	if after, there := strings.CutPrefix(rest, "//"); there {
		authority, path := after, ""
		if i := strings.IndexByte(after, '/'); i >= 0 {
			authority, path = after[:i], after[i:]
		}
		return isAuthority(authority) && isURIText(path, "/:@")
	}
	return isURIText(rest, "/:@")
}

func isScheme(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// isURIText takes unreserved characters, sub-delims, percent-encoded octets, and the extra ones.
func isURIText(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isLetter(c), isDigit(c), strings.IndexByte("-._~!$&'()*+,;=", c) >= 0, strings.IndexByte(extra, c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isAuthority(s string) bool {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		if !isURIText(s[:i], ":") {
			return false
		}
		s = s[i+1:]
	}
	var port string
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !isIPLiteral(s[1:end]) {
			return false
		}
		if port = s[end+1:]; port != "" && port[0] != ':' {
			return false
		}
		port = strings.TrimPrefix(port, ":")
	} else {
		var host string
		host, port, _ = strings.Cut(s, ":")
		if !isURIText(host, "") {
			return false
		}
	}
	return port == "" || isDigits(port)
}

// isIPLiteral is what stands between the brackets of a host: an IPv6 address or an IPvFuture.
func isIPLiteral(s string) bool {
	if isIPv6(s) {
		return true
	}
	if len(s) < 4 || s[0]|0x20 != 'v' {
		return false
	}
	version, address, ok := strings.Cut(s[1:], ".")
	for i := range len(version) {
		if !isHex(version[i]) {
			return false
		}
	}
	return ok && version != "" && address != "" && !strings.Contains(address, "%") && isURIText(address, ":")
}
