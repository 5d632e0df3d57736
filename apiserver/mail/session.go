package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// connection is the connection of one mail. go-mail leaves it open where the greeting fails, and looks at the context
// only while dialing: both are done here.
type connection struct {
	whole    context.Context // the whole mail's; go-mail has no other way to hand it to dial
	implicit *tls.Config     // not nil: TLS from the first byte
	login    *login          // nil: no login

	conn net.Conn
	stop func() bool
}

// dial connects, and has the end of the whole mail's time end the connection.
func (c *connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dialing, network, address)
	if err != nil {
		return nil, err
	}
	if c.implicit != nil {
		secure := tls.Client(conn, c.implicit)
		if err := secure.HandshakeContext(dialing); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	c.conn = conn
	// The context that dialing has ends with dialing.
	c.stop = context.AfterFunc(c.whole, func() { _ = conn.Close() })
	return conn, nil
}

// close ends the connection where it is open still.
func (c *connection) close() {
	if c.stop != nil {
		c.stop()
	}
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// step is how far the connection came.
func (c *connection) step() string {
	switch {
	case c.conn == nil:
		return "connecting"
	case c.login != nil && c.login.began:
		return "logging in"
	default:
		return "greeting"
	}
}

// login logs in by the best mechanism that the server offers, over TLS alone.
type login struct {
	username, password, host string
	began                    bool
	chosen                   smtp.Auth
}

// Start chooses the mechanism.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	l.began = true
	switch offers := func(mechanism string) bool { return slices.Contains(server.Auth, mechanism) }; {
	case !server.TLS:
		return "", nil, smtp.ErrUnencrypted
	case offers("SCRAM-SHA-256"):
		l.chosen = smtp.ScramSHA256Auth(l.username, l.password)
	case offers("PLAIN"):
		l.chosen = smtp.PlainAuth("", l.username, l.password, l.host, false)
	case offers("LOGIN"):
		l.chosen = smtp.LoginAuth(l.username, l.password, l.host, false)
	default:
		return "", nil, errors.New("the server offers none of SCRAM-SHA-256, PLAIN and LOGIN")
	}
	return l.chosen.Start(server)
}

// Next goes on with it.
func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return l.chosen.Next(fromServer, more)
}

// failure is why a mail was not sent. It may be logged: the recipient in it is masked, and it has nothing of the text.
type failure struct {
	step  string
	code  int    // the server's answer (RFC 5321, section 4.2); 0: there was none
	reply string // what the server said with it, where that cannot quote the mail
	cause error  // what failed, where it was not the server's answer
}

// Error says what failed, and the server's answer.
func (f *failure) Error() string {
	switch {
	case f.code == 0:
		return fmt.Sprintf("SMTP, %s: %v", f.step, f.cause)
	case f.reply == "":
		return fmt.Sprintf("SMTP, %s: the server answered %d", f.step, f.code)
	default:
		return fmt.Sprintf("SMTP, %s: the server answered %d %s", f.step, f.code, f.reply)
	}
}

// Unwrap is what failed on this side of the connection.
func (f *failure) Unwrap() error { return f.cause }

// permanent tells an error that another attempt meets again. All that is not the server's final word may pass: a
// network, a certificate while it is renewed, a password file while it is exchanged.
func permanent(err error) bool {
	var invalid *InvalidError
	var f *failure
	return errors.As(err, &invalid) || errors.As(err, &f) && f.code >= 500
}

// describe makes a failure of go-mail's error, which has the recipient in it, and the server's words.
func describe(step string, err error, to string) error {
	var reply *textproto.Error
	var sent *gomail.SendError
	switch {
	case errors.As(err, &sent) && sent.ErrorCode() != 0:
		f := &failure{step: sent.Reason.String(), code: sent.ErrorCode(), reply: sent.EnhancedStatusCode()}
		if sent.Reason == gomail.ErrSMTPMailFrom || sent.Reason == gomail.ErrSMTPRcptTo {
			words := strings.TrimPrefix(sent.Error(), fmt.Sprintf("%s: %d ", f.step, f.code))
			words, _, _ = strings.Cut(words, ", affected recipient(s): ")
			words, _, _ = strings.Cut(words, ", affected message ID: ")
			if unquoted, err := strconv.Unquote(words); err == nil {
				words = unquoted
			}
			f.reply = clean(words, to)
		}
		return f
	case errors.As(err, &sent):
		return &failure{step: sent.Reason.String(), cause: errors.New("the connection broke, or the server did not answer in time")}
	case errors.As(err, &reply) && step == "logging in":
		// A server may quote what it was sent.
		return &failure{step: step, code: reply.Code}
	case errors.As(err, &reply):
		return &failure{step: step, code: reply.Code, reply: clean(reply.Msg, to)}
	default:
		return &failure{step: step, cause: err}
	}
}

// maxReplyBytes is how much of a server's words is kept.
const maxReplyBytes = 200

// clean makes a server's words fit for a log: one short line, without the recipient.
func clean(words, to string) string {
	local := to[:strings.LastIndexByte(to, '@')]
	quoted := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(local) + `(@` + regexp.QuoteMeta(to[len(local)+1:]) + `)?`)
	words = quoted.ReplaceAllLiteralString(words, masked(to))
	words = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(words, "?"), func(r rune) bool { return r == ' ' || breaksLine(r) }), " ")
	if len(words) <= maxReplyBytes {
		return words
	}
	cut := maxReplyBytes
	for !utf8.RuneStart(words[cut]) {
		cut--
	}
	return words[:cut] + "..."
}

// newID is the left part of a Message-ID, 128 random bits.
func newID() string { return strings.ToLower(rand.Text()) }
