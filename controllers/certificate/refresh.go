package certificate

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
)

// Keys of a Secret, besides corev1.TLSCertKey and corev1.TLSPrivateKeyKey.
const (
	authorityKey = corev1.ServiceAccountRootCAKey // ca.crt: the authorities to trust; the first is the one that signs
	signerKey    = "ca.key"
)

// material is what a Secret of Checky's own holds, as far as it can be used.
type material struct {
	authorities []*x509.Certificate
	signer      crypto.Signer     // of the first authority; nil: there is none that it fits
	leaf        *x509.Certificate // nil: there is none, or none that one of the authorities has signed
}

func read(data map[string][]byte) material {
	var m material
	m.authorities, _ = certutil.ParseCertsPEM(data[authorityKey])
	// Each has signed itself: one that was written over, be it in its name or its constraints alone, is none.
	m.authorities = slices.DeleteFunc(m.authorities, func(c *x509.Certificate) bool { return !signed(c)(c) })
	if len(m.authorities) > 0 {
		if pair, err := tls.X509KeyPair(encodeCertificates(m.authorities[0]), data[signerKey]); err == nil {
			m.signer, _ = pair.PrivateKey.(crypto.Signer)
		}
	}
	if pair, err := decode(data); err == nil && slices.ContainsFunc(m.authorities, signed(pair.Leaf)) {
		m.leaf = pair.Leaf
	}
	return m
}

// decode reads the certificate and key that a Secret has to serve by.
func decode(data map[string][]byte) (*tls.Certificate, error) {
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(data[key]) == 0 {
			return nil, errors.New("it has no " + key)
		}
	}
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, errors.New("tls.crt and tls.key are not a certificate and its key in PEM")
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, errors.New("tls.crt is not a certificate in PEM")
		}
	}
	return &pair, nil
}

// signed tells of an authority whether a certificate is by it.
func signed(c *x509.Certificate) func(*x509.Certificate) bool {
	return func(authority *x509.Certificate) bool {
		return bytes.Equal(c.RawIssuer, authority.RawSubject) && c.CheckSignatureFrom(authority) == nil
	}
}

// refresh tells what a Secret of Checky's own is to hold in place of what it holds; nil: it is good as it is. Other keys stay as they
// are.
func refresh(data map[string][]byte, wanted names, now time.Time) (map[string][]byte, error) {
	m, fresh := read(data), map[string][]byte{}
	if wanted = m.agreed(wanted, now); m.signer == nil || !now.Before(due(m.authorities[0])) || !wanted.allowedBy(m.authorities[0]) {
		if err := m.renewAuthority(fresh, wanted, now); err != nil {
			return nil, err
		}
	}
	if m.certificateDue(wanted, now) {
		if err := m.renewCertificate(fresh, wanted, now); err != nil {
			return nil, err
		}
	}
	if known := m.known(now); len(known) != len(m.authorities) || len(fresh) > 0 {
		fresh[authorityKey] = encodeCertificates(known...)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	all := maps.Clone(data)
	if all == nil {
		all = map[string][]byte{}
	}
	maps.Copy(all, fresh)
	return all, nil
}

// agreed are the names that are wanted, with those of a certificate that has long to go: another replica may be of a version that wants
// these.
func (m *material) agreed(wanted names, now time.Time) names {
	if m.leaf != nil && now.Before(due(m.leaf)) {
		return wanted.and(m.leaf)
	}
	return wanted
}

// renewAuthority puts a new authority before those that the certificate in use is by.
func (m *material) renewAuthority(fresh map[string][]byte, wanted names, now time.Time) error {
	authority, signer, err := newAuthority(wanted, now)
	if err != nil {
		return err
	}
	if fresh[signerKey], err = encodeKey(signer); err != nil {
		return err
	}
	var before []*x509.Certificate
	if m.leaf != nil {
		if i := slices.IndexFunc(m.authorities, signed(m.leaf)); i >= 0 {
			before = m.authorities[i : i+1]
		}
	}
	m.authorities, m.signer = append([]*x509.Certificate{authority}, before...), signer
	return nil
}

// certificateDue tells whether the certificate is to be renewed now. One that still works waits until its successor's authority is known.
func (m *material) certificateDue(wanted names, now time.Time) bool {
	if m.leaf == nil || !now.Before(m.leaf.NotAfter) || !wanted.coveredBy(m.leaf) {
		return true
	}
	signer := m.authorities[0]
	return !now.Before(due(m.leaf)) && (signed(m.leaf)(signer) || !now.Before(signer.NotBefore.Add(overlap)))
}

func (m *material) renewCertificate(fresh map[string][]byte, wanted names, now time.Time) error {
	leaf, key, err := newCertificate(m.authorities[0], m.signer, wanted, now)
	if err != nil {
		return err
	}
	m.leaf = leaf
	fresh[corev1.TLSCertKey] = encodeCertificates(leaf)
	fresh[corev1.TLSPrivateKeyKey], err = encodeKey(key)
	return err
}

// known are the authorities to trust: the one that signs, and the one before it until no server has a certificate by it.
func (m *material) known(now time.Time) []*x509.Certificate {
	first := m.authorities[0]
	if signed(m.leaf)(first) && !now.Before(m.leaf.NotBefore.Add(overlap)) {
		return m.authorities[:1]
	}
	return slices.DeleteFunc(slices.Clone(m.authorities), func(c *x509.Certificate) bool {
		return !c.Equal(first) && !now.Before(c.NotAfter)
	})
}
