package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 90 * 24 * time.Hour

	// overlap is how long an authority is known before anything is signed by it, and how long the one before stays known after: many times
	// what API servers and kubelets take to follow a change.
	overlap = 24 * time.Hour

	// skew is how far a clock may be behind the one that issues.
	skew = 5 * time.Minute

	// maxNames bounds the names that a certificate keeps of the one before.
	maxNames = 20
)

// names are what a certificate is good for.
type names struct {
	dns []string
	ips []net.IP
}

// namesOf are those that a Service has in its cluster, and those of the machine itself.
func namesOf(service, namespace string) names {
	inside := service + "." + namespace
	return names{
		dns: []string{service, inside, inside + ".svc", inside + ".svc.cluster.local", "localhost"},
		ips: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

// coveredBy tells whether a certificate has all of them.
func (n names) coveredBy(c *x509.Certificate) bool {
	return !slices.ContainsFunc(n.dns, func(name string) bool { return !slices.Contains(c.DNSNames, name) }) &&
		!slices.ContainsFunc(n.ips, func(ip net.IP) bool { return !slices.ContainsFunc(c.IPAddresses, ip.Equal) })
}

// and adds those of a certificate, so that two versions of Checky that want different names agree on one that has both.
func (n names) and(c *x509.Certificate) names {
	both := names{slices.Clone(n.dns), slices.Clone(n.ips)}
	for _, name := range c.DNSNames {
		if !slices.Contains(both.dns, name) && len(validation.IsDNS1123Subdomain(name)) == 0 { // what an authority can be held to
			both.dns = append(both.dns, name)
		}
	}
	for _, ip := range c.IPAddresses {
		if !slices.ContainsFunc(both.ips, ip.Equal) {
			both.ips = append(both.ips, ip)
		}
	}
	if len(both.dns)+len(both.ips) > maxNames {
		return n
	}
	return both
}

// host is the network of one address.
func host(ip net.IP) *net.IPNet {
	if short := ip.To4(); short != nil {
		ip = short
	}
	bits := 8 * len(ip)
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}
}

// allowedBy tells whether an authority may sign for all of them. One without constraints, as of somebody else's making, may.
func (n names) allowedBy(authority *x509.Certificate) bool {
	dns, ips := authority.PermittedDNSDomains, authority.PermittedIPRanges
	return (len(dns) == 0 || !slices.ContainsFunc(n.dns, func(name string) bool { return !slices.Contains(dns, name) })) &&
		(len(ips) == 0 || !slices.ContainsFunc(n.ips, func(ip net.IP) bool {
			return !slices.ContainsFunc(ips, func(network *net.IPNet) bool { return network.Contains(ip) })
		}))
}

// newAuthority makes an authority and its key. It is good for servers of these names and for nothing else (RFC 5280, sections 4.2.1.10
// and 4.2.1.12): who steals the key cannot be another server to those who trust the authority.
func newAuthority(n names, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	hosts := make([]*net.IPNet, len(n.ips))
	for i, ip := range n.ips {
		hosts[i] = host(ip)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Checky"}, CommonName: "Checky authority " + now.UTC().Format(time.RFC3339)},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         n.dns,
		PermittedIPRanges:           hosts,
	}
	return sign(template, nil, nil)
}

// newCertificate makes a server's certificate and its key.
func newCertificate(authority *x509.Certificate, signer crypto.Signer, n names, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Checky"}},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              n.dns,
		IPAddresses:           n.ips,
	}
	return sign(template, authority, signer)
}

// sign makes a key and its certificate. One without a parent is signed by itself.
func sign(template, parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	// 20 octets at most, and positive: RFC 5280, section 4.1.2.2.
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	template.SerialNumber.Add(template.SerialNumber, big.NewInt(1))
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(der)
	return made, key, err
}

// due is when a certificate is to be renewed: after two thirds of its life.
func due(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}

func encodeCertificates(list ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range list {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
