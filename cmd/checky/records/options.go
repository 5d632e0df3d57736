package records

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/checky-dev/checky/rules"
)

// Form is how a file holds payloads.
type Form string

// The forms.
const (
	Document Form = "document" // JSON or YAML: one payload, or the documents of package manifest
	NDJSON   Form = "ndjson"
	CSV      Form = "csv"
)

// auto is the form of what is told to be none of the others: a document.
const auto = "auto"

// Formats are the values of --input-format.
func Formats() []string { return []string{auto, string(Document), string(NDJSON), string(CSV)} }

// formOf is the form that a file's name says. It is empty where the name says nothing.
func formOf(path string) Form {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json", ".yaml", ".yml":
		return Document
	case ".ndjson", ".jsonl":
		return NDJSON
	case ".csv":
		return CSV
	}
	return ""
}

// Options say how such files are read. They are flags.
type Options struct {
	format, nameField, delimiter string

	field *rules.Field
	comma rune
}

// BindFlags makes a flag of each option.
func (o *Options) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.format, "input-format", auto, "what standard input and files whose names do not tell hold: "+strings.Join(Formats(), ", "))
	flags.StringVar(&o.nameField, "name-field", "", "JSONPath of the value that tells a payload of NDJSON or CSV among the others, as in $.id (default: its line)")
	flags.StringVar(&o.delimiter, "csv-delimiter", ",", "what stands between the cells of CSV: one character, or tab")
}

// Validate says which options cannot be, given the paths of -f, naming the flag. It is called once, before all else.
func (o *Options) Validate(paths []string) error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch {
	case !slices.Contains(Formats(), o.format):
		bad("--input-format %q: give %s", o.format, strings.Join(Formats(), ", "))
		return errors.Join(problems...)
	case o.format != auto && !slices.ContainsFunc(paths, func(path string) bool { return formOf(path) == "" }):
		bad("--input-format: it is for standard input and files whose names do not tell their form, and there are none; leave it out")
	}
	if o.comma = delimiterOf(o.delimiter); o.comma == 0 {
		bad("--csv-delimiter %q: give one character that is no quote and no end of a line, or tab", o.delimiter)
	}
	if o.delimiter != "," && !slices.ContainsFunc(paths, func(path string) bool { return o.FormOf(path) == CSV }) {
		bad("--csv-delimiter: there is no CSV; name a *.csv file, or give --input-format csv")
	}
	if o.nameField != "" {
		var err error
		switch o.field, err = rules.CompileField(o.nameField); {
		case err != nil:
			bad("--name-field: %w", err)
		case !o.field.Singular():
			bad("--name-field: give a path that leads to one value, as in $.id")
		case !slices.ContainsFunc(paths, func(path string) bool { return o.FormOf(path) != Document }):
			bad("--name-field: there is no NDJSON and no CSV, whose payloads it would name; leave it out")
		}
	}
	return errors.Join(problems...)
}

// delimiterOf is the character that a flag means, or 0.
func delimiterOf(flag string) rune {
	if flag == "tab" || flag == `\t` {
		return '\t'
	}
	r, size := utf8.DecodeRuneInString(flag)
	if size != len(flag) || r == utf8.RuneError || r == '"' || r != '\t' && unicode.IsControl(r) {
		return 0
	}
	return r
}

// FormOf is the form of what a path of -f names. Folders are documents.
func (o *Options) FormOf(path string) Form {
	if form := formOf(path); form != "" {
		return form
	}
	if o.format == auto {
		return Document
	}
	return Form(o.format)
}

// Split tells the paths of documents from those of files of many payloads.
func (o *Options) Split(paths []string) (documents, many []string) {
	for _, path := range paths {
		if o.FormOf(path) == Document {
			documents = append(documents, path)
		} else {
			many = append(many, path)
		}
	}
	return documents, many
}
