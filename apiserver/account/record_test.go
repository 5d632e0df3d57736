package account

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// Whatever a Secret holds: it is read or it is ignored, and what is read is written as it was read.
func FuzzSecret(f *testing.F) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	account := accountRecord{
		ID: "01arz3ndektsv4rrffq69g5fav", Email: ann, CreatedAt: at, Verified: true, Epoch: 3,
		PasswordHash: "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		Reset:        &resetRecord{SHA256: digest{1}, ExpiresAt: at},
	}
	token := tokenRecord{
		ID: "0123456789abcdef", Account: account.ID, Locator: locator(ann), Name: "ci", SHA256: digest{2}, CreatedAt: at, ExpiresAt: at,
		Previous: &previousRecord{SHA256: digest{3}, ExpiresAt: at},
	}
	seeds := []*corev1.Secret{account.secretOf("test"), token.secretOf("test")}
	for _, secret := range seeds {
		if e := decode(secret); e.fault != "" {
			f.Fatalf("a good Secret is refused: %s", e.fault)
		}
	}
	f.Add(encode(&account), encode(&token), "5", "2026-11-22T12:00:00Z")
	f.Add([]byte(`{}`), []byte(`null`), "0", "yesterday")
	f.Add([]byte(`{"epoch":1e99}`), []byte(`[]`), "99999999999999999999", "")
	f.Fuzz(func(t *testing.T, accountJSON, tokenJSON []byte, rate, used string) {
		for i, data := range [][]byte{accountJSON, tokenJSON} {
			secret := seeds[i].DeepCopy()
			secret.Annotations = map[string]string{RateAnnotation: rate, lastUsedAnnotation: used}
			for key := range secret.Data {
				secret.Data[key] = data
			}
			e := decode(secret)
			if e.account == nil && e.token == nil && e.fault == "" {
				t.Error("ignored, and nothing is said")
			}
			if e.account != nil {
				again := accountRecord{}
				if err := decodeStrictly(encode(e.account), &again); err != nil || !cmp.Equal(*e.account, again) {
					t.Errorf("%v: %s", err, cmp.Diff(*e.account, again))
				}
			}
			if e.token != nil {
				again := tokenRecord{}
				if err := decodeStrictly(encode(e.token), &again); err != nil || !bytes.Equal(encode(again), encode(e.token)) {
					t.Errorf("%v: %s", err, cmp.Diff(*e.token, again))
				}
			}
			if e.rate < 0 || e.rate > MaxRate {
				t.Errorf("a rate of %d", e.rate)
			}
		}
	})
}
