package engine_test

import (
	"strings"
	"testing"

	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// TestBatchMasksSecrets: of a Secret's manifest among other payloads nothing is quoted where that was asked for, and its digest is left
// out as that of a payload which cannot be read is.
func TestBatchMasksSecrets(t *testing.T) {
	p := program(t, "", orderRules)
	secret := `{"apiVersion": "v1", "kind": "Secret", "amount": 99999, "customer": "x", "currency": "hunter2"}`
	verdict := func(mask bool, list ...engine.Item) (message, digest string) {
		b := (&engine.Engine{}).NewBatch(engine.BatchOptions{Program: p, Now: noon, MaskSecrets: mask})
		b.Add(t.Context(), list)
		v := b.Outcome(t.Context()).Verdict
		for _, r := range v.Batch.Items[0].Results {
			message += r.Message + "\n"
		}
		return message + v.Explanation, v.InputDigest
	}
	plain, digest := verdict(false, items(secret, goodOrder)...)
	if !strings.Contains(plain, "hunter2") {
		t.Fatalf("nothing is there to be masked: %s", plain)
	}
	masked, without := verdict(true, items(secret, goodOrder)...)
	if strings.Contains(masked, "hunter2") || strings.Contains(masked, "99999") {
		t.Errorf("a value is told: %s", masked)
	}
	good, err := rules.Decode([]byte(goodOrder))
	if err != nil {
		t.Fatal(err)
	}
	if want := rules.Digest([]byte("\n" + good.Digest() + "\n")); without != want || digest == want {
		t.Errorf("the digest is %s, want %s; unmasked it is %s", without, want, digest)
	}
}
