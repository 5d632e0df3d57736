package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// The layout of a bbolt file of version 2, all numbers in the byte order of the machine:
//
//	page      id 8, flags 2, count 2, overflow 4 (how many pages it goes on for), then by flags:
//	meta      magic 4, version 4, page size 4, flags 4, root page 8, sequence 8, freelist page 8, page count 8, transaction 8,
//	          checksum 8 (FNV-1a of what is before it)
//	branch    count elements: pos 4 (of the key, from the element), key size 4, page 8; then the keys
//	leaf      count elements: flags 4 (1: the value is a bucket), pos 4, key size 4, value size 4; then keys and values
//	freelist  count page ids of 8 bytes; where count is 0xFFFF, the first one is the count
//	bucket    root page 8 (0: a leaf page follows, inside the value), sequence 8
//
// Pages 0 and 1 are metas; the one that is valid and of the later transaction counts.
const (
	magic   = 0xED0CDAED
	version = 2

	headerSize  = 16
	metaSize    = 64
	elementSize = 16
	bucketSize  = 16

	branchPage, leafPage, freelistPage = 0x01, 0x02, 0x10

	bucketElement = 0x01
	countInList   = 0xFFFF

	minPageSize, maxPageSize = 4 << 10, 64 << 10
	// maxDepth bounds a tree's height. One of 50,000 entries is 3 high.
	maxDepth = 32
)

// order is the byte order of the machine.
var order = binary.NativeEndian

// meta is what is of use of a meta page.
type meta struct {
	pageSize, root, freelist, pages, transaction uint64
}

// survey looks at the pages of a file.
type survey struct {
	file     io.ReaderAt
	pageSize uint64
	seen     []bool // by page: it is part of a tree, or free
}

// damageOf tells what is wrong with a bbolt file, by plain reads. nil: every page that is in use or free is where it belongs, belongs
// there once, and has all its elements within it and in their order; so nothing that bbolt does leads out of the file, round in
// circles, or into an assertion.
func damageOf(file io.ReaderAt, size int64) error {
	if size > maxFileBytes {
		return fmt.Errorf("it has %d bytes, more than the %d that a journal gets", size, maxFileBytes)
	}
	m, err := findMeta(file)
	if err != nil {
		return err
	}
	if m.pages < 4 || m.pages > uint64(size)/m.pageSize { //nolint:gosec // a size is not negative
		return fmt.Errorf("it should have %d pages, and has %d: it was cut off", m.pages, uint64(size)/m.pageSize) //nolint:gosec // as above
	}
	s := &survey{file: file, pageSize: m.pageSize, seen: make([]bool, m.pages)}
	s.seen[0], s.seen[1] = true, true
	if err := s.tree(m.root, nil, nil, 0, s.bucket); err != nil {
		return err
	}
	return s.free(m.freelist)
}

// findMeta is the meta page that bbolt would go by.
func findMeta(file io.ReaderAt) (meta, error) {
	m, ok := readMeta(file, 0)
	if ok {
		if second, ok := readMeta(file, m.pageSize); ok && second.transaction > m.transaction {
			if second.pageSize != m.pageSize {
				return meta{}, errors.New("its two heads disagree about the page size")
			}
			m = second
		}
	}
	// Where the first one is lost, the page size is lost with it: bbolt looks for the second one at all that it may be.
	for at := uint64(1 << 10); !ok && at <= 16<<20; at <<= 1 {
		if m, ok = readMeta(file, at); ok && m.pageSize != at {
			return meta{}, errors.New("its second head is not where it belongs")
		}
	}
	if !ok {
		return meta{}, errors.New("it has no valid head: it is no journal, or its beginning is lost")
	}
	if m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0 {
		return meta{}, fmt.Errorf("its pages are of %d bytes, which no system has", m.pageSize)
	}
	return m, nil
}

// readMeta reads a meta page, and tells whether bbolt would take it for valid.
func readMeta(file io.ReaderAt, at uint64) (meta, bool) {
	page := make([]byte, headerSize+metaSize)
	if _, err := file.ReadAt(page, int64(at)); err != nil { //nolint:gosec // a page size has 32 bits
		return meta{}, false
	}
	b := page[headerSize:]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	return meta{
		pageSize: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), transaction: order.Uint64(b[48:]),
	}, order.Uint32(b) == magic && order.Uint32(b[4:]) == version && order.Uint64(b[56:]) == sum.Sum64()
}

// page is what a page holds, with its header, and its kind. Its pages must not have been seen before.
func (s *survey) page(id uint64) (page []byte, flags uint16, err error) {
	if id >= uint64(len(s.seen)) {
		return nil, 0, fmt.Errorf("page %d is beyond the end", id)
	}
	header := make([]byte, headerSize)
	if err := s.read(header, id); err != nil {
		return nil, 0, err
	}
	if found := order.Uint64(header); found != id {
		return nil, 0, fmt.Errorf("page %d is something else", id)
	}
	end := id + uint64(order.Uint32(header[12:])) // its last page
	for i := id; i <= end; i++ {
		if i >= uint64(len(s.seen)) || s.seen[i] {
			return nil, 0, fmt.Errorf("page %d runs into another, or beyond the end", id)
		}
		s.seen[i] = true
	}
	page = make([]byte, (end-id+1)*s.pageSize)
	return page, order.Uint16(header[8:]), s.read(page, id)
}

func (s *survey) read(into []byte, id uint64) error {
	if _, err := s.file.ReadAt(into, int64(id*s.pageSize)); err != nil { //nolint:gosec // within the file, which is of maxFileBytes
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// element is one of a branch or leaf page.
type element struct {
	key, value []byte
	child      uint64 // of a branch
	bucket     bool   // of a leaf: the value is one
}

// tree looks at the pages below one, whose keys are to be within [low, high), where these are not nil; leaf looks at what they hold.
func (s *survey) tree(id uint64, low, high []byte, depth int, leaf func(element) error) error {
	if depth > maxDepth {
		return errors.New("its tree is deeper than one can be")
	}
	page, flags, err := s.page(id)
	if err != nil {
		return err
	}
	if flags != branchPage && flags != leafPage {
		return fmt.Errorf("page %d is of the wrong kind", id)
	}
	elements, err := elementsOf(page, flags, low, high)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if len(elements) == 0 && (flags == branchPage || low != nil) { // an empty root is an empty tree
		return fmt.Errorf("page %d is empty", id)
	}
	for i, e := range elements {
		if flags == leafPage {
			if err := leaf(e); err != nil {
				return err
			}
			continue
		}
		end := high
		if i+1 < len(elements) {
			end = elements[i+1].key
		}
		if err := s.tree(e.child, e.key, end, depth+1, leaf); err != nil {
			return err
		}
	}
	return nil
}

// elementsOf are the elements of a branch or leaf page, all of them within it, and their keys in order. Where low is not nil, it is
// what leads to the page, and has to be its first key: bbolt finds a page in the one above by that. All are below high.
func elementsOf(page []byte, flags uint16, low, high []byte) ([]element, error) {
	count := int(order.Uint16(page[10:]))
	if headerSize+count*elementSize > len(page) {
		return nil, errors.New("it has not the room for its elements")
	}
	elements := make([]element, count)
	used := uint64(0)
	for i := range elements {
		at := headerSize + i*elementSize
		field := func(n int) uint64 { return uint64(order.Uint32(page[at+4*n:])) }
		e := &elements[i]
		pos, keySize, valueSize := field(0), field(1), uint64(0)
		if flags == leafPage {
			pos, keySize, valueSize = field(1), field(2), field(3)
			e.bucket = field(0) == bucketElement
			if field(0) > bucketElement {
				return nil, errors.New("an element is of an unknown kind")
			}
		} else {
			e.child = order.Uint64(page[at+8:])
		}
		begin := uint64(at) + pos
		used += keySize + valueSize
		if keySize == 0 || begin+keySize+valueSize > uint64(len(page)) || used > uint64(len(page)) {
			return nil, errors.New("an element reaches beyond it")
		}
		e.key, e.value = page[begin:begin+keySize], page[begin+keySize:begin+keySize+valueSize]
		if i == 0 && low != nil && !bytes.Equal(e.key, low) || i > 0 && bytes.Compare(e.key, elements[i-1].key) <= 0 ||
			high != nil && bytes.Compare(e.key, high) >= 0 {
			return nil, errors.New("its keys are out of order")
		}
	}
	return elements, nil
}

// bucket looks at an element of the root: it is the one bucket.
func (s *survey) bucket(e element) error {
	if !e.bucket || !bytes.Equal(e.key, bucketName) || len(e.value) < bucketSize {
		return errors.New("it holds what is not a journal's")
	}
	root, inline := order.Uint64(e.value), e.value[bucketSize:]
	if root != 0 {
		return s.tree(root, nil, nil, 0, record)
	}
	if len(inline) < headerSize || order.Uint16(inline[8:]) != leafPage {
		return errors.New("its bucket is incomplete")
	}
	elements, err := elementsOf(inline, leafPage, nil, nil)
	if err != nil {
		return fmt.Errorf("its bucket: %w", err)
	}
	for _, e := range elements {
		if err := record(e); err != nil {
			return err
		}
	}
	return nil
}

// record looks at an element of the bucket. What is in it, is decode's to say.
func record(e element) error {
	if e.bucket {
		return errors.New("it holds a bucket in its bucket")
	}
	return nil
}

// free looks at the list of free pages: none of them is in use, and each is in it once.
func (s *survey) free(id uint64) error {
	page, flags, err := s.page(id)
	if err != nil {
		return err
	}
	if flags != freelistPage {
		return fmt.Errorf("page %d is no list of free pages", id)
	}
	list, count := page[headerSize:], uint64(order.Uint16(page[10:]))
	if count == countInList {
		count, list = order.Uint64(list), list[8:]
	}
	if count > uint64(len(list)/8) {
		return errors.New("its list of free pages has not the room for them")
	}
	for i := range count {
		id := order.Uint64(list[8*i:])
		if id >= uint64(len(s.seen)) || s.seen[id] {
			return fmt.Errorf("page %d is both free and in use, or beyond the end", id)
		}
		s.seen[id] = true
	}
	return nil
}
