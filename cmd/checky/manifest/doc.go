// Package manifest reads the files of `checky check`: payloads, Checks, rule sets and the objects that inputs come from.
//
//	-f, -r ── Reader ──> File ── Split ──> Document{Node} ── Load ──> Bundle{Checks, Sets, Payloads, Lookup}
//
// A Node is a JSON value that knows its line. YAML (1.2, core schema) becomes the JSON that it stands for, with every
// digit of a number kept; what readers of YAML disagree about, or what could blow up, is refused. Manifests are
// held against the custom resource definitions, as the API server would, so that a misspelt field is an
// error with its line. Nothing here evaluates anything.
package manifest

import "fmt"

// The limits of files. A payload has limits of its own, which are those of package rules.
const (
	// MaxFileBytes is the largest file (4 MiB).
	MaxFileBytes = 4 << 20
	// MaxFiles is the most files that are read in one run, those of folders included.
	MaxFiles = 1000
	// MaxTotalBytes is the most that all files may have together (64 MiB).
	MaxTotalBytes = 64 << 20
	// MaxDocuments is the most documents in one file, the items of lists included.
	MaxDocuments = 1000
	// MaxDepth is how deep a document may nest: a manifest, and a payload in it.
	MaxDepth = 100
	// MaxValues is the most values of one file, once its YAML aliases are written out.
	MaxValues = 500_000
	// MaxTextBytes is the most text in strings, numbers and names of one file, once its YAML aliases are written out.
	MaxTextBytes = 8 << 20
)

// Error is something wrong at a line of a file.
type Error struct {
	// File as it was named; it is empty until it is known.
	File string
	// Line from 1; 0 where none can be told.
	Line int
	// Problem says what is wrong and what to write instead. It does not quote a payload.
	Problem string
}

// Error is FILE:LINE: PROBLEM.
func (e *Error) Error() string {
	switch {
	case e.File == "" && e.Line == 0:
		return e.Problem
	case e.File == "":
		return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
	case e.Line == 0:
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}
