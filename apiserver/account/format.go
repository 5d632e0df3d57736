package account

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"strings"
)

// A secret text is PREFIX ID _ SECRET CRC, all of fixed length: the secret is 256 random bits in base 62, the CRC-32
// (IEEE) of all before it in base 62 tells typing errors and strangers' tokens without a look-up, and lets scanners of
// repositories find leaked ones without false alarms.
type format struct {
	prefix string
	idSize int
	idOf   string // the characters of an id
}

var (
	// tokenText is a bearer token: cky_<id>_<secret><crc>.
	tokenText = format{"cky_", 16, crockford}
	// resetText is what a mail's link carries: ckr_<locator of the account>_<secret><crc>.
	resetText = format{"ckr_", locatorLength, "abcdefghijklmnopqrstuvwxyz234567"}
)

const (
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	crockford = "0123456789abcdefghjkmnpqrstvwxyz"

	secretBytes = 32
	secretSize  = 43 // 62^43 > 2^256
	crcSize     = 6  // 62^6 > 2^32
	// maxText is the longest of the formats.
	maxText = 4 + locatorLength + 1 + secretSize + crcSize
)

// digest is the SHA-256 of a whole secret text, which is all that is kept of it. The secret has 256 random bits, so that
// nothing slower than SHA-256 is needed.
type digest [sha256.Size]byte

func (f format) size() int { return len(f.prefix) + f.idSize + 1 + secretSize + crcSize }

// issue makes a text with a fresh secret.
func (f format) issue(id string) (string, digest) {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // It never fails: see its documentation.
	text := f.prefix + id + "_" + fixed62(new(big.Int).SetBytes(secret[:]), secretSize)
	text += fixed62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), crcSize)
	return text, sha256.Sum256([]byte(text))
}

// parse reads a text: its id and its digest.
func (f format) parse(text string) (id string, d digest, ok bool) {
	if len(text) != f.size() || text[:len(f.prefix)] != f.prefix || text[len(f.prefix)+f.idSize] != '_' {
		return "", digest{}, false
	}
	id = text[len(f.prefix) : len(f.prefix)+f.idSize]
	if !f.isID(id) {
		return "", digest{}, false
	}
	for i := len(f.prefix) + f.idSize + 1; i < len(text); i++ {
		if strings.IndexByte(base62, text[i]) < 0 {
			return "", digest{}, false
		}
	}
	var b [maxText]byte
	n := copy(b[:], text)
	var crc uint64
	for _, c := range b[n-crcSize : n] {
		crc = crc*62 + uint64(strings.IndexByte(base62, c)) //nolint:gosec // found above
	}
	if crc != uint64(crc32.ChecksumIEEE(b[:n-crcSize])) {
		return "", digest{}, false
	}
	return id, sha256.Sum256(b[:n]), true
}

// isID says whether a text has the form of an id.
func (f format) isID(text string) bool {
	if len(text) != f.idSize {
		return false
	}
	for i := range len(text) {
		if strings.IndexByte(f.idOf, text[i]) < 0 {
			return false
		}
	}
	return true
}

// fixed62 is a number in base 62 with leading zeros.
func fixed62(n *big.Int, size int) string {
	b := make([]byte, size)
	base, digit := big.NewInt(62), new(big.Int)
	for i := size - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		b[i] = base62[digit.Int64()]
	}
	return string(b)
}

// newTokenID is 80 random bits in Crockford's base32, lower case.
func newTokenID() string {
	b := make([]byte, tokenText.idSize)
	_, _ = rand.Read(b) // It never fails: see its documentation.
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b)
}
