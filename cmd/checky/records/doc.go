// Package records reads files that hold many payloads, one a line: NDJSON, whose lines are JSON texts, and CSV, whose records
// stand below a header.
//
//	-f ── Options.OpenAll ──> File ── Next ──> Item{Name, Line, Text or Problem} ── ... ── io.EOF
//
// A line that cannot be a payload is an Item with a Problem, and the file goes on behind it. What is held at a time is one
// item and a buffer, whatever the file's length: see the limits.
//
// Nothing here evaluates anything, and whether the text of an NDJSON line is JSON is left to whoever decodes it.
package records

import (
	"fmt"

	"github.com/checky-dev/checky/rules"
)

// The limits of such files, beside those of package rules. There is none on a file's length.
const (
	// bufferBytes is how much of a file is read at a time (64 KiB).
	bufferBytes = 64 << 10
	// maxName is how much of a payload's name is kept, in code points: as much as the API server takes.
	maxName = 253
	// maxRuns bounds what is kept to tell the lines of payloads: the stretches of a file whose payloads stand on lines that follow
	// each other.
	maxRuns = 1 << 18
)

// Item is what stands on one line, or in one record.
type Item struct {
	// Name is the value of the field that Options name, else the line: line 12.
	Name string
	// Line on which it begins, from 1.
	Line int
	// Text is the payload's JSON text. It is good until the next call of Next.
	Text []byte
	// Problem says why there is no Text, where there is none. It quotes nothing.
	Problem string
}

// tooLong is the problem of a line that is past the limit of payloads.
var tooLong = fmt.Sprintf("payload: it has more than %d bytes (256 KiB), which is the most that can be checked; split it, or check a part of it",
	rules.MaxPayloadBytes)

// reader gives one item after the other, without their names. After the last one its error is io.EOF.
type reader interface {
	next() (Item, error)
}
