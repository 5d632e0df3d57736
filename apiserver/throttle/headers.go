package throttle

import (
	"net/http"
	"strconv"
	"time"
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
	setItem(h, "Ratelimit-Policy", policy, ";q=", int64(d.Limit), ";w=", wholeSeconds(Window))
	setItem(h, "Ratelimit", policy, ";r=", int64(d.Remaining), ";t=", wholeSeconds(d.Reset))
	if !d.Allowed {
		h.Set("Retry-After", strconv.FormatInt(max(1, wholeSeconds(d.RetryAfter)), 10))
	}
}

// setItem sets a header, by its canonical name, to a list of one string with two parameters (RFC 9651). It is written here because every
// answer has two of them: a library for structured fields makes a fifth of all that a dry run allocates.
func setItem(h http.Header, name, value, key1 string, number1 int64, key2 string, number2 int64) {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return // no structured field can hold it: an answer without the header is better than none
		}
	}
	// Of what strings can hold, quotation marks and backslashes alone are escaped, as in Go.
	text := strconv.AppendQuote(make([]byte, 0, 48), value)
	text = strconv.AppendInt(append(text, key1...), number1, 10)
	text = strconv.AppendInt(append(text, key2...), number2, 10)
	h[name] = []string{string(text)}
}

func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
