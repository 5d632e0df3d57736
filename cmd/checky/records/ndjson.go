package records

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/checky-dev/checky/rules"
)

// byteOrderMark stands before the text of some programs' files. It is no part of a value.
var byteOrderMark = []byte("\ufeff")

// ndjson reads JSON texts that end in a line feed, or a carriage return and a line feed. Blank lines are passed over.
type ndjson struct {
	in   *bufio.Reader
	line int    // the last one that was read
	long []byte // holds a line that is longer than the buffer
}

func newNDJSON(in io.Reader) *ndjson { return &ndjson{in: bufio.NewReaderSize(in, bufferBytes)} }

func (r *ndjson) next() (Item, error) {
	for {
		text, err := r.readLine()
		if err != nil {
			return Item{}, err
		}
		r.line++
		if r.line == 1 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		text = bytes.TrimRight(text, "\r\n")
		switch {
		case len(text) > rules.MaxPayloadBytes:
			return Item{Line: r.line, Problem: tooLong}, nil
		case len(bytes.TrimLeft(text, " \t")) > 0:
			return Item{Line: r.line, Text: text}, nil
		}
	}
}

// readLine reads up to the next line feed. Of a line that is longer than a payload may be it gives the beginning, which is too long,
// too.
func (r *ndjson) readLine() ([]byte, error) {
	text, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = append(r.long[:0], text...)
		for errors.Is(err, bufio.ErrBufferFull) {
			text, err = r.in.ReadSlice('\n')
			if len(r.long) <= rules.MaxPayloadBytes+len(byteOrderMark) {
				r.long = append(r.long, text...)
			}
		}
		text = r.long
	}
	if errors.Is(err, io.EOF) && len(text) > 0 {
		err = nil
	}
	return text, err
}
