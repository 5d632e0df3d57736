package rag

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strconv"

	segmentapi "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// compiledForm begins a compiled index; another form, and one of another version of zap, begins in another way.
var compiledForm = "checky knowledge index 2, zap " + strconv.Itoa(int(zap.Version)) + "\n"

// Compile gives the index of a knowledge file as Options.Compiled takes it, so that a program that ships its file need not build
// it at each start. The same content gives the same bytes. Its errors are New's.
//
// The form is compiledForm, the content's digest, a line feed, the digest of all that follows, a line feed, then numbers as
// unsigned varints (encoding/binary): the sum of the lengths of each field, how many segments there are, and for each of these the
// size of its file and the file, as zap has it.
func Compile(name string, content []byte) ([]byte, error) {
	ix, err := newIndex(filepath.Base(name), content, nil)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, length := range ix.lengths {
		b = binary.AppendUvarint(b, uint64(length)) //nolint:gosec // it is no less than 0
	}
	b = binary.AppendUvarint(b, uint64(len(ix.segments)))
	for _, s := range ix.segments {
		b = binary.AppendUvarint(b, uint64(len(s.file)))
		b = append(b, s.file...)
	}
	return slices.Concat([]byte(compiledForm+ix.version+"\n"+digest(b)+"\n"), b), nil
}

// load takes the segments from a compiled index, if that is one of the index's content, and whole. It refers to the bytes.
func (ix *index) load(compiled []byte) bool {
	rest, ok := bytes.CutPrefix(compiled, []byte(compiledForm+ix.version+"\n"))
	if !ok {
		return false
	}
	sum, rest, _ := bytes.Cut(rest, []byte("\n"))
	if string(sum) != digest(rest) { // what zap opens it trusts
		return false
	}
	number := func() int {
		n, size := binary.Uvarint(rest)
		rest = rest[size:]
		return int(n) //nolint:gosec // Compile wrote an int
	}
	var lengths [fieldCount]int
	for field := range lengths {
		lengths[field] = number()
	}
	segments := make([]segment, number())
	first := 0
	for i := range segments {
		size := number()
		var err error
		if segments[i], err = openSegment(first, rest[:size]); err != nil {
			return false
		}
		first += int(segments[i].store.Count()) //nolint:gosec // at most MaxLines
		rest = rest[size:]
	}
	ix.segments, ix.lengths = segments, lengths
	return true
}

// The footer of a zap file, by how far from its end its numbers begin, all big endian (zapx/v17/zap.md). It begins with
// an identifier, here empty.
const (
	footerDocuments = 36 // 8 bytes: how many
	footerStored    = 28 // 8 bytes: where the index of stored fields begins
	footerSections  = 20 // 8 bytes: where the index of the fields' sections begins
	footerChunks    = 12 // 4 bytes: how postings are cut into chunks
	footerChecksum  = 4  // 4 bytes: CRC-32 of all before it
)

// openSegment gives the segment of a zap file that is in memory. The plugin's Open wants the name of a file, and programs that may
// write none should not have to.
func openSegment(first int, file []byte) (segment, error) {
	long := func(at int) uint64 { return binary.BigEndian.Uint64(file[len(file)-at:]) }
	short := func(at int) uint32 { return binary.BigEndian.Uint32(file[len(file)-at:]) }
	store, err := zap.InitSegmentBase(file[:len(file)-zap.FooterSize], short(footerChecksum), short(footerChunks), long(footerDocuments),
		long(footerStored), long(footerSections), nil, new(segmentapi.Stats))
	return segment{first: first, file: file, store: store}, err
}

// sortSections puts the sections that the index of a zap file lists for each field in order: zap lists them in that of a map,
// which is another one each time.
func sortSections(file []byte) {
	const section = 2 + 8 // its kind, and where it begins
	at := binary.BigEndian.Uint64(file[len(file)-footerSections:])
	number := func(at *uint64) uint64 {
		n, size := binary.Uvarint(file[*at:])
		*at += uint64(size) //nolint:gosec // no less than 0
		return n
	}
	for range number(&at) {
		field := binary.BigEndian.Uint64(file[at:])
		at += 8
		name := number(&field)
		field += name
		number(&field) // the options
		count := number(&field)
		list := file[field : field+count*section]
		sorted := slices.SortedFunc(slices.Chunk(bytes.Clone(list), section), bytes.Compare)
		copy(list, bytes.Join(sorted, nil))
	}
	body := len(file) - footerChecksum
	binary.BigEndian.PutUint32(file[body:], crc32.ChecksumIEEE(file[:body]))
}
