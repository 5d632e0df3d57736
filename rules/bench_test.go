package rules_test

import (
	"strings"
	"testing"

	"github.com/checky-dev/checky/rules"
)

// BenchmarkDecode reads a payload and digests it.
func BenchmarkDecode(b *testing.B) {
	small := `{"id":"A-1001","customer":"c-77","amount":119.98,"currency":"EUR","items":[{"sku":"X1","price":59.99},{"sku":"X2","price":59.99}],"created":"2026-01-02T12:00:00Z","email":"ada@example.org","note":"leave at door"}`
	for name, text := range map[string]string{
		"200B":   small,
		"100KiB": "[" + strings.TrimSuffix(strings.Repeat(small+",", 490), ",") + "]",
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rules.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
