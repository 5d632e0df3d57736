// Package format decides whether a string has a named format: email, uuid, date-time, iban and so on.
// Each follows one published standard, named beside it, without normalising first: white space at an end
// or a line break makes a value invalid. No check allocates for a usual value, and each takes time linear in
// the value's length.
//
//	ipv4, _ := format.Find("ipv4")
//	ipv4.Valid("10.0.0.1") // true
//
// It knows nothing of rules, so that whoever asserts formats can share it.
package format

import (
	"maps"
	"slices"
)

// Format is one kind of string.
type Format struct {
	// Name is what rules call it.
	Name string
	// Alias is another name, or empty.
	Alias string
	// Expected says what a value must be, to complete "expected ...".
	Expected string
	// Valid says whether a string has the format.
	Valid func(string) bool
}

// formats is every format by each of its names.
var formats = index(network, times, money, identifiers, kubernetes)

func index(subjects ...[]Format) map[string]*Format {
	byName := map[string]*Format{}
	for _, subject := range subjects {
		for i := range subject {
			f := &subject[i]
			byName[f.Name] = f
			if f.Alias != "" {
				byName[f.Alias] = f
			}
		}
	}
	return byName
}

// Find is the format of a name or an alias.
func Find(name string) (*Format, bool) {
	f, ok := formats[name]
	return f, ok
}

// Names lists the names and aliases, sorted.
func Names() []string { return slices.Sorted(maps.Keys(formats)) }

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
