package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params are argon2id's (RFC 9106): what one guess costs.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes
}

// Default is the least that OWASP's Password Storage Cheat Sheet recommends for argon2id: 19 MiB, two passes, one lane.
var Default = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

const (
	saltBytes = 16 // RFC 9106, section 4
	keyBytes  = 32
)

// What a stored string may ask for. It comes from outside of this process, and must not make it allocate gigabytes.
const (
	MaxMemory  = 256 * 1024 // KiB
	MaxTime    = 16
	MaxThreads = 16

	minSaltBytes = 8
	maxSaltBytes = 64
	minKeyBytes  = 16
	maxKeyBytes  = 64
	// maxPHC is longer than any string within these bounds.
	maxPHC = 256
)

// errPHC is all that is said of a stored string that cannot be read: it is a secret.
var errPHC = errors.New("the stored password hash is not a valid argon2id PHC string")

// valid says whether the parameters are within RFC 9106 and this package's bounds.
func (p Params) valid() bool {
	return p.Time >= 1 && p.Time <= MaxTime && p.Threads >= 1 && p.Threads <= MaxThreads &&
		p.Memory >= 8*uint32(p.Threads) && p.Memory <= MaxMemory
}

// hash is one stored password.
type hash struct {
	Params
	salt, key []byte
}

// key is the key of a password under the hash's parameters and salt.
func (p Params) key(password string, salt []byte, length int) []byte {
	return argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, uint32(length)) //nolint:gosec // at most maxKeyBytes
}

// String is the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>, in base64 without padding.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Memory, h.Time, h.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parse reads a PHC string. It takes what String writes and nothing else: parameters in this order, numbers without
// leading zeros, canonical base64.
func parse(phc string) (hash, error) {
	if len(phc) > maxPHC {
		return hash{}, errPHC
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return hash{}, errPHC
	}
	params := strings.Split(parts[3], ",")
	if len(params) != 3 {
		return hash{}, errPHC
	}
	m, errM := parameter(params[0], "m=", MaxMemory)
	t, errT := parameter(params[1], "t=", MaxTime)
	p, errP := parameter(params[2], "p=", MaxThreads)
	salt, errS := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errK := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errors.Join(errM, errT, errP, errS, errK) != nil {
		return hash{}, errPHC
	}
	h := hash{Params{Memory: m, Time: t, Threads: uint8(p)}, salt, key} //nolint:gosec // at most MaxThreads
	if !h.valid() || len(salt) < minSaltBytes || len(salt) > maxSaltBytes || len(key) < minKeyBytes ||
		len(key) > maxKeyBytes || h.String() != phc {
		return hash{}, errPHC
	}
	return h, nil
}

// Readable says whether a stored string can be verified with.
func Readable(phc string) bool {
	_, err := parse(phc)
	return err == nil
}

// parameter reads NAME=NUMBER.
func parameter(text, name string, most uint32) (uint32, error) {
	digits, found := strings.CutPrefix(text, name)
	if !found {
		return 0, errPHC
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n > uint64(most) {
		return 0, errPHC
	}
	return uint32(n), nil
}
