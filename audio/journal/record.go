package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

// How long the strings of an entry may be, in bytes.
const (
	// MaxKey is how long an entry's key may be. The controller's have 71: sha256: and 64 digits.
	MaxKey = 128

	maxUID    = 128     // a UID of the API server has 36
	maxRecord = 4 << 10 // JSON makes six bytes of one that it has to escape
)

// bucketName is the one bucket's.
var bucketName = []byte("entries")

// encode is an entry's record.
func encode(e *dispatch.Entry) ([]byte, error) {
	kept := *e
	kept.Acknowledged = dispatch.ClipAcknowledged(e.Acknowledged)
	kept.Since, kept.At = e.Since.UTC(), e.At.UTC()
	if err := validate(&kept); err != nil {
		return nil, err
	}
	return json.Marshal(&kept)
}

// decode reads a record. Fields that it does not know are left aside: a later version may have written them.
func decode(uid types.UID, record []byte) (dispatch.Entry, error) {
	if len(record) > maxRecord {
		return dispatch.Entry{}, errors.New("longer than a record can be")
	}
	var e dispatch.Entry
	if err := json.Unmarshal(record, &e); err != nil {
		return dispatch.Entry{}, err
	}
	e.UID, e.Since, e.At = uid, e.Since.UTC(), e.At.UTC()
	return e, validate(&e)
}

func validate(e *dispatch.Entry) error {
	switch {
	case e.UID == "" || len(e.UID) > maxUID:
		return fmt.Errorf("an entry's uid has %d bytes, and must have from 1 to %d", len(e.UID), maxUID)
	case e.Key == "" || len(e.Key) > MaxKey:
		return fmt.Errorf("the entry of Check %s: its key has %d bytes, and must have from 1 to %d", e.UID, len(e.Key), MaxKey)
	case !utf8.ValidString(e.Key):
		return fmt.Errorf("the entry of Check %s: its key is not UTF-8", e.UID)
	case e.State != dispatch.Held && e.State != dispatch.Announced:
		return fmt.Errorf("the entry of Check %s: its state is neither %s nor %s", e.UID, dispatch.Held, dispatch.Announced)
	case len(e.Acknowledged) > dispatch.MaxAcknowledged:
		return fmt.Errorf("the entry of Check %s: acknowledged has more than %d bytes", e.UID, dispatch.MaxAcknowledged)
	case !writable(e.Since) || !writable(e.At):
		return fmt.Errorf("the entry of Check %s: since and at must be of the years 0 to 9999", e.UID)
	}
	return nil
}

// writable tells whether RFC 3339 has a way to write a time, in UTC.
func writable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }
