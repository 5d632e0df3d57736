package tone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecode(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]time.Duration{
		"u8-mono-8k.wav":     200 * ms,
		"s16-mono-48k.wav":   200 * ms,
		"s16-stereo-22k.wav": 200 * ms,
		"s24-mono-44k.wav":   100 * ms,
		"s16-six-16k.wav":    50 * ms,
		"mono-8k.ogg":        200 * ms,
		"mono-48k.ogg":       200 * ms,
		"stereo-44k.ogg":     200 * ms,
		"four-48k.ogg":       100 * ms,
		"mono-192k.ogg":      200 * ms,
	}
	for name, length := range cases {
		t.Run(name, func(t *testing.T) {
			pcm, err := Decode(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if off := pcm.Length() - length; off < -ms || off > ms {
				t.Errorf("it lasts %v; %v was expected", pcm.Length(), length)
			}
			// 440 Hz at -1 dB, measured in the middle, where a lossy file's ends don't matter.
			middle := pcm[len(pcm)/4 : 3*len(pcm)/4]
			if f := crossings(middle); math.Abs(f-440) > 5 {
				t.Errorf("its frequency is %.1f Hz; 440 was expected", f)
			}
			if level := 20 * math.Log10(float64(peakOf(middle))/fullScale); math.Abs(level+1) > 0.5 {
				t.Errorf("its level is %.1f dB; -1 was expected", level)
			}
		})
	}
}

// crossings is the frequency of a sine, from the places where it rises through zero.
func crossings(p PCM) float64 {
	var places []float64
	for i := 1; i < len(p); i++ {
		if p[i-1] < 0 && p[i] >= 0 {
			places = append(places, float64(i)-float64(p[i])/float64(int(p[i])-int(p[i-1])))
		}
	}
	if len(places) < 2 {
		return 0
	}
	return float64(len(places)-1) * SampleRate / (places[len(places)-1] - places[0])
}

// patched is data with bytes put at an offset; an Ogg file gets the checksums that it needs then.
func patched(data []byte, at int, b ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[at:], b)
	return resealed(data)
}

// resealed sets the checksums of an Ogg file's pages, as far as it has pages.
func resealed(data []byte) []byte {
	for rest := data; len(rest) >= pageHeader && string(rest[:4]) == capturePattern; {
		end := pageHeader + int(rest[26])
		if end > len(rest) {
			break
		}
		for _, segment := range rest[pageHeader:end] {
			end += int(segment)
		}
		if end > len(rest) {
			break
		}
		binary.LittleEndian.PutUint32(rest[22:], oggChecksum(rest[:end]))
		rest = rest[end:]
	}
	return data
}

func wavOf(f wavFormat, samples int) []byte {
	return append(wavHeader(f, samples), make([]byte, samples)...)
}

func TestDecodeRefuses(t *testing.T) {
	good := fixture(t, "s16-mono-48k.wav")
	ogg := fixture(t, "mono-8k.ogg")
	cd := wavFormat{channels: 1, rate: 44100, bits: 16}
	endless := bytes.Clone(ogg)
	for len(endless) < 1<<20 { // pages that never say that they are the last
		endless = append(endless, ogg[bytes.LastIndex(ogg, []byte(capturePattern)):]...)
	}
	identity := pageHeader + 1 // the first page has one segment
	cases := map[string]struct {
		reason string
		data   []byte
		want   error
	}{
		"nothing":              {"an empty file is of no kind", nil, ErrFormat},
		"text":                 {"a file of another kind", []byte("#!/bin/sh\nexit 0\n"), ErrFormat},
		"mp3":                  {"a kind that isn't read", []byte("ID3\x04\x00\x00\x00\x00\x00\x00"), ErrFormat},
		"large":                {"the size is looked at first", make([]byte, MaxFileBytes+1), ErrTooLarge},
		"float":                {"no integers", fixture(t, "float-mono-16k.wav"), ErrFormat},
		"32 bit":               {"more bits than the library takes", wavOf(wavFormat{1, 48000, 32}, 400), ErrFormat},
		"no channels":          {"a frame of no bytes", wavOf(wavFormat{0, 48000, 16}, 400), ErrFormat},
		"many channels":        {"more than are mixed down", wavOf(wavFormat{9, 48000, 16}, 1800), ErrFormat},
		"rate 0":               {"it would last for ever", wavOf(wavFormat{1, 0, 16}, 400), ErrFormat},
		"rate 7999":            {"below the lowest rate", wavOf(wavFormat{1, 7999, 16}, 400), ErrFormat},
		"rate 192001":          {"above the highest rate", wavOf(wavFormat{1, 192001, 16}, 400), ErrFormat},
		"no samples":           {"there is nothing to hear", wavOf(cd, 0), ErrFormat},
		"half a sample":        {"there is nothing to hear", wavOf(cd, 1), ErrFormat},
		"10 s and a sample":    {"too long by one sample", wavOf(cd, 2*(441000+1)), ErrTooLong},
		"frame of 0 bytes":     {"the header contradicts itself", patched(good, 32, 0, 0), ErrFormat},
		"cut off":              {"the data is shorter than its length says", good[:len(good)-1], ErrFormat},
		"data of 4 GiB":        {"a length that nothing stands behind", patched(good, 40, 255, 255, 255, 255), ErrFormat},
		"fmt of 2 GiB":         {"a length that the library would allocate", patched(good, 16, 255, 255, 255, 127), ErrFormat},
		"chunk of 2 GiB":       {"a length that the library would allocate", patched(good, 12, 'L', 'I', 'S', 'T', 255, 255, 255, 127), ErrFormat},
		"fmt too short":        {"a chunk that doesn't hold what it has to", patched(good, 16, 4), ErrFormat},
		"data before fmt":      {"samples of which nothing is known", patched(good, 12, 'd', 'a', 't', 'a'), ErrFormat},
		"header alone":         {"no chunk at all", good[:12], ErrFormat},
		"six channels Vorbis":  {"the decoder does not know a subwoofer", fixture(t, "six-48k.ogg"), ErrFormat},
		"no end":               {"the last page is missing", ogg[:bytes.LastIndex(ogg, []byte(capturePattern))], ErrFormat},
		"within a page":        {"the last page is cut off", ogg[:len(ogg)-10], ErrFormat},
		"page header alone":    {"a page is cut off in its header", ogg[:20], ErrFormat},
		"wrong checksum":       {"damage in the sound", append(bytes.Clone(ogg[:len(ogg)-3]), 1, 2, 3), ErrFormat},
		"two streams":          {"one after the other", append(bytes.Clone(ogg), ogg...), ErrFormat},
		"endless":              {"pages after the last one", endless, ErrFormat},
		"not Vorbis":           {"another codec", patched(ogg, identity+1, 'o', 'p', 'u', 's'), ErrFormat},
		"Vorbis, no channels":  {"frames of nothing", patched(ogg, identity+11, 0), ErrFormat},
		"Vorbis, 255 channels": {"work by channels that nobody hears", patched(ogg, identity+11, 255), ErrFormat},
		"Vorbis, rate 0":       {"it would last for ever", patched(ogg, identity+12, 0, 0, 0, 0), ErrFormat},
		"Vorbis, rate 4 GHz":   {"it would take for ever", patched(ogg, identity+12, 255, 255, 255, 255), ErrFormat},
		"Vorbis, blocks of 1":  {"packets without sound: the library would call itself for each", patched(ogg, identity+28, 0), ErrFormat},
		"Vorbis, large blocks": {"beyond what the specification has", patched(ogg, identity+28, 0xFF), ErrFormat},
		"Vorbis, no packets":   {"the stream ends after the headers", vorbisFile(t, ogg, nil, nil), ErrFormat},
		"Vorbis, 20001 pieces": {"packets without end", vorbisFile(t, ogg, nil, make([][]byte, maxPackets)), ErrTooLong},
		"Vorbis, 11 s":         {"every packet makes sound", vorbisFile(t, ogg, nil, manyPackets(t, ogg, 11*time.Second)), ErrTooLong},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			pcm, err := Decode(c.data)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %d samples, %v; %v was expected", c.reason, len(pcm), err, c.want)
			}
		})
	}
}

func TestDecodeTakesTenSeconds(t *testing.T) {
	pcm, err := Decode(wavOf(wavFormat{channels: 1, rate: 44100, bits: 16}, 2*441000))
	if err != nil || pcm.Length() != MaxLength {
		t.Errorf("%v, %v; %v was expected", pcm.Length(), err, MaxLength)
	}
}

// vorbisFile is an Ogg Vorbis file with the headers of another, or another setup header, and with packets for sound.
func vorbisFile(t testing.TB, like, setup []byte, packets [][]byte) []byte {
	t.Helper()
	s, err := oggPackets(like)
	if err != nil {
		t.Fatal(err)
	}
	if setup == nil {
		setup = s.packets[2]
	}
	var file []byte
	all := append([][]byte{s.packets[0], s.packets[1], setup}, packets...)
	for i, packet := range all {
		file = append(file, oggPageOf(packet, uint32(i), i == len(all)-1)...)
	}
	return file
}

// oggPageOf is a page with one packet, which must be shorter than 65 KB.
func oggPageOf(packet []byte, sequence uint32, last bool) []byte {
	page := append([]byte(capturePattern), make([]byte, pageHeader-4)...)
	if sequence == 0 {
		page[5] |= pageFirst
	}
	if last {
		page[5] |= pageLast
	}
	binary.LittleEndian.PutUint64(page[6:], 1<<40)
	binary.LittleEndian.PutUint32(page[18:], sequence)
	page[26] = byte(len(packet)/255 + 1)
	page = append(page, bytes.Repeat([]byte{255}, len(packet)/255)...)
	page = append(page, byte(len(packet)%255))
	return resealed(append(page, packet...))
}

// manyPackets repeats the sound of a file.
func manyPackets(t testing.TB, like []byte, length time.Duration) [][]byte {
	t.Helper()
	s, err := oggPackets(like)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := Decode(like)
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for sum := time.Duration(0); sum < length; sum += pcm.Length() {
		packets = append(packets, s.packets[headerPackets:]...)
	}
	return packets
}

func TestDecodeAllocatesNoMoreThanItMust(t *testing.T) {
	ogg := fixture(t, "mono-8k.ogg")
	hostile := map[string][]byte{
		"comments without end": func() []byte { // 4 billion, by their number; they are never looked at
			s, _ := oggPackets(ogg)
			comments := []byte("\x03vorbis\x00\x00\x00\x00\xff\xff\xff\xff")
			file := oggPageOf(s.packets[0], 0, false)
			file = append(file, oggPageOf(comments, 1, false)...)
			file = append(file, oggPageOf(s.packets[2], 2, false)...)
			return append(file, oggPageOf(s.packets[4], 3, true)...)
		}(),
		// The first codebook begins with byte 8: 3 bytes of pattern, 2 of dimensions, 3 of entries.
		"a codebook of 16 million entries": vorbisFile(t, ogg, withBytes(t, ogg, 13, 0xFF, 0xFF, 0xFF), nil),
		"a codebook without entries":       vorbisFile(t, ogg, withBytes(t, ogg, 13, 0, 0, 0), nil),
		"a codebook without dimensions":    vorbisFile(t, ogg, withBytes(t, ogg, 11, 0, 0), nil),
		"a codebook of 65535 dimensions":   vorbisFile(t, ogg, withBytes(t, ogg, 11, 0xFF, 0xFF), nil),
		// The decoder would count the samples between as 2^32 less some: so many words it would read, from any packet.
		"a residue that ends before it begins": vorbisFile(t, ogg, withLateResidue(t, ogg), manyPackets(t, ogg, time.Second)),
	}
	for name, data := range hostile {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(data)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
				t.Errorf("%d bytes were allocated", got)
			}
		})
	}
}

// withBytes is a file's setup header with bytes put at an offset.
func withBytes(t testing.TB, like []byte, at int, b ...byte) []byte {
	t.Helper()
	s, err := oggPackets(like)
	if err != nil {
		t.Fatal(err)
	}
	setup := bytes.Clone(s.packets[2])
	copy(setup[at:], b)
	return setup
}

// withLateResidue is a file's setup header whose first residue begins as late as can be, and ends at 0.
func withLateResidue(t testing.TB, like []byte) []byte {
	t.Helper()
	header := withBytes(t, like, 0)
	s := &setup{bits: bitReader{data: header[7:]}, channels: 1}
	if !s.checkCodebooks() || !s.checkTransforms() || !s.checkFloors() {
		t.Fatal("the file's own setup header is refused")
	}
	s.bits.skip(6 + 16) // the number of residues, and the first one's type
	for at := s.bits.at; at < s.bits.at+24; at++ {
		header[7+at/8] |= 1 << (at % 8)
		header[7+(at+24)/8] &^= 1 << ((at + 24) % 8)
	}
	return header
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) < 10 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		f.Add(fixture(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Once as it is, and once with right checksums, so that what stands behind them is reached.
		for _, file := range [][]byte{data, resealed(bytes.Clone(data))} {
			pcm, err := Decode(file)
			switch {
			case err == nil && (len(pcm) == 0 || pcm.Length() > MaxLength):
				t.Errorf("a sound of %v", pcm.Length())
			case err != nil && len(pcm) > 0:
				t.Errorf("%d samples and %v", len(pcm), err)
			case err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrTooLarge):
				t.Errorf("no error of this package: %v", err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"s16-mono-48k.wav", "stereo-44k.ogg"} {
		data := fixture(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
