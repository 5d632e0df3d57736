package apiserver_test

import (
	"context"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/checky-dev/checky/apiserver"
	mails "github.com/checky-dev/checky/apiserver/mail"
)

// externalURL is where mails say that the facade is, whatever a request says.
const externalURL = "https://checky.example.com/app"

// postOffice is a real SMTP server on loopback that keeps what it gets.
type postOffice struct {
	t       testing.TB
	address string
	mails   chan letter
}

// letter is a mail that was taken.
type letter struct{ to, data string }

// startPostOffice starts a mail server for the length of a test.
func startPostOffice(t testing.TB) *postOffice {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{t: t, address: listener.Addr().String(), mails: make(chan letter, 100)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }))
	server.Domain = "test.example"
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return p
}

// counter takes the mails of one connection.
type counter struct {
	office *postOffice
	to     string
}

func (*counter) Mail(string, *smtp.MailOptions) error        { return nil }
func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error { c.to = to; return nil }
func (*counter) Reset()                                      {}
func (*counter) Logout() error                               { return nil }

func (c *counter) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.office.mails <- letter{to: c.to, data: string(data)}
	return nil
}

// use makes a facade send its mails there.
func (p *postOffice) use(o *apiserver.Options) {
	o.Mailbox = nil
	o.SMTP = mails.SMTPOptions{Address: p.address, From: "Checky <checky@example.com>", TLS: mails.TLSNone}
	o.ExternalURL = externalURL
}

// next is the next mail: whom it is to, and its text.
func (p *postOffice) next() (to, text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	select {
	case l := <-p.mails:
		m, err := mail.ReadMessage(strings.NewReader(l.data))
		if err != nil {
			p.t.Fatal(err)
		}
		body := m.Body
		if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		read, err := io.ReadAll(body)
		if err != nil {
			p.t.Fatal(err)
		}
		return l.to, string(read)
	case <-ctx.Done():
		p.t.Fatal("no mail has come")
		return "", ""
	}
}

// resetLink is what a mail's link looks like: the token is behind the #, where no server sees it.
var resetLink = regexp.MustCompile(`(https?://\S+)#token=(\S+)`)
