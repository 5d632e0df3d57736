package tone

import (
	"bytes"
	"errors"
	"testing"
)

// bitWriter writes numbers as a bitReader reads them.
type bitWriter struct {
	data []byte
	at   int
}

func (w *bitWriter) put(number, width int) {
	for i := range width {
		if w.at%8 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[w.at/8] |= byte(number>>i&1) << (w.at % 8)
		w.at++
	}
}

// puts writes pairs of a number and its width.
func (w *bitWriter) puts(pairs ...[2]int) {
	for _, pair := range pairs {
		w.put(pair[0], pair[1])
	}
}

// laborious is a file of 48 kHz in 8 channels, with packets of 64 samples that hold no more than they must. A codeword of its residue stands for so
// many partitions, each of one value.
func laborious(t testing.TB, dimensions, packets int) []byte {
	t.Helper()
	const pattern = 0x564342
	var w bitWriter
	w.puts([][2]int{
		{1, 8},                                                                   // two codebooks
		{pattern, 24}, {dimensions, 16}, {2, 24}, {0, 2}, {0, 5}, {0, 5}, {0, 4}, // of two words of one bit, without vectors
		{pattern, 24}, {1, 16}, {2, 24}, {0, 2}, {0, 5}, {0, 5}, // of two words of one bit
		{2, 4}, {0, 32}, {0, 32}, {0, 4}, {0, 1}, {0, 2}, // and vectors of one value
		{0, 6}, {0, 16}, // one transform
		{0, 6}, {1, 16}, {0, 5}, {0, 3}, {0, 2}, {0, 8}, {0, 2}, {5, 4}, // one floor, of two points
		{0, 6}, {1, 16}, {0, 24}, {1<<24 - 1, 24}, {0, 24}, {0, 6}, {0, 8}, // one residue, of all values, of one class
		{7, 3}, {1, 1}, {31, 5}, {1, 8}, {1, 8}, {1, 8}, {1, 8}, {1, 8}, {1, 8}, {1, 8}, // in eight passes
		{1, 8},
		{0, 6}, {0, 16}, {0, 4}, {0, 24}, // one mapping
		{0, 6}, {0, 33}, {0, 8}, {1, 1}, // one mode
	}...)
	like, err := oggPackets(fixture(t, "mono-8k.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	identity := bytes.Clone(like.packets[0])
	copy(identity[11:], []byte{8, 0x80, 0xBB, 0, 0}) // channels, rate
	identity[28] = 0x66                              // blocks of 2^6 samples
	var packet bitWriter
	packet.put(0, 1)
	for range 8 {
		packet.puts([2]int{1, 1}, [2]int{10, 8}, [2]int{10, 8}) // the floor is not silent
	}
	all := [][]byte{identity, like.packets[1], append([]byte("\x05vorbis"), w.data...)}
	for range packets {
		all = append(all, packet.data)
	}
	var file []byte
	for i, p := range all {
		file = append(file, oggPageOf(p, uint32(i), i == len(all)-1)...)
	}
	return file
}

// TestDecodeRefusesCodewordsForManyPartitions: 700 KB of them took half a minute.
func TestDecodeRefusesCodewordsForManyPartitions(t *testing.T) {
	for dimensions, refused := range map[int]bool{1: false, maxClassWords: false, maxClassWords + 1: true, 1<<16 - 1: true} {
		setup, err := oggPackets(laborious(t, dimensions, 2))
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSetup(setup.packets[2], 8); errors.Is(err, ErrFormat) != refused {
			t.Errorf("a codeword for %d partitions: %v", dimensions, err)
		}
	}
	if _, err := Decode(laborious(t, 1<<16-1, 15000)); !errors.Is(err, ErrFormat) {
		t.Errorf("decoded: %v", err)
	}
}

// BenchmarkDecodeLaborious is the most work that short packets of 10 seconds make.
func BenchmarkDecodeLaborious(b *testing.B) {
	file := laborious(b, maxClassWords, 15000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(file); !errors.Is(err, ErrFormat) && err != nil {
			b.Fatal(err)
		}
	}
}
