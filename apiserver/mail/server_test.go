package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	username = "checky"
	password = "the-password-of-checky"
)

// received is a mail as the server took it.
type received struct {
	From, To, Data string
	User           string
	TLS            bool
}

// server is a real SMTP server on loopback.
type server struct {
	address string
	caFile  string

	mu       sync.Mutex
	password string
	refuse   func(step string, n int) error // what a step (mail, rcpt, data) answers the nth mail, from 1; nil: it takes it
	mails    []received
	begun    int           // MAIL commands so far
	arrived  chan struct{} // gets one for each mail taken
	stop     func()        // ends the server before the test does
}

type serverOptions struct {
	implicit, noTLS bool
	host            string // whom the certificate is for; default 127.0.0.1
	address         string // where to listen; default a free port
	auth            bool
	refuse          func(step string, n int) error
}

// startServer starts a server with a certificate of an authority of its own, and stops it with the test.
func startServer(t *testing.T, o serverOptions) *server {
	t.Helper()
	if o.host == "" {
		o.host = "127.0.0.1"
	}
	if o.address == "" {
		o.address = "127.0.0.1:0"
	}
	s := &server{password: password, refuse: o.refuse, arrived: make(chan struct{}, 1000)}
	config, ca := certificate(t, o.host)
	s.caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", o.address)
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	running := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, isTLS := c.TLSConnectionState()
		session := session{s: s, tls: isTLS}
		if o.auth {
			return &authSession{session}, nil
		}
		return &session, nil
	}))
	running.Domain = "test.example"
	running.ReadTimeout, running.WriteTimeout = time.Minute, time.Minute
	running.ErrorLog = quiet{}
	switch {
	case o.implicit:
		listener = tls.NewListener(listener, config)
	case !o.noTLS:
		running.TLSConfig = config
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = running.Serve(listener)
	}()
	s.stop = func() {
		_ = running.Close()
		_ = listener.Close() // where Serve had not begun, Close did not know it
		<-done
	}
	t.Cleanup(s.stop)
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

func (s *server) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

type session struct {
	s    *server
	tls  bool
	user string
	mail received
}

type authSession struct{ session }

func (*authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (a *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		a.s.mu.Lock()
		defer a.s.mu.Unlock()
		if user != username || pass != a.s.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not " + pass}
		}
		a.user = user
		return nil
	}), nil
}

func (a *authSession) Mail(from string, o *smtp.MailOptions) error {
	if a.user == "" {
		return smtp.ErrAuthRequired
	}
	return a.session.Mail(from, o)
}

func (s *session) step(name string) error {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if name == "mail" {
		s.s.begun++
	}
	if s.s.refuse == nil {
		return nil
	}
	return s.s.refuse(name, s.s.begun)
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = received{From: from, TLS: s.tls, User: s.user}
	return s.step("mail")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	return s.step("rcpt")
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err := errors.Join(err, s.step("data")); err != nil {
		var reply *smtp.SMTPError
		if errors.As(err, &reply) {
			return reply
		}
		return err
	}
	s.mail.Data = string(data)
	s.s.mu.Lock()
	s.s.mails = append(s.s.mails, s.mail)
	s.s.mu.Unlock()
	s.s.arrived <- struct{}{}
	return nil
}

func (s *session) Reset()        { s.mail = received{TLS: s.tls, User: s.user} }
func (s *session) Logout() error { return nil }

// certificate makes a certificate for a host, and the authority that signed it.
func certificate(t *testing.T, host string) (*tls.Config, []byte) {
	t.Helper()
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, DNSNames: []string{host},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.DNSNames, leaf.IPAddresses = nil, []net.IP{ip}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return config, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
}
