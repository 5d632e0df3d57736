package v1alpha1

import (
	"bytes"
	"encoding/json"
)

// JSON is one JSON value of any type, kept as the bytes it came in. The zero value stands for a field
// that was not given; an explicit null is the four bytes "null".
type JSON struct {
	// Raw is the value's JSON text.
	Raw []byte `json:"-"`
}

// MarshalJSON returns the bytes as they are, and null for the zero value.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j.Raw) == 0 {
		return []byte("null"), nil
	}
	return j.Raw, nil
}

// UnmarshalJSON keeps a copy of the bytes, null included.
func (j *JSON) UnmarshalJSON(data []byte) error {
	j.Raw = bytes.Clone(data)
	return nil
}

// IsZero says whether the field was not given; encoding/json's omitzero asks it.
func (j JSON) IsZero() bool { return len(j.Raw) == 0 }

var (
	_ json.Marshaler   = JSON{}
	_ json.Unmarshaler = (*JSON)(nil)
)
