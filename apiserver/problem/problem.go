// Package problem is how the facade says no: RFC 9457 problem details, as application/problem+json.
//
//	{"title": "Unprocessable Content", "status": 422, "detail": "...", "errors": [{"location": "body.rules[0].name", "message": "..."}]}
//
// A problem names the field and the fix, and never repeats a rejected value: it may be a password.
package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ContentType is the media type of a problem (RFC 9457, section 6.1).
const ContentType = "application/problem+json"

// Problem is an answer that says what went wrong.
type Problem struct {
	// Type is a URI reference that identifies the kind of problem. Empty means about:blank: the status says it all.
	Type string `json:"type,omitempty" format:"uri-reference" doc:"What kind of problem it is, as a URI reference. Absent: the status says it all." example:"urn:checky:problem:idempotency-key-reused"`
	// Title is the status in words.
	Title string `json:"title" doc:"The status in words." example:"Not Found"`
	// Status is the HTTP status code.
	Status int `json:"status" doc:"The HTTP status code." minimum:"400" maximum:"599" example:"404"`
	// Detail says what is wrong with this request, and what to do.
	Detail string `json:"detail,omitempty" doc:"What is wrong with this request, and what to do." example:"There is no check of that id."`
	// Errors are the fields that are wrong.
	Errors []FieldError `json:"errors,omitempty" maxItems:"100" doc:"The fields that are wrong."`
	// RetryAfter is sent as the Retry-After header, in whole seconds. 0: no header.
	RetryAfter time.Duration `json:"-"`
	// Challenge is sent as the WWW-Authenticate header, which each 401 has (RFC 9110, section 15.5.2).
	Challenge string `json:"-"`
}

// FieldError is one field that is wrong.
type FieldError struct {
	// Location is where: body.rules[0].name, query.limit, header.Prefer, path.id.
	Location string `json:"location,omitempty" doc:"Where: body.FIELD, query.NAME, header.NAME or path.NAME." example:"body.email"`
	// Message is what was expected. It never repeats the value.
	Message string `json:"message" doc:"What was expected there." example:"expected an e-mail address"`
}

// New makes a problem of a status. The detail is a format as fmt has it, and quotes no value of the request.
func New(status int, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// WithType says what kind of problem it is, so that a program can tell it from others of the same status. Empty: the status says
// it all.
func (p *Problem) WithType(kind string) *Problem {
	if kind != "" {
		p.Type = "urn:checky:problem:" + kind
	}
	return p
}

// Bounds of the fields that are told of: callers choose how many unknown parameters they send, and their names.
const (
	maxErrors   = 100
	maxLocation = 256
)

// At adds a field that is wrong, if there is room for it.
func (p *Problem) At(location, message string) *Problem {
	if len(p.Errors) < maxErrors {
		p.Errors = append(p.Errors, FieldError{Location: clip(location), Message: message})
	}
	return p
}

// clip cuts a location that is too long.
func clip(location string) string {
	if len(location) <= maxLocation {
		return location
	}
	return strings.ToValidUTF8(location[:maxLocation], "") + "…"
}

// After says when to try again.
func (p *Problem) After(d time.Duration) *Problem {
	p.RetryAfter = d
	return p
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status code.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that belong to the problem.
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", Seconds(p.RetryAfter))
	}
	if p.Challenge != "" {
		header.Set("WWW-Authenticate", p.Challenge)
	}
	return header
}

// ContentType is that of problems, whatever was asked for.
func (p *Problem) ContentType(string) string { return ContentType }

// Write answers a request with the problem.
func Write(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		// Strings and numbers always marshal.
		panic(err)
	}
	body = append(body, '\n') // as all answers end, for terminals
	header := w.Header()
	header.Set("Content-Type", ContentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	maps.Copy(header, p.GetHeaders())
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // Where it cannot be written the caller has gone.
}

// Of finds the problem in an error's chain; nil where there is none.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Seconds is a duration as Retry-After has it: whole seconds, rounded up, at least 1.
func Seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64(math.Ceil(d.Seconds()))), 10)
}
