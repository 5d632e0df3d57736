package password

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// What NIST SP 800-63B-4, section 3.1.1.2, asks for where a password is all there is: at least 15 characters, 64 or
// more taken, no rules of composition, and a blocklist. A character is a code point.
const (
	MinLength = 15
	MaxLength = 256  // code points
	MaxBytes  = 1024 // of UTF-8
)

// RuleError is a password that is not good enough. Its message says what to do and never quotes the password.
type RuleError struct{ Message string }

// Error is the message.
func (e *RuleError) Error() string { return e.Message }

// Acceptable says whether a new password is good enough: nil or a *RuleError. The context is what an attacker would try
// first with this user: the address, the service's name.
func Acceptable(password string, context ...string) error {
	if len(password) > MaxBytes || utf8.RuneCountInString(password) > MaxLength {
		return &RuleError{fmt.Sprintf("a password has at most %d characters (%d bytes)", MaxLength, MaxBytes)}
	}
	normal, err := precis.OpaqueString.String(password)
	if (err != nil || !utf8.ValidString(password)) && password != "" {
		return &RuleError{"a password is made of printable characters and spaces"}
	}
	if utf8.RuneCountInString(normal) < MinLength {
		return &RuleError{fmt.Sprintf("a password has at least %d characters; a few unrelated words make a good one", MinLength)}
	}
	if utf8.RuneCountInString(normal) > MaxLength {
		return &RuleError{fmt.Sprintf("a password has at most %d characters (%d bytes)", MaxLength, MaxBytes)}
	}
	return guessable(normal, context)
}

// normalized is the form in which passwords are hashed: RFC 8265's OpaqueString. One that has no such form was never
// accepted, and is hashed as it is: it costs the same, and matches nothing.
func normalized(password string) string {
	if len(password) > MaxBytes {
		return password[:MaxBytes] + "\x00"
	}
	if normal, err := precis.OpaqueString.String(password); err == nil {
		return normal
	}
	return password
}
