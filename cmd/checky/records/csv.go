package records

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/rules"
)

// table reads CSV (RFC 4180). The first record is the header, whose names become those of the members:
//
//	sku,qty,fragile,note
//	LMP-0042,3,true,      -> {"sku":"LMP-0042","qty":3,"fragile":true}
//
// A cell that is a JSON number, true or false is that, an empty one is left out, and all else is a string.
type table struct {
	source *allowance
	in     *bufio.Reader
	csv    *csv.Reader
	names  [][]byte // of the members, each with the quotes and the colon
	line   int      // on which the next record begins, or a blank line before it
	text   []byte
}

// newTable reads the header. Its error is a *manifest.Error where that is at fault, and otherwise the reader's.
func newTable(in io.Reader, comma rune) (*table, error) {
	t := &table{source: &allowance{in: in}, line: 1}
	t.in = bufio.NewReaderSize(t.source, bufferBytes)
	t.csv = csv.NewReader(t.in) // a large enough *bufio.Reader is used as it is, so that t.in is where it stands
	t.csv.Comma, t.csv.ReuseRecord, t.csv.FieldsPerRecord = comma, true, -1
	t.source.left = bufferBytes
	if mark, _ := t.in.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) { // an error comes back
		_, _ = t.in.Discard(len(byteOrderMark))
	}
	cells, line, problem, err := t.record()
	switch {
	case errors.Is(err, io.EOF):
		return nil, &manifest.Error{Problem: "it is empty; the first line of CSV names the columns"}
	case err != nil:
		return nil, err
	case problem != "":
		return nil, &manifest.Error{Line: line, Problem: "the header: " + strings.TrimPrefix(problem, "payload: ")}
	}
	if problem := t.header(cells); problem != "" {
		return nil, &manifest.Error{Line: line, Problem: "the header: " + problem}
	}
	return t, nil
}

// header keeps the columns' names, or says what is wrong with them.
func (t *table) header(cells []string) (problem string) {
	columns := map[string]int{}
	for i, name := range cells {
		if name == "" {
			return fmt.Sprintf("column %d has no name; give it one", i+1)
		}
		if first, twice := columns[name]; twice {
			return fmt.Sprintf("columns %d and %d have the same name; rename one of them", first, i+1)
		}
		columns[name] = i + 1
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return fmt.Sprintf("the name of column %d is not valid UTF-8; convert the file", i+1)
		}
		t.names = append(t.names, append(quoted, ':'))
	}
	return ""
}

func (t *table) next() (Item, error) {
	cells, line, problem, err := t.record()
	if err != nil {
		return Item{}, err
	}
	if problem == "" && len(cells) != len(t.names) {
		problem = fmt.Sprintf("payload: the record has %d cells, and the header %d; each cell needs its column", len(cells), len(t.names))
	}
	if problem == "" {
		problem = t.object(cells)
	}
	if problem != "" {
		return Item{Line: line, Problem: problem}, nil
	}
	return Item{Line: line, Text: t.text}, nil
}

// object writes a record as a JSON object, or says why there is none.
func (t *table) object(cells []string) (problem string) {
	t.text = append(t.text[:0], '{')
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		if len(t.text) > 1 {
			t.text = append(t.text, ',')
		}
		t.text = append(t.text, t.names[i]...)
		if isLiteral(cell) {
			t.text = append(t.text, cell...)
			continue
		}
		var err error
		if t.text, err = jsontext.AppendQuote(t.text, cell); err != nil {
			return fmt.Sprintf("payload: the cell of column %d is not valid UTF-8; convert the file", i+1)
		}
	}
	if t.text = append(t.text, '}'); len(t.text) > rules.MaxPayloadBytes {
		return tooLong
	}
	return ""
}

// isLiteral tells the cells that stand for themselves in JSON: numbers, as far as payloads may have them, and true and false.
func isLiteral(cell string) bool {
	switch first := cell[0]; {
	case first == '-' || first >= '0' && first <= '9':
		_, err := rules.ParseDecimal(cell)
		return err == nil
	default:
		return cell == "true" || cell == "false"
	}
}

// recordAllowance is how much of a file is read for one record. One that is found to be too long only once it was read has a
// buffer's worth more at most, on either side.
const recordAllowance = rules.MaxPayloadBytes + 2*bufferBytes

// record reads the next one, and tells on which line it begins. The cells are good until the next call.
func (t *table) record() (cells []string, line int, problem string, err error) {
	t.source.left = recordAllowance
	if err := t.skipBlank(); err != nil {
		return nil, 0, "", err
	}
	line = t.line
	begin := t.csv.InputOffset()
	cells, err = t.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax):
		t.line += syntax.Line - syntax.StartLine + 1
		return nil, line, problemOf(syntax), nil
	case errors.Is(err, errAllowance):
		return nil, line, tooLong + "; is a quote never closed?", t.resume()
	case err != nil:
		return nil, 0, "", err
	}
	t.line++
	for _, cell := range cells {
		t.line += strings.Count(cell, "\n")
	}
	if t.csv.InputOffset()-begin > rules.MaxPayloadBytes {
		problem = tooLong
	}
	return cells, line, problem, nil
}

// skipBlank passes over blank lines, which are no part of a record's size.
func (t *table) skipBlank() error {
	for {
		next, err := t.in.Peek(2)
		blank := 0
		switch {
		case len(next) > 0 && next[0] == '\n':
			blank = 1
		case string(next) == "\r\n":
			blank = 2
		case len(next) > 0:
			return nil
		default:
			return err
		}
		_, _ = t.in.Discard(blank) // it is there
		t.line++
		t.source.left = recordAllowance
	}
}

// resume goes on behind a record that is too long, with the line after the one that it was given up on.
func (t *table) resume() error {
	for {
		t.source.left = bufferBytes
		if _, err := t.in.ReadSlice('\n'); err == nil || errors.Is(err, io.EOF) {
			break
		} else if !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, errAllowance) {
			return err
		}
	}
	ahead, _ := t.in.Peek(t.in.Buffered()) // it is there
	t.line = 1 + t.source.lines - bytes.Count(ahead, []byte{'\n'})
	return nil
}

func problemOf(e *csv.ParseError) string {
	if errors.Is(e.Err, csv.ErrBareQuote) {
		return "payload: a quote stands in a cell that does not begin with one; put the cell in quotes, and write each quote in it twice"
	}
	return "payload: behind the second quote of a cell stands something else than a delimiter, or there is none; write each quote in a cell twice"
}

var errAllowance = errors.New("the allowance is used up")

// allowance lets so many bytes through, and counts lines.
type allowance struct {
	in    io.Reader
	left  int
	lines int
}

// Read implements io.Reader.
func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errAllowance
	}
	n, err := a.in.Read(p[:min(len(p), a.left)])
	a.left -= n
	a.lines += bytes.Count(p[:n], []byte{'\n'})
	return n, err
}
