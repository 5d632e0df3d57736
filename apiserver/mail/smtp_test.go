package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

func send(t *testing.T, o SMTPOptions, m Message) error {
	t.Helper()
	if o.From == "" {
		o.From = "Checky <checky@checky.example>"
	}
	sender, err := NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return sender.Send(t.Context(), m)
}

func TestWhatArrives(t *testing.T) {
	s := startServer(t, serverOptions{auth: true})
	text := "Grüße,\n\n.a line that begins with a dot\nhttps://checky.example/password-reset#token=" + strings.Repeat("abc=", 30) + "\n"
	m := Message{To: "ann@bücher.example", Subject: "Grüße, schön", Text: text, ID: "the-id"}
	if err := send(t, SMTPOptions{Address: s.address, CAFile: s.caFile, Username: username, Password: password}, m); err != nil {
		t.Fatal(err)
	}
	mails := s.received()
	if len(mails) != 1 {
		t.Fatalf("%d mails arrived", len(mails))
	}
	got := mails[0]
	parsed, err := mail.ReadMessage(strings.NewReader(got.Data))
	if err != nil {
		t.Fatal(err)
	}
	got.Data = ""
	want := received{From: "checky@checky.example", To: "ann@xn--bcher-kva.example", User: username, TLS: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	if _, err := parsed.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	delete(parsed.Header, "Date")
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	parsed.Header["Subject"] = []string{subject}
	wantHeader := mail.Header{
		"From": {`"Checky" <checky@checky.example>`}, "To": {"<ann@xn--bcher-kva.example>"}, "Subject": {m.Subject},
		"Message-Id": {"<the-id@checky.example>"}, "Auto-Submitted": {"auto-generated"}, "Mime-Version": {"1.0"},
		"Content-Type": {"text/plain; charset=UTF-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	}
	if diff := cmp.Diff(wantHeader, parsed.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, strings.ReplaceAll(string(body), "\r\n", "\n")); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestConnections(t *testing.T) {
	message := Message{To: "ann@example.com", Subject: "A subject", Text: "The text.\n"}
	for name, tc := range map[string]struct {
		reason  string
		server  serverOptions
		options SMTPOptions
		noCA    bool
		check   func(error) bool // nil: it succeeds
		final   bool             // another attempt would be the same
	}{
		"starttls":       {reason: "the usual way", options: SMTPOptions{TLS: TLSStartTLS}},
		"implicit":       {reason: "TLS from the first byte", server: serverOptions{implicit: true}, options: SMTPOptions{TLS: TLSImplicit}},
		"implicit login": {reason: "a login over it", server: serverOptions{implicit: true, auth: true}, options: SMTPOptions{TLS: TLSImplicit, Username: username, Password: password}},
		"none":           {reason: "loopback may do without", server: serverOptions{noTLS: true}, options: SMTPOptions{TLS: TLSNone}},
		"downgrade": {
			reason: "somebody between took STARTTLS out of the greeting", server: serverOptions{noTLS: true}, options: SMTPOptions{},
			check: func(err error) bool { return strings.Contains(err.Error(), "STARTTLS") },
		},
		"unknown authority": {
			reason: "anybody can sign a certificate", noCA: true,
			check: func(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) },
		},
		"unknown authority, implicit": {
			reason: "here too", noCA: true, server: serverOptions{implicit: true}, options: SMTPOptions{TLS: TLSImplicit},
			check: func(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) },
		},
		"another's certificate": {
			reason: "the name counts, too", server: serverOptions{host: "other.example"},
			check: func(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) },
		},
		"wrong password": {
			reason: "the server's answer quotes the password: it is left out", server: serverOptions{auth: true},
			options: SMTPOptions{Username: username, Password: "wrong-password"}, final: true,
			check: func(err error) bool { return err.Error() == "SMTP, logging in: the server answered 535" },
		},
		"no login offered": {
			reason: "a password is not sent to a server that does not ask for it", options: SMTPOptions{Username: username, Password: password},
			check: func(err error) bool { return strings.Contains(err.Error(), "SCRAM-SHA-256, PLAIN and LOGIN") },
		},
		"login required": {
			reason: "no user is configured", server: serverOptions{auth: true}, final: true,
			check: func(err error) bool {
				return strings.Contains(err.Error(), "MAIL FROM command: the server answered 502")
			},
		},
		"unknown recipient": {
			reason: "the server's words help, without the address", final: true,
			server: serverOptions{refuse: func(step string, _ int) error {
				if step != "rcpt" {
					return nil
				}
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<Ann@example.com>: no Ann here"}
			}},
			check: func(err error) bool {
				return err.Error() == "SMTP, sending SMTP RCPT TO command: the server answered 550 5.1.1 <a***@example.com>: no a***@example.com here"
			},
		},
		"spam": {
			reason: "words that come after the text may quote it", final: true,
			server: serverOptions{refuse: func(step string, _ int) error {
				if step != "data" {
					return nil
				}
				return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "I don't like: The text."}
			}},
			check: func(err error) bool {
				return err.Error() == "SMTP, closing SMTP DATA writer: the server answered 554 5.7.1"
			},
		},
		"greylisted": {
			reason: "try again",
			server: serverOptions{refuse: func(string, int) error {
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later"}
			}},
			check: func(err error) bool { return strings.HasSuffix(err.Error(), "the server answered 451 4.7.1 later") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, tc.server)
			tc.options.Address = s.address
			if !tc.noCA {
				tc.options.CAFile = s.caFile
			}
			err := send(t, tc.options, message)
			if tc.check == nil {
				if err != nil || len(s.received()) != 1 {
					t.Fatalf("%s: %v, %d mails", tc.reason, err, len(s.received()))
				}
				if got := s.received()[0].TLS; got != (tc.options.TLS != TLSNone) {
					t.Errorf("%s: TLS: %t", tc.reason, got)
				}
				return
			}
			if err == nil || !tc.check(err) {
				t.Errorf("%s: got %v", tc.reason, err)
			}
			if err != nil && (strings.Contains(err.Error(), "ann@") || strings.Contains(err.Error(), "password")) {
				t.Errorf("the error tells too much: %v", err)
			}
			if permanent(err) != tc.final {
				t.Errorf("%s: permanent: %t", tc.reason, permanent(err))
			}
			if len(s.received()) != 0 {
				t.Errorf("%s: the mail arrived", tc.reason)
			}
		})
	}
}

func TestThePasswordFileIsReadEachTime(t *testing.T) {
	s := startServer(t, serverOptions{auth: true})
	file := filepath.Join(t.TempDir(), "password")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old\n")
	sender, err := NewSMTP(SMTPOptions{Address: s.address, CAFile: s.caFile, From: "checky@example.com", Username: username, PasswordFile: file})
	if err != nil {
		t.Fatal(err)
	}
	m := Message{To: "ann@example.com", Subject: "A subject", Text: "The text.\n"}
	if err := sender.Send(t.Context(), m); !permanent(err) {
		t.Errorf("with the old password: %v", err)
	}
	write(password + "\r\n")
	if err := sender.Send(t.Context(), m); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), m); !errors.Is(err, os.ErrNotExist) || permanent(err) {
		t.Errorf("without the file: %v", err)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	began, release := make(chan struct{}, 1), make(chan struct{})
	s := startServer(t, serverOptions{refuse: func(string, int) error {
		began <- struct{}{}
		<-release
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	sender, err := NewSMTP(SMTPOptions{Address: s.address, CAFile: s.caFile, From: "checky@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	// It would take 30 seconds if the connection did not end with the context.
	if err := sender.Send(ctx, Message{To: "ann@example.com", Subject: "A subject", Text: "The text.\n"}); err == nil || permanent(err) {
		t.Errorf("got %v", err)
	}
	close(release)
}

func TestNothingCanBeInjected(t *testing.T) {
	good := Message{To: "ann@example.com", Subject: "A subject", Text: "The text.\n"}
	for name, tc := range map[string]struct {
		field  string
		change func(*Message)
	}{
		"a header in the subject":       {"subject", func(m *Message) { m.Subject = "A\r\nBcc: eve@example.com" }},
		"a line end in the subject":     {"subject", func(m *Message) { m.Subject = "A\nB" }},
		"a Unicode line end":            {"subject", func(m *Message) { m.Subject = "A\u2028B" }},
		"NUL in the subject":            {"subject", func(m *Message) { m.Subject = "A\x00B" }},
		"no UTF-8 in the subject":       {"subject", func(m *Message) { m.Subject = "A\xff" }},
		"no subject":                    {"subject", func(m *Message) { m.Subject = "" }},
		"a long subject":                {"subject", func(m *Message) { m.Subject = strings.Repeat("a", MaxSubjectBytes+1) }},
		"a command in the address":      {"to", func(m *Message) { m.To = "ann@example.com>\r\nRCPT TO:<eve@example.com" }},
		"a line end after the address":  {"to", func(m *Message) { m.To = "ann@example.com\n" }},
		"two addresses":                 {"to", func(m *Message) { m.To = "ann@example.com, eve@example.com" }},
		"a name":                        {"to", func(m *Message) { m.To = "Ann <ann@example.com>" }},
		"a line end in a quoted local":  {"to", func(m *Message) { m.To = "\"ann\r\n\"@example.com" }},
		"no address":                    {"to", func(m *Message) { m.To = "" }},
		"a long address":                {"to", func(m *Message) { m.To = strings.Repeat("a", MaxAddressBytes) + "@example.com" }},
		"a header in the ID":            {"id", func(m *Message) { m.ID = "a>\r\nBcc: eve@example.com" }},
		"an escape in the text":         {"text", func(m *Message) { m.Text = "\x1b[2J" }},
		"a carriage return in the text": {"text", func(m *Message) { m.Text = "a\rb" }},
		"no text":                       {"text", func(m *Message) { m.Text = "" }},
		"a long text":                   {"text", func(m *Message) { m.Text = strings.Repeat("a", MaxTextBytes+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			tc.change(&m)
			var printed bytes.Buffer
			for sender, err := range map[string]error{
				"SMTP":    send(t, SMTPOptions{Address: "127.0.0.1:1"}, m),
				"Mailbox": Mailbox(&printed).Send(t.Context(), m),
			} {
				var invalid *InvalidError
				if !errors.As(err, &invalid) || invalid.Field != tc.field {
					t.Errorf("%s: expected an error of %s, got %v", sender, tc.field, err)
				}
			}
			if printed.Len() > 0 {
				t.Error("the mailbox printed it")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("two\nlines"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := SMTPOptions{Address: "mail.example.com", From: "checky@example.com"}
	for name, tc := range map[string]struct {
		flag   string // what the error begins with; empty: there is none
		change func(*SMTPOptions)
	}{
		"the least":                 {"", func(*SMTPOptions) {}},
		"IPv6":                      {"", func(o *SMTPOptions) { o.Address = "[::1]:2525" }},
		"IPv6 without port":         {"", func(o *SMTPOptions) { o.Address = "[::1]" }},
		"a non-ASCII host":          {"", func(o *SMTPOptions) { o.Address = "bücher.example" }},
		"plain on loopback":         {"", func(o *SMTPOptions) { o.TLS, o.Address = TLSNone, "localhost:2525" }},
		"plain, said explicitly":    {"", func(o *SMTPOptions) { o.TLS, o.AllowPlain = TLSNone, true }},
		"plain":                     {"--smtp-tls", func(o *SMTPOptions) { o.TLS = TLSNone }},
		"another TLS":               {"--smtp-tls", func(o *SMTPOptions) { o.TLS = "opportunistic" }},
		"no address":                {"--smtp-address", func(o *SMTPOptions) { o.Address = "" }},
		"port 0":                    {"--smtp-address", func(o *SMTPOptions) { o.Address = "mail.example.com:0" }},
		"a port too large":          {"--smtp-address", func(o *SMTPOptions) { o.Address = "mail.example.com:65536" }},
		"a URL":                     {"--smtp-address", func(o *SMTPOptions) { o.Address = "smtp://mail.example.com" }},
		"no sender":                 {"--smtp-from", func(o *SMTPOptions) { o.From = "" }},
		"two senders":               {"--smtp-from", func(o *SMTPOptions) { o.From = "a@example.com, b@example.com" }},
		"a header in the sender":    {"--smtp-from", func(o *SMTPOptions) { o.From = "\"A\r\nBcc: eve@example.com\" <a@example.com>" }},
		"a password for nobody":     {"--smtp-username", func(o *SMTPOptions) { o.Password = "p" }},
		"a login without TLS":       {"--smtp-username", func(o *SMTPOptions) { o.TLS, o.AllowPlain, o.Username, o.Password = TLSNone, true, "u", "p" }},
		"a user without a password": {"--smtp-password-file", func(o *SMTPOptions) { o.Username = "u" }},
		"two passwords":             {"--smtp-password-file", func(o *SMTPOptions) { o.Username, o.Password, o.PasswordFile = "u", "p", file }},
		"no password file":          {"--smtp-password-file", func(o *SMTPOptions) { o.Username, o.PasswordFile = "u", file+"x" }},
		"two lines of password":     {"--smtp-password-file", func(o *SMTPOptions) { o.Username, o.PasswordFile = "u", file }},
		"no CA file":                {"--smtp-ca-file", func(o *SMTPOptions) { o.CAFile = file + "x" }},
		"no PEM":                    {"--smtp-ca-file", func(o *SMTPOptions) { o.CAFile = file }},
		"a folder for a CA file":    {"--smtp-ca-file", func(o *SMTPOptions) { o.CAFile = filepath.Dir(file) }},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			tc.change(&o)
			err := o.Validate()
			if (tc.flag == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tc.flag+": ") {
				t.Errorf("expected an error of %q, got %v", tc.flag, err)
			}
		})
	}
}
