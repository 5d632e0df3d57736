package format

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsIDNHostname says whether a text is a host name whose labels may be U-labels of IDNA 2008 (RFC 5890, section 2.3.2.1), written as they
// are registered: in lower case, and in normal form C.
func IsIDNHostname(s string) bool {
	if len(s) > utf8.UTFMax*maxHostname {
		return false
	}
	labels := strings.Split(s, ".")
	for i, label := range labels {
		if isASCII(label) {
			continue
		}
		encoded, err := registration.ToASCII(label)
		if err != nil {
			return false
		}
		labels[i] = encoded
	}
	return isHostname(strings.Join(labels, "."))
}

// IsIDNEmail says whether a text is an e-mail address whose local part and host name may have characters beyond ASCII (RFC 6531,
// section 3.3).
func IsIDNEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > maxLocal || !utf8.ValidString(s) {
		return false
	}
	// Beyond ASCII a local part may have what stands for a letter there.
	local := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf && !unicode.IsControl(r) {
			return 'x'
		}
		return r
	}, s[:at])
	if domain := s[at+1:]; !isASCII(domain) {
		return IsIDNHostname(domain) && isEmail(local+"@x")
	}
	return isEmail(local + s[at:])
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
