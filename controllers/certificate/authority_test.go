package certificate

import (
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// TestStolenAuthority signs with what is in the Secret whatever somebody may want who has read it: nobody who trusts ca.crt takes it.
func TestStolenAuthority(t *testing.T) {
	m := read(must(t, nil, start))
	authority := m.authorities[0]
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	server := func(n names) *x509.Certificate {
		leaf, _, err := newCertificate(authority, m.signer, n, start)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	for name, tc := range map[string]struct {
		reason string
		forged *x509.Certificate
		use    x509.ExtKeyUsage
		taken  bool
	}{
		"Own":     {"this is what it is for", server(namesOf("web", "ns")), x509.ExtKeyUsageServerAuth, true},
		"Service": {"it is another's", server(namesOf("bank", "ns")), x509.ExtKeyUsageServerAuth, false},
		"API":     {"it would be the API server", server(names{dns: []string{"kubernetes.default.svc"}}), x509.ExtKeyUsageServerAuth, false},
		"World":   {"it would be anybody", server(names{dns: []string{"bank.example.com"}}), x509.ExtKeyUsageServerAuth, false},
		"Mixed":   {"one name too many is enough", server(names{dns: []string{"web", "bank.example.com"}}), x509.ExtKeyUsageServerAuth, false},
		"Address": {"it would be another host", server(names{ips: []net.IP{net.IPv4(10, 0, 0, 1)}}), x509.ExtKeyUsageServerAuth, false},
		"IPv6":    {"it would be another host", server(names{ips: []net.IP{net.IPv6loopback}}), x509.ExtKeyUsageServerAuth, false},
		"Client":  {"it would be a user", server(namesOf("web", "ns")), x509.ExtKeyUsageClientAuth, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.forged.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: start, KeyUsages: []x509.ExtKeyUsage{tc.use}})
			if (err == nil) != tc.taken {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
	if !authority.PermittedDNSDomainsCritical || !authority.MaxPathLenZero || authority.MaxPathLen != 0 {
		t.Error("whoever does not know of name constraints may ignore them, or it may sign authorities")
	}
}

// TestForeignNames keeps no name of a certificate that an authority could not be held to.
func TestForeignNames(t *testing.T) {
	n := namesOf("web", "ns").and(&x509.Certificate{DNSNames: []string{"*.example.com", "", ".", "a b", "Ü", "old.ns"}, IPAddresses: []net.IP{net.IPv6loopback}})
	if diff := cmp.Diff(append(namesOf("web", "ns").dns, "old.ns"), n.dns); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	authority, _, err := newAuthority(n, start)
	if err != nil || !n.allowedBy(authority) {
		t.Errorf("an authority of these names: %v", err)
	}
}

// TestOldAuthority finds one without constraints, of an earlier version: it stays until it is due.
func TestOldAuthority(t *testing.T) {
	data := must(t, nil, start)
	m := read(data)
	old := *m.authorities[0]
	old.PermittedDNSDomains, old.PermittedIPRanges, old.ExtKeyUsage, old.PublicKey = nil, nil, nil, nil
	authority, signer, err := sign(&old, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, key, err := newCertificate(authority, signer, namesOf("web", "ns"), start)
	if err != nil {
		t.Fatal(err)
	}
	data[authorityKey], data[corev1.TLSCertKey] = encodeCertificates(authority), encodeCertificates(leaf)
	data[signerKey], _ = encodeKey(signer)
	data[corev1.TLSPrivateKeyKey], _ = encodeKey(key)
	if got := changed(data, must(t, data, start.Add(time.Hour))); got != nil {
		t.Errorf("it changes %v", got)
	}
}
