package packed

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"unique"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// maxDictionary is how much of a dictionary counts: DEFLATE looks back by so many bytes (RFC 1951, section 2).
const maxDictionary = 32 << 10

// level is flate's: more takes longer, and saves little on texts of some kilobytes.
const level = 3

// pack writes a Check's text, without what is held beside it, and gives how many bytes it has before it is compressed.
func (c *Check) pack(whole *v1alpha1.Check) (size int, err error) {
	for i := range whole.Status.Passages {
		c.passages = append(c.passages, unique.Make(whole.Status.Passages[i]))
	}
	c.rulesDigest = unique.Make(whole.Status.RulesDigest)

	rest := *whole
	rest.Namespace, rest.Name, rest.UID, rest.ResourceVersion = "", "", "", ""
	rest.Status.Passages, rest.Status.RulesDigest = nil, ""
	c.text, size, err = deflate(&rest, c.dictionary())
	return size, err
}

// unpack reads it.
func (c *Check) unpack() (whole *v1alpha1.Check, size int, err error) {
	whole = &v1alpha1.Check{}
	if size, err = inflate(c.text, c.dictionary(), whole); err != nil {
		return nil, 0, fmt.Errorf("unpack: %w", err)
	}
	whole.Namespace, whole.Name, whole.UID, whole.ResourceVersion = c.Namespace, c.Name, c.UID, c.ResourceVersion
	for _, passage := range c.passages {
		whole.Status.Passages = append(whole.Status.Passages, passage.Value())
	}
	whole.Status.RulesDigest = c.rulesDigest.Value()
	return whole, size, nil
}

// dictionary is what the text is compressed with: what it quotes, and at the end, where references are the shortest, what every text has.
func (c *Check) dictionary() []byte {
	if len(c.passages) == 0 {
		return common
	}
	size := len(common)
	for _, passage := range c.passages {
		size += len(passage.Value().Text)
	}
	all := make([]byte, 0, size)
	for _, passage := range c.passages {
		all = append(all, passage.Value().Text...)
	}
	all = append(all, common...)
	return all[max(0, len(all)-maxDictionary):]
}

// deflater is what compressing needs: several hundred kilobytes, so it is used again.
type deflater struct {
	*flate.Writer
	out  bytes.Buffer
	text bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.Writer, _ = flate.NewWriter(&d.out, level) // It fails for a level that is none.
	return d
}}

// deflate gives the compressed text of a Check, and how many bytes the text has.
func deflate(rest *v1alpha1.Check, dictionary []byte) (text []byte, size int, err error) {
	d := deflaters.Get().(*deflater) //nolint:forcetypeassert // nothing else is put there
	defer deflaters.Put(d)
	d.text.Reset()
	encoder := json.NewEncoder(&d.text)
	encoder.SetEscapeHTML(false) // a payload's text stays as it is
	if err := encoder.Encode(rest); err != nil {
		return nil, 0, err
	}
	d.out.Reset()
	d.Reset(&d.out)
	// What was written before a flush can be referred to after it. It is known to the reader, and left out.
	if _, err := d.Write(dictionary); err != nil {
		return nil, 0, err
	}
	if err := d.Flush(); err != nil {
		return nil, 0, err
	}
	d.out.Reset()
	if _, err := d.Write(d.text.Bytes()); err != nil {
		return nil, 0, err
	}
	if err := d.Close(); err != nil {
		return nil, 0, err
	}
	return slices.Clip(bytes.Clone(d.out.Bytes())), d.text.Len(), nil
}

// inflater is what reading needs.
type inflater struct {
	in   bytes.Reader
	out  bytes.Buffer
	read io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.read = flate.NewReader(&i.in)
	return i
}}

// inflate reads a Check from its compressed text, and gives how many bytes the text has.
func inflate(text, dictionary []byte, whole *v1alpha1.Check) (size int, err error) {
	i := inflaters.Get().(*inflater) //nolint:forcetypeassert // nothing else is put there
	defer inflaters.Put(i)
	i.in.Reset(text)
	if err := i.read.(flate.Resetter).Reset(&i.in, dictionary); err != nil { //nolint:forcetypeassert // flate says that it is one
		return 0, err
	}
	i.out.Reset()
	if _, err := i.out.ReadFrom(i.read); err != nil { // what it holds was a Check, so it is bounded as one is
		return 0, err
	}
	return i.out.Len(), json.Unmarshal(i.out.Bytes(), whole)
}
