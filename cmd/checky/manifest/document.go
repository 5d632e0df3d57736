package manifest

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Document is one JSON value of a file.
type Document struct {
	// File that it stands in.
	File *File
	// Number of the document in its file, from 1; 0 where the file has just one.
	Number int
	// Root is the value. It is nil where there is a Problem.
	Root *Node
	// Text of a file that is JSON, as it is but for a byte order mark: what a payload is decoded from. It is nil for YAML and the items of lists.
	Text []byte
	// Problem says why there is no Root.
	Problem *Error
	// Why says why a Text with a Problem was taken for JSON, where that is not the file's name.
	Why string
}

// Name is the file's name, and the document's number where the file has several.
func (d *Document) Name() string {
	if d.Number == 0 {
		return d.File.Name
	}
	return fmt.Sprintf("%s#%d", d.File.Name, d.Number)
}

// Fault is an *Error at a line of the document's file.
func (d *Document) Fault(line int, format string, args ...any) error {
	return &Error{File: d.File.Name, Line: line, Problem: fmt.Sprintf(format, args...)}
}

// byteOrderMark stands before the text of some editors' files. It is no part of a value.
var byteOrderMark = []byte("\ufeff")

// Split reads the documents of a file: one of JSON, or any number of YAML. A *.json file is JSON and a *.yaml or *.yml file is
// YAML. Any other is JSON where it begins with { or [ or holds a lone value, and else YAML: as YAML, {"a": NaN} and {'a': 1} and NaN
// are texts of no mistake, which few have meant. A line --- says that it is YAML. What cannot be
// read is one document with a Problem. The items of lists, such as `kubectl get -o yaml` prints, are documents of their own.
func Split(file *File) []*Document {
	if file.TooLong() {
		return []*Document{{File: file, Problem: &Error{File: file.Name, Problem: fmt.Sprintf("it has more than %d bytes (4 MiB); split it", MaxFileBytes)}}}
	}
	text := bytes.TrimPrefix(file.Text, byteOrderMark)
	switch strings.ToLower(filepath.Ext(file.Name)) {
	case ".json":
		return splitJSON(file, text, "")
	case ".yaml", ".yml":
		roots, err := ParseYAML(text)
		return splitYAML(file, roots, err)
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		return splitJSON(file, text, beginsAsJSON)
	}
	roots, err := ParseYAML(text)
	if err == nil && len(roots) == 1 && roots[0].Kind != Object && roots[0].Kind != Array && !yamlMarker.Match(text) {
		return splitJSON(file, text, loneValue)
	}
	return splitYAML(file, roots, err)
}

// What is told of a text that is not JSON where nothing but itself says that it should be.
const (
	beginsAsJSON = "what begins with { or [ is read as JSON; for YAML, write a line --- before it"
	loneValue    = "a lone value is read as JSON; for YAML, write a line --- before it"
)

var yamlMarker = regexp.MustCompile(`(?m)^---`)

// splitJSON reads a file as JSON. Why says why it is taken for JSON, where the file's name does not.
func splitJSON(file *File, text []byte, why string) []*Document {
	root, err := ParseJSON(text)
	if err != nil {
		problem := located(file, err)
		if why != "" {
			problem.Problem += "; " + why
		}
		return []*Document{{File: file, Text: text, Problem: problem, Why: why}}
	}
	if items := itemsOf(root); items != nil {
		return number(file, items)
	}
	return []*Document{{File: file, Text: text, Root: root}}
}

// splitYAML makes documents of what ParseYAML gave.
func splitYAML(file *File, roots []*Node, err error) []*Document {
	if err != nil {
		return []*Document{{File: file, Problem: located(file, err)}}
	}
	var all []*Node
	for _, root := range roots {
		if items := itemsOf(root); items != nil {
			all = append(all, items...)
			continue
		}
		all = append(all, root)
	}
	return number(file, all)
}

// number makes documents of values, numbered where there are several.
func number(file *File, roots []*Node) []*Document {
	if len(roots) > MaxDocuments {
		return []*Document{{File: file, Problem: &Error{File: file.Name, Line: roots[MaxDocuments].Line, Problem: tooManyDocuments}}}
	}
	documents := make([]*Document, len(roots))
	for i, root := range roots {
		documents[i] = &Document{File: file, Root: root}
		if len(roots) > 1 {
			documents[i].Number = i + 1
		}
	}
	return documents
}

func located(file *File, err error) *Error {
	e := *err.(*Error) //nolint:forcetypeassert,errorlint // the parsers return nothing else
	e.File = file.Name
	return &e
}

// itemsOf are the items of a list of Kubernetes', or nil where the value is none.
func itemsOf(root *Node) []*Node {
	apiVersion, kind, items := root.String("apiVersion"), root.String("kind"), root.Get("items")
	isList := kind == "List" && apiVersion == "v1" || strings.HasSuffix(kind, "List") && isOurs(apiVersion)
	if !isList || items == nil || items.Kind != Array {
		return nil
	}
	return items.Items
}

// isOurs says whether an apiVersion is of Checky's group, whatever its version.
func isOurs(apiVersion string) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	return group == v1alpha1.GroupVersion.Group
}
