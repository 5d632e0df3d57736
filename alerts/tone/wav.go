package tone

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/gopxl/beep/v2/wav"
)

// The codes of sample formats in a WAV file's chunk "fmt ".
const (
	formatPCM        = 1
	formatExtensible = 0xFFFE
)

// subformatPCM is the GUID by which a file of formatExtensible says that it holds PCM.
var subformatPCM = []byte{1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}

// wavFormat is what a WAV file says of its samples.
type wavFormat struct {
	channels, rate, bits int
}

// frame is how many bytes the samples of all channels at one moment take.
func (f wavFormat) frame() int {
	return f.channels * f.bits / 8
}

// decodeWAV finds format and samples, and gives the library those alone, behind a header that is right: it would
// allocate what a chunk says that it is long, and take the size of a frame from the file.
func decodeWAV(data []byte) (PCM, error) {
	format, samples, err := wavChunks(data)
	if err != nil {
		return nil, err
	}
	frames := len(samples) / format.frame()
	if err := checkLength(frames, format.rate); err != nil {
		return nil, err
	}
	samples = samples[:frames*format.frame()]
	file := append(wavHeader(format, len(samples)), samples...)
	stream, _, err := wav.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	defer func() { _ = stream.Close() }()
	return convert(stream, format.rate, frames)
}

// wavChunks walks over the chunks of a RIFF file: a name of four letters, a length of four bytes, as many bytes, and one
// more if that is odd.
func wavChunks(data []byte) (format wavFormat, samples []byte, err error) {
	found := false
	for rest := data[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:8]))
		rest = rest[8:]
		if size > int64(len(rest)) {
			return format, nil, fmt.Errorf("%w: it is cut off: its chunk %q should have %d bytes and has %d",
				ErrFormat, name, size, len(rest))
		}
		switch name {
		case "fmt ":
			if format, err = wavSamples(rest[:size]); err != nil {
				return format, nil, err
			}
			found = true
		case "data":
			if !found {
				return format, nil, fmt.Errorf("%w: its chunk \"data\" comes before \"fmt \"", ErrFormat)
			}
			return format, rest[:size], nil
		}
		rest = rest[min(size+size%2, int64(len(rest))):]
	}
	return format, nil, fmt.Errorf("%w: it is cut off: it has no chunk \"data\"", ErrFormat)
}

// wavSamples reads the chunk "fmt ".
func wavSamples(chunk []byte) (wavFormat, error) {
	if len(chunk) < 16 {
		return wavFormat{}, fmt.Errorf("%w: its chunk \"fmt \" is too short", ErrFormat)
	}
	le := binary.LittleEndian
	code, align := le.Uint16(chunk), int(le.Uint16(chunk[12:]))
	f := wavFormat{
		channels: int(le.Uint16(chunk[2:])),
		rate:     int(le.Uint32(chunk[4:])),
		bits:     int(le.Uint16(chunk[14:])),
	}
	pcm := code == formatPCM || code == formatExtensible && len(chunk) >= 40 && bytes.Equal(chunk[24:40], subformatPCM)
	if !pcm || f.bits != 8 && f.bits != 16 && f.bits != 24 {
		return f, fmt.Errorf("%w: its samples are of format %d with %d bits; PCM (1) with 8, 16 or 24 was expected", ErrFormat, code, f.bits)
	}
	if err := checkRate(f.channels, f.rate); err != nil {
		return f, err
	}
	if align != f.frame() {
		return f, fmt.Errorf("%w: its frames are of %d bytes; %d were expected for %d channels with %d bits",
			ErrFormat, align, f.frame(), f.channels, f.bits)
	}
	return f, nil
}

// wavHeader is all that goes before size bytes of samples.
func wavHeader(f wavFormat, size int) []byte {
	le := binary.LittleEndian
	header := append(make([]byte, 0, 44+size), "RIFF"...)
	header = le.AppendUint32(header, uint32(36+size)) //nolint:gosec // sounds are bounded far below 4 GiB
	header = append(header, "WAVEfmt "...)
	header = le.AppendUint32(header, 16)
	header = le.AppendUint16(header, formatPCM)
	header = le.AppendUint16(header, uint16(f.channels))       //nolint:gosec // 8 at most
	header = le.AppendUint32(header, uint32(f.rate))           //nolint:gosec // 192,000 at most
	header = le.AppendUint32(header, uint32(f.rate*f.frame())) //nolint:gosec // as above
	header = le.AppendUint16(header, uint16(f.frame()))        //nolint:gosec // 24 at most
	header = le.AppendUint16(header, uint16(f.bits))           //nolint:gosec // 24 at most
	header = append(header, "data"...)
	return le.AppendUint32(header, uint32(size)) //nolint:gosec // sounds are bounded far below 4 GiB
}
