package rag

import (
	"encoding/binary"
	"path/filepath"
	"strings"
)

// compiledForm begins a compiled index; another form begins in another way.
const compiledForm = "checky knowledge index 1\n"

// Compile gives the index of a knowledge file as Options.Compiled takes it, so that a program that ships its file need not build
// it at each start. The same content gives the same bytes. Its errors are New's.
//
// The form is compiledForm, the content's digest and a line feed, then numbers as unsigned varints (encoding/binary): for each
// field, how many terms it has, and for each of these in order its length, itself, how many postings it has, and for
// each of these how far its entry is from the one before, and the frequency.
func Compile(name string, content []byte) ([]byte, error) {
	ix, err := newIndex(filepath.Base(name), content, nil)
	if err != nil {
		return nil, err
	}
	b := []byte(compiledForm + ix.version + "\n")
	for _, d := range ix.fields {
		b = binary.AppendUvarint(b, uint64(len(d.terms)))
		for _, term := range d.terms {
			b = binary.AppendUvarint(b, uint64(len(term)))
			b = append(b, term...)
			b = binary.AppendUvarint(b, uint64(len(d.postings[term])))
			before := uint32(0)
			for _, p := range d.postings[term] {
				b = binary.AppendUvarint(b, uint64(p.entry-before))
				b = binary.AppendUvarint(b, uint64(p.frequency))
				before = p.entry
			}
		}
	}
	return b, nil
}

// load takes the dictionaries from a compiled index, if that is one of the index's content.
func (ix *index) load(compiled []byte) bool {
	r := reader{rest: string(compiled), ok: true}
	var found bool
	if r.rest, found = strings.CutPrefix(r.rest, compiledForm+ix.version+"\n"); !found {
		return false
	}
	var fields [fieldCount]dictionary
	for field := range fields {
		fields[field] = r.dictionary(len(ix.entries))
	}
	if !r.ok || r.rest != "" {
		return false
	}
	ix.fields = fields
	return true
}

// reader reads a compiled index. Once something was not as it has to be, it is not ok, and reads nothing more.
type reader struct {
	rest string
	ok   bool
}

// number reads one that is at most as large as most.
func (r *reader) number(most int) int {
	if r.rest != "" && r.rest[0] < 0x80 && int(r.rest[0]) <= most && r.ok { // nearly all are
		n := int(r.rest[0])
		r.rest = r.rest[1:]
		return n
	}
	n, shift := uint64(0), 0
	for i := range len(r.rest) {
		b := r.rest[i]
		if shift > 28 || !r.ok {
			break
		}
		n |= uint64(b&0x7f) << shift
		if shift += 7; b < 0x80 {
			r.rest = r.rest[i+1:]
			if n > uint64(most) { //nolint:gosec // it is no less than 0
				break
			}
			return int(n) //nolint:gosec // at most most
		}
	}
	r.ok = false
	return 0
}

func (r *reader) text(length int) string {
	text := r.rest[:length]
	r.rest = r.rest[length:]
	return text
}

// dictionary reads that of a field of so many entries.
func (r *reader) dictionary(entries int) (d dictionary) {
	count := r.number(len(r.rest))
	d.terms = make([]string, 0, count)
	d.postings = make(map[string][]posting, count)
	for range count {
		term := r.text(r.number(len(r.rest)))
		list := make([]posting, r.number(entries))
		entry := 0
		for i := range list {
			entry += r.number(entries - 1 - entry)
			list[i] = posting{entry: uint32(entry), frequency: uint32(r.number(MaxLineBytes))} //nolint:gosec // below entries, and MaxLineBytes
		}
		if !r.ok {
			return dictionary{}
		}
		d.terms = append(d.terms, term)
		d.postings[term] = list
	}
	return d
}
