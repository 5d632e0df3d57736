package tone

import (
	"encoding/binary"
	"fmt"

	"github.com/gopxl/beep/v2"
	"github.com/jfreymuth/vorbis"
)

// maxValuesPerSecond is how many samples of all channels together a second of Vorbis may have: as many as 8 channels at
// 48 kHz, or 2 at 192 kHz. ErrFormat.
const maxValuesPerSecond = 384000

// headerPackets are those before the sound: identification, comments, setup. The comments are not looked at.
const headerPackets = 3

// decodeVorbis decodes an Ogg Vorbis file. Packets go to the decoder beneath beep's package vorbis one by one: that package
// takes an error within a packet for the end, and has the decoder allocate as many comments as a file says it has.
func decodeVorbis(data []byte) (PCM, error) {
	ogg, err := oggPackets(data)
	if err != nil {
		return nil, err
	}
	if len(ogg.packets) < headerPackets {
		return nil, fmt.Errorf("%w: it holds no Vorbis stream", ErrFormat)
	}
	identity, setup := ogg.packets[0], ogg.packets[2]
	channels, rate, err := checkIdentity(identity)
	if err != nil {
		return nil, err
	}
	if err := checkSetup(setup, channels); err != nil {
		return nil, err
	}
	decoder := &vorbis.Decoder{}
	for _, header := range [][]byte{identity, setup} {
		if err := decoder.ReadHeader(header); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	frames, err := vorbisFrames(decoder, ogg)
	if err != nil {
		return nil, err
	}
	if err := checkLength(len(frames), rate); err != nil {
		return nil, err
	}
	count := len(frames)
	return convert(beep.StreamerFunc(func(block [][2]float64) (int, bool) {
		n := min(len(block), len(frames))
		for i, level := range frames[:n] {
			block[i] = [2]float64{float64(level), float64(level)}
		}
		frames = frames[n:]
		return n, n > 0
	}), rate, count)
}

// checkIdentity checks the first header of Vorbis (specification, 4.2.2).
func checkIdentity(header []byte) (channels, rate int, err error) {
	if len(header) < 30 || string(header[:7]) != "\x01vorbis" || binary.LittleEndian.Uint32(header[7:]) != 0 {
		return 0, 0, fmt.Errorf("%w: its Ogg stream is not Vorbis", ErrFormat)
	}
	channels, rate = int(header[11]), int(binary.LittleEndian.Uint32(header[12:]))
	if err := checkRate(channels, rate); err != nil {
		return 0, 0, err
	}
	if channels*rate > maxValuesPerSecond {
		return 0, 0, fmt.Errorf("%w: %d channels at %d Hz are more than is decoded; at most %d samples a second were expected",
			ErrFormat, channels, rate, maxValuesPerSecond)
	}
	short, long := header[28]&15, header[28]>>4
	if short < 6 || short > long || long > 13 || header[29]&1 == 0 {
		return 0, 0, damaged("block sizes")
	}
	return channels, rate, nil
}

// vorbisFrames are all samples that are to be heard, left and right mixed: the most that a file can hold takes 8 MB so. It
// stops where the sound is too long.
func vorbisFrames(decoder *vorbis.Decoder, ogg *oggStream) ([]float32, error) {
	channels, limit := decoder.Channels(), maxFrames(decoder.SampleRate())
	right := 0
	switch {
	case channels == 2 || channels == 4:
		right = 1
	case channels > 2: // left, centre, right (specification, 4.3.9)
		right = 2
	}
	buffer := make([]float32, decoder.BufferSize())
	limit += 2 * len(buffer) / channels // packets may hold more at both ends than is to be heard

	first, final := ogg.marks()
	var frames []float32
	atFirst := 0
	for i, packet := range ogg.packets {
		if i < headerPackets || len(packet) == 0 { // an empty one is allowed, and means nothing
			continue
		}
		decoded, err := decoder.DecodeInto(packet, buffer)
		if err != nil {
			return nil, fmt.Errorf("%w: it is damaged: %w", ErrFormat, err)
		}
		for j := 0; j+channels <= len(decoded); j += channels {
			frames = append(frames, (decoded[j]+decoded[j+right])/2)
		}
		if i+1 == first.packets {
			atFirst = len(frames)
		}
		if len(frames) > limit {
			return frames, nil
		}
	}
	return heard(frames, atFirst, first, final), nil
}

// marks are the first and the last of those that are about sound.
func (s *oggStream) marks() (first, final oggMark) {
	for _, mark := range s.pages {
		if mark.packets <= headerPackets {
			continue
		}
		if first.packets == 0 {
			first = mark
		}
		final = mark
	}
	return first, final
}

// heard leaves out what is decoded at both ends only since packets come in blocks (specification, A.2): where the first page
// with sound counts fewer samples than were decoded by its end, the first of them; after what the last page counts, the
// rest.
func heard(frames []float32, atFirst int, first, final oggMark) []float32 {
	offset := int64(0) // what the stream's count is ahead of ours
	if !first.last {
		offset = first.granule - int64(atFirst)
	}
	end := min(final.granule-offset, int64(len(frames)))
	begin := max(-offset, 0)
	if begin >= end {
		return nil
	}
	return frames[begin:end]
}
