package throttle

import (
	"net/http"
	"strconv"
	"time"

	"github.com/dunglas/httpsfv"
)

// SetHeaders says the decision in the headers of an answer, as draft-ietf-httpapi-ratelimit-headers-10 has it:
//
//	RateLimit-Policy: "token";q=600;w=60     the quota, and its window in seconds
//	RateLimit: "token";r=42;t=56             what remains of it, and the seconds until it is whole again
//	Retry-After: 1                           only if refused: the seconds until the next request is allowed (RFC 9110)
//
// Seconds are rounded up, so whoever waits for them has waited long enough. The policy names what was counted, in
// ASCII.
func (d Decision) SetHeaders(h http.Header, policy string) {
	setItem(h, "RateLimit-Policy", policy, param{"q", int64(d.Limit)}, param{"w", wholeSeconds(Window)})
	setItem(h, "RateLimit", policy, param{"r", int64(d.Remaining)}, param{"t", wholeSeconds(d.Reset)})
	if !d.Allowed {
		h.Set("Retry-After", strconv.FormatInt(max(1, wholeSeconds(d.RetryAfter)), 10))
	}
}

type param struct {
	key   string
	value int64
}

// setItem sets a header to a list of one string with parameters (RFC 9651).
func setItem(h http.Header, name, value string, params ...param) {
	item := httpsfv.NewItem(value)
	for _, p := range params {
		item.Params.Add(p.key, p.value)
	}
	// It fails for a name that no structured field can hold: an answer without the header is better than none.
	if text, err := httpsfv.Marshal(httpsfv.List{item}); err == nil {
		h.Set(name, text)
	}
}

func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
