package check

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/oklog/ulid/v2"
)

// idLength is how many characters an id has: a ULID's, 130 bits.
const idLength = 26

// alphabet is Crockford's base32 in lower case, as names of objects have to be.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var crockford = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// maxKeyBytes is the longest idempotency key.
const maxKeyBytes = 255

// nameFor names the Check of a request: by the idempotency key where there is one, so that whoever creates it again, here or in
// another replica, meets the first; else by the time and 80 random bits.
func (s *Service) nameFor(owner, key string) (string, error) {
	if key == "" {
		id, err := ulid.New(ulid.Timestamp(s.o.Clock.Now()), rand.Reader)
		return strings.ToLower(id.String()), err
	}
	if len(key) > maxKeyBytes || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", invalid("header.Idempotency-Key", "expected 1 to %d visible ASCII characters; a UUID does", maxKeyBytes)
	}
	sum := sha256.Sum256([]byte("checky idempotency\x00" + owner + "\x00" + key))
	return crockford.EncodeToString(sum[:])[:idLength], nil
}

// validID says whether a name can be one of nameFor's.
func validID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(alphabet, id[i]) < 0 {
			return false
		}
	}
	return true
}
