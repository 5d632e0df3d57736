package certificate

import (
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"
)

// errNone is what a server answers that has no certificate yet.
var errNone = errors.New("there is no certificate to serve by yet")

// Store is the certificate that a server serves by. The zero value has none.
type Store struct {
	current atomic.Pointer[tls.Certificate]
}

// GetCertificate is for tls.Config.
func (s *Store) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if current := s.current.Load(); current != nil {
		return current, nil
	}
	return nil, errNone
}

// Ready is a readiness check: a server is of no use before it has a certificate.
func (s *Store) Ready(*http.Request) error {
	if s.current.Load() == nil {
		return errNone
	}
	return nil
}
