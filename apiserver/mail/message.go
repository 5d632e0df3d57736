package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The limits of a mail.
const (
	// MaxAddressBytes is the longest address (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
	MaxAddressBytes = 254
	// MaxSubjectBytes is the longest subject.
	MaxSubjectBytes = 200
	// MaxTextBytes is the longest text (64 KiB).
	MaxTextBytes = 64 << 10
)

// Message is one mail.
type Message struct {
	// To is the recipient's bare address, local@domain.
	To string
	// Subject is one line without control characters.
	Subject string
	// Text is the body: plain text, its lines ended by \n.
	Text string
	// ID is the left part of the Message-ID, of letters, digits, dots, hyphens and underscores. A queue makes one where
	// it is empty, and keeps it in each attempt, so that a server that took the mail twice can tell.
	ID string
}

// Sender sends one mail. It returns when the mail is handed over or cannot be; an error is worth another attempt unless
// it is an *InvalidError or the server's permanent refusal.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Why a mail was not taken.
var (
	// ErrFull is Enqueue's answer while the queue is full.
	ErrFull = errors.New("the mail queue is full")
	// ErrStopped is Enqueue's answer once Run has ended.
	ErrStopped = errors.New("the mail queue has ended")
	// ErrNotConfigured is Enqueue's answer where there is no sender.
	ErrNotConfigured = errors.New("no mail server is configured")
)

// InvalidError is a mail that cannot be sent by anybody. It does not repeat what is wrong.
type InvalidError struct {
	// Field is to, subject, text or id.
	Field string
	// Message is what was expected.
	Message string
}

// Error names the field and what was expected.
func (e *InvalidError) Error() string { return "mail: " + e.Field + ": " + e.Message }

// validate keeps out what could become a header or a command of its own, and what no server takes.
func (m Message) validate() error {
	if err := validAddress(m.To); err != nil {
		return &InvalidError{Field: "to", Message: err.Error()}
	}
	switch {
	case m.Subject == "" || len(m.Subject) > MaxSubjectBytes:
		return &InvalidError{Field: "subject", Message: fmt.Sprintf("expected 1 to %d bytes", MaxSubjectBytes)}
	case !utf8.ValidString(m.Subject) || strings.ContainsFunc(m.Subject, breaksLine):
		return &InvalidError{Field: "subject", Message: "expected one line of UTF-8 without control characters"}
	case m.Text == "" || len(m.Text) > MaxTextBytes:
		return &InvalidError{Field: "text", Message: fmt.Sprintf("expected 1 to %d bytes", MaxTextBytes)}
	case !utf8.ValidString(m.Text) || strings.ContainsFunc(m.Text, isControlInText):
		return &InvalidError{Field: "text", Message: "expected UTF-8 without control characters other than line ends and tabs"}
	case len(m.ID) > 64 || strings.ContainsFunc(m.ID, func(r rune) bool { return !isIDCharacter(r) }):
		return &InvalidError{Field: "id", Message: "expected up to 64 letters, digits, dots, hyphens and underscores"}
	}
	return nil
}

// validAddress accepts a bare address, and no list, name, comment or route.
func validAddress(address string) error {
	if len(address) > MaxAddressBytes {
		return fmt.Errorf("expected at most %d bytes", MaxAddressBytes)
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.ContainsFunc(address, breaksLine) {
		return errors.New("expected one bare e-mail address, local@domain")
	}
	return nil
}

// breaksLine tells a character that has no place in a header: control characters, and what some programs take for the
// end of a line.
func breaksLine(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func isControlInText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

func isIDCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
}

// ascii gives the address as servers know it that do not speak SMTPUTF8: the domain in its ASCII form (RFC 5891). The
// local part stays, since it has no such form.
func ascii(address string) string {
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		// An address literal, or a name that only the server can judge.
		return address
	}
	return address[:at+1] + domain
}

// masked is an address as logs may have it: enough to recognise one's own, too little to write to.
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "***"
	}
	local := []rune(address[:at])
	if len(local) < 3 {
		return "***" + address[at:]
	}
	return string(local[:1]) + "***" + address[at:]
}
