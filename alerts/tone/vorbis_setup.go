package tone

import (
	"fmt"
	"math"
	"math/bits"
)

// What a setup header may ask for. Encoders stay below a quarter of it; the decoder's work and memory grow with it.
const (
	maxEntries      = 1 << 14 // of one codebook: its tree takes time by their square. ErrFormat.
	maxTotalEntries = 1 << 16 // of all codebooks. ErrFormat.
	maxTotalValues  = 1 << 20 // of all codebooks' vectors. ErrFormat.
	maxFloorPoints  = 65      // as in the reference decoder. ErrFormat.
	maxClassWords   = 64      // partitions of a residue that one codeword classifies: in each packet, they are all written out. ErrFormat.
)

// damaged is the error of a part of a Vorbis file that contradicts itself.
func damaged(part string) error {
	return fmt.Errorf("%w: its Vorbis %s are damaged, ask for too much or are of a kind that isn't read", ErrFormat, part)
}

// checkSetup reads the third header of Vorbis (specification, 4.2.4) as the decoder will, and refuses what the decoder would
// allocate without bounds for, or never come back from: codebooks that are huge, that hold no entry or vectors of no
// dimension, and references to what isn't there.
func checkSetup(header []byte, channels int) error {
	if len(header) < 7 || string(header[:7]) != "\x05vorbis" {
		return damaged("settings")
	}
	s := &setup{bits: bitReader{data: header[7:]}, channels: channels}
	for _, part := range []struct {
		name  string
		check func() bool
	}{
		{"codebooks", s.checkCodebooks},
		{"time domain transforms", s.checkTransforms},
		{"floors", s.checkFloors},
		{"residues", s.checkResidues},
		{"mappings", s.checkMappings},
		{"modes", s.checkModes},
	} {
		if !part.check() || s.bits.over {
			return damaged(part.name)
		}
	}
	return nil
}

// setup is what a setup header has told so far. The checks return false at what is not to be decoded; behind the end
// of the header they read zeros.
type setup struct {
	bits            bitReader
	channels        int
	books           []setupBook
	entries, values int
	floors          int
	residues        int
	mappings        int
}

// setupBook is what others need to know of a codebook.
type setupBook struct {
	dimensions int
	vectors    bool // it has vectors, and not only numbers
}

func (s *setup) checkCodebooks() bool {
	for range s.bits.read(8) + 1 {
		if s.bits.over || !s.checkCodebook() {
			return false
		}
	}
	return true
}

// checkCodebook reads one (specification, 3.2.1).
func (s *setup) checkCodebook() bool {
	if s.bits.read(24) != 0x564342 {
		return false
	}
	dimensions, entries := s.bits.read(16), s.bits.read(24)
	s.entries += entries
	s.values += entries * dimensions
	if dimensions < 1 || entries < 2 || entries > maxEntries || s.entries > maxTotalEntries || s.values > maxTotalValues {
		return false
	}
	if !s.checkLengths(entries) {
		return false
	}
	lookup := s.bits.read(4)
	s.books = append(s.books, setupBook{dimensions: dimensions, vectors: lookup != 0})
	if lookup == 0 {
		return true
	}
	if lookup > 2 {
		return false
	}
	s.bits.skip(32 + 32) // smallest value and step
	width := s.bits.read(4) + 1
	s.bits.skip(1)
	count := entries * dimensions
	if lookup == 1 {
		// As the decoder works it out: a whole root that comes out too small here is too small there.
		count = int(math.Floor(math.Pow(float64(entries), 1/float64(dimensions))))
	}
	s.bits.skip(count * width)
	return true
}

// checkLengths reads the lengths of a codebook's words: ordered ones as how many there are of each length.
func (s *setup) checkLengths(entries int) bool {
	if s.bits.read(1) == 0 {
		sparse := s.bits.read(1) == 1
		used := 0
		for range entries {
			if !sparse || s.bits.read(1) == 1 {
				s.bits.skip(5)
				used++
			}
		}
		return used > 0
	}
	length := s.bits.read(5) + 1
	for entry := 0; entry < entries; length++ {
		entry += s.bits.read(bits.Len(uint(entries - entry)))
		if length > 32 || entry > entries {
			return false
		}
	}
	return true
}

// checkTransforms reads what is a placeholder (4.2.4).
func (s *setup) checkTransforms() bool {
	for range s.bits.read(6) + 1 {
		if s.bits.read(16) != 0 {
			return false
		}
	}
	return true
}

// checkFloors reads those of type 1 (7.2.2). Type 0 is refused: no encoder has written it since Vorbis 1.0, and the
// decoder computes it wrongly.
func (s *setup) checkFloors() bool {
	s.floors = s.bits.read(6) + 1
	for range s.floors {
		if s.bits.read(16) != 1 || !s.checkFloor() {
			return false
		}
	}
	return true
}

func (s *setup) checkFloor() bool {
	partitions := make([]int, s.bits.read(5))
	highest := 0
	for i := range partitions {
		partitions[i] = s.bits.read(4)
		highest = max(highest, partitions[i])
	}
	dimensions := make([]int, highest+1)
	for i := range dimensions {
		dimensions[i] = s.bits.read(3) + 1
		subclasses := s.bits.read(2)
		if subclasses > 0 && s.bits.read(8) >= len(s.books) {
			return false
		}
		for range 1 << subclasses {
			if s.bits.read(8)-1 >= len(s.books) { // 0: no book
				return false
			}
		}
	}
	s.bits.skip(2)
	width, points := s.bits.read(4), 2
	for _, class := range partitions {
		points += dimensions[class]
		s.bits.skip(dimensions[class] * width)
	}
	return points <= maxFloorPoints
}

// checkResidues reads them (8.6.1).
func (s *setup) checkResidues() bool {
	s.residues = s.bits.read(6) + 1
	for range s.residues {
		if s.bits.read(16) > 2 {
			return false
		}
		if begin, end := s.bits.read(24), s.bits.read(24); begin > end { // the decoder would count down from 2^32
			return false
		}
		s.bits.skip(24) // partition size
		cascades := make([]int, s.bits.read(6)+1)
		if book := s.bits.read(8); book >= len(s.books) || s.books[book].dimensions > maxClassWords {
			return false
		}
		for i := range cascades {
			cascades[i] = s.bits.read(3)
			if s.bits.read(1) == 1 {
				cascades[i] |= s.bits.read(5) << 3
			}
		}
		for _, cascade := range cascades {
			for range bits.OnesCount(uint(cascade)) {
				book := s.bits.read(8)
				if book >= len(s.books) || !s.books[book].vectors {
					return false
				}
			}
		}
	}
	return true
}

// checkMappings reads them (4.2.4).
func (s *setup) checkMappings() bool {
	s.mappings = s.bits.read(6) + 1
	for range s.mappings {
		if s.bits.read(16) != 0 || !s.checkMapping() {
			return false
		}
	}
	return true
}

func (s *setup) checkMapping() bool {
	submaps := 1
	if s.bits.read(1) == 1 {
		submaps = s.bits.read(4) + 1
	}
	if s.bits.read(1) == 1 {
		steps, width := s.bits.read(8)+1, bits.Len(uint(s.channels-1))
		if steps > maxChannels {
			return false
		}
		for range steps {
			magnitude, angle := s.bits.read(width), s.bits.read(width)
			if magnitude == angle || magnitude >= s.channels || angle >= s.channels {
				return false
			}
		}
	}
	if s.bits.read(2) != 0 {
		return false
	}
	if submaps > 1 {
		for range s.channels {
			if s.bits.read(4) >= submaps {
				return false
			}
		}
	}
	for range submaps {
		s.bits.skip(8)
		if s.bits.read(8) >= s.floors || s.bits.read(8) >= s.residues {
			return false
		}
	}
	return true
}

// checkModes reads them, and the last bit of the header (4.2.4).
func (s *setup) checkModes() bool {
	for range s.bits.read(6) + 1 {
		s.bits.skip(1)
		if s.bits.read(32) != 0 || s.bits.read(8) >= s.mappings {
			return false
		}
	}
	return s.bits.read(1) == 1
}

// bitReader reads numbers of some bits, the lowest first, from bytes, their lowest bits first (specification, 2).
type bitReader struct {
	data []byte
	at   int  // bits from the beginning
	over bool // more was read than there is
}

// read is the next number of width bits, 32 at most; 0 behind the end.
func (r *bitReader) read(width int) int {
	if r.skip(width); r.over {
		return 0
	}
	number := 0
	for i := range width {
		at := r.at - width + i
		number |= int(r.data[at/8]>>(at%8)&1) << i
	}
	return number
}

func (r *bitReader) skip(width int) {
	r.at += width
	r.over = r.over || r.at > 8*len(r.data)
}
