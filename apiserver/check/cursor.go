package check

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
)

// position is a place in the order of an owner's Checks: that of one Check, whether it is still there or not.
type position struct {
	// created is the Check's creation time, in seconds since 1970.
	created int64
	name    string
}

func positionOf(c *v1alpha1.Check) position {
	return position{created: c.CreationTimestamp.Unix(), name: c.Name}
}

// compare is below 0 if the position comes before a Check's in the order by age, and above 0 if after.
func (p position) compare(c *packed.Check) int {
	return cmp.Or(cmp.Compare(p.created, c.Created), cmp.Compare(p.name, c.Name))
}

// A cursor is a position in base64url (RFC 4648, section 5, no padding): one byte of version, eight of the time in seconds, the
// highest first, and the name. It tells its reader nothing that the Check it comes from does not.
const (
	cursorVersion = 1
	cursorHead    = 1 + 8
)

var cursorEncoding = base64.RawURLEncoding.Strict()

func (p position) cursor() string {
	b := make([]byte, 0, cursorHead+idLength)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.created)) //nolint:gosec // objects are not created before 1970
	return cursorEncoding.EncodeToString(append(b, p.name...))
}

// parseCursor reads a cursor. Its error is ErrBadCursor for whatever cursor would not write in just this way.
func parseCursor(text string) (position, error) {
	if len(text) != cursorEncoding.EncodedLen(cursorHead+idLength) {
		return position{}, ErrBadCursor
	}
	b, err := cursorEncoding.DecodeString(text)
	// The decoder skips line breaks, so that what is read may be shorter.
	if err != nil || len(b) != cursorHead+idLength || b[0] != cursorVersion {
		return position{}, ErrBadCursor
	}
	p := position{created: int64(binary.BigEndian.Uint64(b[1:])), name: string(b[cursorHead:])} //nolint:gosec // see below
	if p.created < 0 || !validID(p.name) {
		return position{}, ErrBadCursor
	}
	return p, nil
}
