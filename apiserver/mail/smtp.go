package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// The time that a mail may take.
const (
	// dialTimeout is for the connection: name, TCP, and TLS where it is implicit.
	dialTimeout = 10 * time.Second
	// messageTimeout is for a whole mail, the connection included.
	messageTimeout = 30 * time.Second
	// maxFileBytes is the largest file with a password or certificates (1 MiB).
	maxFileBytes = 1 << 20
)

// How a connection is protected.
const (
	// TLSStartTLS begins in plain text and changes to TLS before anything is said. A server that does not offer it is
	// left. RFC 3207.
	TLSStartTLS = "starttls"
	// TLSImplicit is TLS from the first byte. RFC 8314, section 3.3.
	TLSImplicit = "implicit"
	// TLSNone is plain text, for a server on the same machine.
	TLSNone = "none"
)

// defaultPorts are the ports of an Address without one.
var defaultPorts = map[string]string{TLSStartTLS: "587", TLSImplicit: "465", TLSNone: "25"}

// SMTPOptions say which server sends the mails, and as whom.
type SMTPOptions struct {
	// Address is HOST or HOST:PORT. The port is 587 for starttls, 465 for implicit and 25 for none. The server's
	// certificate has to be for HOST.
	Address string
	// From is who writes: checky@example.com or Checky <checky@example.com>. A non-ASCII domain is sent in its ASCII form.
	From string
	// Username and Password log in at the server, over TLS alone. No Username: no login.
	Username, Password string
	// PasswordFile holds the password, in place of Password. It is read for each connection, so that a mounted Secret
	// may change; one line end at its end is not part of it.
	PasswordFile string
	// TLS is starttls (also where it is empty), implicit or none.
	TLS string
	// AllowPlain permits TLS none to a server that is not on this machine.
	AllowPlain bool
	// CAFile holds the certificates, PEM, of the authorities to trust in place of the system's. It is read for each connection.
	CAFile string
}

// Validate tells the first option that cannot be, by the name of its flag.
func (o SMTPOptions) Validate() error {
	host, _, err := o.hostPort()
	if err != nil {
		return fmt.Errorf("--smtp-address: %w", err)
	}
	if _, err := o.from(); err != nil {
		return fmt.Errorf("--smtp-from: %w", err)
	}
	switch {
	case defaultPorts[o.tls()] == "":
		return errors.New("--smtp-tls: expected starttls, implicit or none")
	case o.tls() == TLSNone && !o.AllowPlain && !isLoopback(host):
		return errors.New("--smtp-tls: none is for a server on this machine; use starttls or implicit, " +
			"or set --smtp-allow-plain where the network is protected by other means")
	case o.Username == "" && (o.Password != "" || o.PasswordFile != ""):
		return errors.New("--smtp-username: expected the user whose password is given")
	case o.Username != "" && o.TLS == TLSNone:
		return errors.New("--smtp-username: a login needs TLS; set --smtp-tls to starttls or implicit")
	case o.Username != "" && o.Password == "" && o.PasswordFile == "":
		return errors.New("--smtp-password-file: expected a file with the password of --smtp-username")
	case o.Password != "" && o.PasswordFile != "":
		return errors.New("--smtp-password-file: expected one of SMTP_PASSWORD and --smtp-password-file")
	case strings.ContainsFunc(o.Username+o.Password, breaksLine):
		return errors.New("--smtp-username, SMTP_PASSWORD: expected no control characters")
	}
	if _, err := o.password(); err != nil {
		return fmt.Errorf("--smtp-password-file: %w", err)
	}
	if _, err := o.tlsConfig(host); err != nil {
		return fmt.Errorf("--smtp-ca-file: %w", err)
	}
	return nil
}

func (o SMTPOptions) tls() string {
	if o.TLS == "" {
		return TLSStartTLS
	}
	return o.TLS
}

// hostPort splits the address, and fills the port in.
func (o SMTPOptions) hostPort() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(o.Address)
	if err != nil {
		host, text = strings.Trim(o.Address, "[]"), defaultPorts[o.tls()]
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if text != "" && (err != nil || number == 0) {
		return "", 0, errors.New("expected a port from 1 to 65535")
	}
	if net.ParseIP(host) == nil {
		if host, err = idna.Lookup.ToASCII(host); err != nil || host == "" {
			return "", 0, errors.New("expected HOST or HOST:PORT")
		}
	}
	return host, int(number), nil
}

// from is who writes, its domain in ASCII.
func (o SMTPOptions) from() (*mail.Address, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil || strings.ContainsFunc(o.From, breaksLine) {
		return nil, errors.New("expected one e-mail address, such as checky@example.com or Checky <checky@example.com>")
	}
	from.Address = ascii(from.Address)
	return from, nil
}

func (o SMTPOptions) password() (string, error) {
	if o.PasswordFile == "" {
		return o.Password, nil
	}
	content, err := readFile(o.PasswordFile)
	if err != nil {
		return "", err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if password == "" || strings.ContainsFunc(password, breaksLine) {
		return "", errors.New("expected one line with the password")
	}
	return password, nil
}

func (o SMTPOptions) tlsConfig(host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if o.CAFile == "" {
		return config, nil
	}
	content, err := readFile(o.CAFile)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(content) {
		return nil, errors.New("expected certificates in PEM form")
	}
	return config, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileBytes {
		return nil, fmt.Errorf("expected a file of at most %d bytes", maxFileBytes)
	}
	return os.ReadFile(path)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// SMTP sends mails through a server, each over a connection of its own.
type SMTP struct {
	o    SMTPOptions
	host string
	port int
	from *mail.Address
}

// NewSMTP makes a sender of valid options. It does not connect.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.TLS = o.tls()
	host, port, err := o.hostPort()
	if err != nil {
		return nil, err
	}
	from, err := o.from()
	if err != nil {
		return nil, err
	}
	return &SMTP{o: o, host: host, port: port, from: from}, nil
}

// Send hands one mail to the server. Its errors name the step that failed and the server's code, and hold neither the
// text nor the full recipient.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	line := connection{whole: ctx}
	defer line.close()
	client, err := s.client(&line)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return describe(line.step(), err, m.To)
	}
	if err := client.SendWithSMTPClient(session, message); err != nil && !message.IsDelivered() {
		return describe("sending", err, m.To)
	}
	// The mail is the server's now. How the goodbye goes does not matter.
	_ = client.CloseWithSMTPClient(session)
	return nil
}

// client is what speaks SMTP, with the files as they are now.
func (s *SMTP) client(line *connection) (*gomail.Client, error) {
	config, err := s.o.tlsConfig(s.host)
	if err != nil {
		return nil, fmt.Errorf("--smtp-ca-file: %w", err)
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(messageTimeout), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(line.dial),
	}
	switch s.o.TLS {
	case TLSStartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLSImplicit:
		line.implicit = config
		options = append(options, gomail.WithSSL())
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.o.Username != "" {
		password, err := s.o.password()
		if err != nil {
			return nil, fmt.Errorf("--smtp-password-file: %w", err)
		}
		line.login = &login{username: s.o.Username, password: password, host: s.host}
		options = append(options, gomail.WithSMTPAuthCustom(line.login))
	}
	return gomail.NewClient(s.host, options...)
}

// message is the mail as it is sent.
func (s *SMTP) message(m Message) (*gomail.Msg, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	if m.ID == "" {
		m.ID = newID()
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	if err := message.To(ascii(m.To)); err != nil {
		return nil, &InvalidError{Field: "to", Message: "expected an address that can be written in a header"}
	}
	message.Subject(m.Subject)
	message.SetDate()
	// The machine's name, which go-mail would take, is nobody's business.
	message.SetMessageIDWithValue(m.ID + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	// RFC 3834, section 5: no answering machine answers.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	return message, nil
}
