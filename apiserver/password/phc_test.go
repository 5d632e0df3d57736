package password

import (
	"strings"
	"testing"
)

const (
	salt = "c29tZXNhbHQxMjM0NTY3OA"
	key  = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"
)

func TestParse(t *testing.T) {
	for name, tt := range map[string]struct {
		phc string
		ok  bool
	}{
		"today's":            {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key, true},
		"the most":           {"$argon2id$v=19$m=262144,t=16,p=16$" + salt + "$" + key, true},
		"empty":              {"", false},
		"argon2i":            {"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key, false},
		"old version":        {"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key, false},
		"4 GiB":              {"$argon2id$v=19$m=4194304,t=2,p=1$" + salt + "$" + key, false},
		"many passes":        {"$argon2id$v=19$m=19456,t=17,p=1$" + salt + "$" + key, false},
		"no passes":          {"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key, false},
		"lanes overflow":     {"$argon2id$v=19$m=19456,t=2,p=257$" + salt + "$" + key, false},
		"memory overflow":    {"$argon2id$v=19$m=4294986752,t=2,p=1$" + salt + "$" + key, false},
		"leading zero":       {"$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + key, false},
		"sign":               {"$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + key, false},
		"another order":      {"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + key, false},
		"one more":           {"$argon2id$v=19$m=19456,t=2,p=1,data=aa$" + salt + "$" + key, false},
		"padded base64":      {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "==$" + key, false},
		"bits left over":     {"$argon2id$v=19$m=19456,t=2,p=1$" + salt[:len(salt)-1] + "B$" + key, false},
		"newline in base64":  {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "\n$" + key, false},
		"short salt":         {"$argon2id$v=19$m=19456,t=2,p=1$c29tZQ$" + key, false},
		"short key":          {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$MTIz", false},
		"no key":             {"$argon2id$v=19$m=19456,t=2,p=1$" + salt, false},
		"something after it": {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key + "$", false},
		"long":               {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + strings.Repeat("A", 4096), false},
	} {
		h, err := parse(tt.phc)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v", name, err)
		}
		if err == nil && h.String() != tt.phc {
			t.Errorf("%s: written again it is %s", name, h)
		}
	}
}

// What is read is within the bounds, and is written as it was.
func FuzzPHC(f *testing.F) {
	for _, seed := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=4294967295,p=255$" + salt + "$" + key,
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$$$$", "$$$$$", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, phc string) {
		h, err := parse(phc)
		if err != nil {
			return
		}
		if h.Memory > MaxMemory || h.Time > MaxTime || h.Threads > MaxThreads || len(h.key) > maxKeyBytes || len(h.salt) > maxSaltBytes {
			t.Errorf("out of bounds: %+v", h.Params)
		}
		if h.String() != phc {
			t.Errorf("%q is written as %q", phc, h)
		}
	})
}
