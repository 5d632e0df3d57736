package engines

import "testing"

// BenchmarkFiveRules is the first table as Go's own benchmarks, for their profiles:
//
//	go test -run '^$' -bench 'FiveRules/checky-cel/decoded' -cpuprofile cpu.out ./engines
func BenchmarkFiveRules(b *testing.B) {
	all, err := contenders(fiveRules)
	if err != nil {
		b.Fatal(err)
	}
	for i, c := range all {
		b.Run(makers[i].id+"/text", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(validOrder.text)))
			for b.Loop() {
				if _, err := c.text(validOrder.text); err != nil {
					b.Fatal(err)
				}
			}
		})
		if c.check == nil {
			continue
		}
		b.Run(makers[i].id+"/decoded", func(b *testing.B) {
			decoded, err := c.decode(validOrder.text)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.check(decoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
