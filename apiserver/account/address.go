package account

import (
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/checky-dev/checky/apiserver/throttle"
)

// Lengths of an address in bytes (RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3: a path is 256 with its brackets).
const (
	maxAddress   = 254
	maxLocalPart = 64
)

// mailDomain turns a domain into its ASCII form in lower case, and refuses what is no host name.
var mailDomain = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

var errAddress = &InvalidError{Field: "body.email", Message: "expected an e-mail address such as ann@example.com, " +
	"of at most 254 bytes, without a name, comments or quotes"}

// canonical is the form of an address in which accounts are told apart: NFC and lower case, the domain in ASCII. Local
// parts that differ in case alone are one mailbox with every provider that matters, and two accounts would let one
// person pass for another. The address is a dot-atom (RFC 5322, section 3.2.3; RFC 6531 for what is beyond ASCII).
// Errors: *InvalidError.
func canonical(email string) (string, error) {
	if len(email) > maxAddress || !utf8.ValidString(email) {
		return "", errAddress
	}
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return "", errAddress
	}
	local := norm.NFC.String(strings.ToLower(norm.NFC.String(email[:at])))
	if len(local) > maxLocalPart || !dotAtom(local) {
		return "", errAddress
	}
	domain, err := mailDomain.ToASCII(email[at+1:])
	if err != nil || domain == "" || strings.HasSuffix(domain, ".") || len(local)+1+len(domain) > maxAddress {
		return "", errAddress
	}
	return local + "@" + strings.ToLower(domain), nil
}

// dotAtom says whether a local part is one or more atoms with dots between them.
func dotAtom(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !atomCharacter(r) }) {
			return false
		}
	}
	return true
}

func atomCharacter(r rune) bool {
	if r >= utf8.RuneSelf {
		return unicode.IsPrint(r)
	}
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// lowerBase32 is RFC 4648's alphabet in lower case, as names in Kubernetes need it.
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// locatorLength is the length of a locator: 26 characters hold 130 bits.
const locatorLength = 26

// locator is what an account is found by: the beginning of the SHA-256 of its canonical address, in base32. Two
// replicas that sign the same address up at once make the same name, and the API server takes one.
func locator(address string) string {
	sum := sha256.Sum256([]byte(address))
	return lowerBase32.EncodeToString(sum[:])[:locatorLength]
}

// accountKey is what failures of an account are counted by, whether it exists or not.
func accountKey(locator string) string { return "account:" + locator }

// addressKey is what failures of a client are counted by. Empty: it is not known.
func addressKey(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return "address:" + throttle.Key(address)
}
