package tone

import (
	"encoding/binary"
	"fmt"
)

const (
	capturePattern = "OggS" // what a page begins with
	pageHeader     = 27     // bytes, before the table of segments

	// maxPackets is how many packets a stream may have: 10 s in pieces of half a millisecond. ErrTooLong.
	maxPackets = 20000

	// maxGranule is more samples than any file has; larger counts are taken for it, so that sums stay in range.
	maxGranule = 1 << 40
)

// The flags of a page (RFC 3533, section 6).
const (
	pageContinues = 1 << iota
	pageFirst
	pageLast
)

// oggStream is what an Ogg file holds.
type oggStream struct {
	packets [][]byte
	pages   []oggMark // those in which a packet ends
}

// oggMark is the place in time that a page gives to the end of the last packet that ends in it.
type oggMark struct {
	packets int   // that have ended by then
	granule int64 // samples of each channel
	last    bool
}

// oggPackets takes an Ogg file of one logical stream apart (RFC 3533). It must be whole: its checksums are right, and its
// last page says that it is.
func oggPackets(data []byte) (*oggStream, error) {
	s := &oggStream{}
	var part []byte // of a packet that goes on in the next page
	var serial, sequence uint32
	for first := true; ; first = false {
		page, rest, err := oggPage(data)
		if err != nil {
			return nil, err
		}
		if first {
			serial, sequence = page.serial, page.sequence
		}
		begins, continues := page.flags&pageFirst != 0, page.flags&pageContinues != 0
		if page.serial != serial || begins != first {
			return nil, fmt.Errorf("%w: it has more than one Ogg stream", ErrFormat)
		}
		if page.sequence != sequence || continues != (part != nil) {
			return nil, fmt.Errorf("%w: pages are missing in it", ErrFormat)
		}
		sequence++
		if part, err = s.add(page, part); err != nil {
			return nil, err
		}
		if page.flags&pageLast != 0 {
			if len(rest) > 0 {
				return nil, fmt.Errorf("%w: it has more than one Ogg stream", ErrFormat)
			}
			return s, nil
		}
		data = rest
	}
}

// add takes the packets out of a page. The first of them goes on from part; what doesn't end in this page is returned.
func (s *oggStream) add(p oggPageParts, part []byte) ([]byte, error) {
	before, size := len(s.packets), 0
	body := p.body
	for _, segment := range p.segments {
		size += int(segment)
		if segment == 255 {
			continue
		}
		if len(s.packets) == maxPackets {
			return nil, fmt.Errorf("%w: it has more than %d packets", ErrTooLong, maxPackets)
		}
		packet := body[:size]
		if part != nil {
			packet, part = append(part, packet...), nil
		}
		s.packets = append(s.packets, packet)
		body, size = body[size:], 0
	}
	if len(s.packets) > before && p.granule >= 0 {
		granule := min(p.granule, maxGranule)
		s.pages = append(s.pages, oggMark{packets: len(s.packets), granule: granule, last: p.flags&pageLast != 0})
	}
	if n := len(p.segments); n > 0 && p.segments[n-1] == 255 {
		if part == nil {
			part = []byte{}
		}
		part = append(part, body...)
	}
	return part, nil
}

// oggPageParts is one page.
type oggPageParts struct {
	flags            byte
	granule          int64
	serial, sequence uint32
	segments, body   []byte
}

// oggPage reads the page at the beginning of data, and returns what follows it.
func oggPage(data []byte) (page oggPageParts, rest []byte, err error) {
	if len(data) < pageHeader || len(data) < pageHeader+int(data[26]) {
		return page, nil, fmt.Errorf("%w: it is cut off: its last page is missing", ErrFormat)
	}
	if string(data[:4]) != capturePattern || data[4] != 0 {
		return page, nil, fmt.Errorf("%w: it is damaged: no Ogg page where one should begin", ErrFormat)
	}
	le := binary.LittleEndian
	page = oggPageParts{
		flags:    data[5],
		granule:  int64(le.Uint64(data[6:])), //nolint:gosec // signed: -1 says that no packet ends in this page
		serial:   le.Uint32(data[14:]),
		sequence: le.Uint32(data[18:]),
		segments: data[pageHeader : pageHeader+int(data[26])],
	}
	end := pageHeader + len(page.segments)
	for _, segment := range page.segments {
		end += int(segment)
	}
	if len(data) < end {
		return page, nil, fmt.Errorf("%w: it is cut off within a page", ErrFormat)
	}
	page.body = data[pageHeader+len(page.segments) : end]
	if oggChecksum(data[:end]) != le.Uint32(data[22:]) {
		return page, nil, fmt.Errorf("%w: it is damaged: a checksum is wrong", ErrFormat)
	}
	return page, data[end:], nil
}

// oggTable are the remainders for oggChecksum. The polynomial is that of hash/crc32's IEEE table, but the bits are taken in
// the other order, which that package doesn't offer.
var oggTable = func() (table [256]uint32) {
	for i := range table {
		r := uint32(i) << 24
		for range 8 {
			top := r >> 31
			r = r<<1 ^ top*0x04C11DB7
		}
		table[i] = r
	}
	return table
}()

// oggChecksum is that of a page, whose own field for it counts as zero.
func oggChecksum(page []byte) uint32 {
	sum := uint32(0)
	for i, b := range page {
		if i >= 22 && i < 26 {
			b = 0
		}
		sum = sum<<8 ^ oggTable[byte(sum>>24)^b]
	}
	return sum
}
