package format

import "strings"

var identifiers = []Format{
	{Name: "uuid", Expected: "a UUID such as 123e4567-e89b-12d3-a456-426614174000", Valid: isUUID},
	{Name: "semver", Expected: "a semantic version such as 1.4.0-rc.1", Valid: isSemver},
	{Name: "phone", Alias: "e164", Expected: "a phone number in international form (E.164) such as +493012345678", Valid: isPhone},
	{Name: "base64", Expected: "Base64 with padding", Valid: isBase64},
}

// isUUID wants the form of RFC 9562, section 4, of any version, in either case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	return true
}

// maxSemver bounds a version's text; no registry takes longer ones.
const maxSemver = 256

// isSemver wants Semantic Versioning 2.0.0, without a v before it. Its numbers have no largest value.
func isSemver(s string) bool {
	if len(s) > maxSemver {
		return false
	}
	s, build, hasBuild := strings.Cut(s, "+")
	core, release, hasRelease := strings.Cut(s, "-")
	major, core, _ := strings.Cut(core, ".")
	minor, patch, _ := strings.Cut(core, ".")
	return isVersionNumber(major) && isVersionNumber(minor) && isVersionNumber(patch) &&
		(!hasRelease || areVersionIdentifiers(release, true)) && (!hasBuild || areVersionIdentifiers(build, false))
}

func isVersionNumber(s string) bool { return isDigits(s) && (s[0] != '0' || len(s) == 1) }

// areVersionIdentifiers wants identifiers with points between them; strict ones without leading zeros where they are numbers.
func areVersionIdentifiers(s string, strict bool) bool {
	for more := true; more; {
		var one string
		one, s, more = strings.Cut(s, ".")
		if one == "" || strict && isDigits(one) && !isVersionNumber(one) {
			return false
		}
		for i := range len(one) {
			if c := one[i]; !isLetter(c) && !isDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

// isPhone wants + and 7 to 15 digits, the first not 0 (ITU-T E.164, section 6; the shortest numbers in
// use have 7), without spaces.
func isPhone(s string) bool {
	return len(s) >= 1+7 && len(s) <= 1+15 && s[0] == '+' && s[1] != '0' && isDigits(s[1:])
}

// isBase64 wants RFC 4648, section 4: the standard alphabet, padded, no line breaks, and unused bits that are 0.
// The empty string encodes no bytes and is valid.
func isBase64(s string) bool {
	if len(s)%4 != 0 {
		return false
	}
	padding := 0
	for padding < 2 && padding < len(s) && s[len(s)-1-padding] == '=' {
		padding++
	}
	body := s[:len(s)-padding]
	last := 0
	for i := range len(body) {
		if last = base64Value(body[i]); last < 0 {
			return false
		}
	}
	unused := 2 * padding
	return last&(1<<unused-1) == 0
}

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case isDigit(c):
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
