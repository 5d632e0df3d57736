package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// fatal is what tests of all kinds have.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// must refreshes, and takes what there was where that is good.
func must(t fatal, data map[string][]byte, now time.Time) map[string][]byte {
	t.Helper()
	fresh, err := refresh(data, namesOf("web", "ns"), now)
	if err != nil {
		t.Fatal(err)
	}
	if fresh == nil {
		return data
	}
	return fresh
}

// trusted tells whether somebody who trusts ca.crt of one Secret takes the certificate of another.
func trusted(t fatal, by, data map[string][]byte, now time.Time) bool {
	t.Helper()
	pair, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(by[authorityKey])
	for _, name := range []string{"web.ns.svc", "localhost", "127.0.0.1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			return false
		}
	}
	return true
}

// changed lists the keys whose values differ.
func changed(before, after map[string][]byte) []string {
	var keys []string
	for key := range after {
		if !bytes.Equal(before[key], after[key]) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestMade(t *testing.T) {
	data := must(t, nil, start)
	if got := slices.Sorted(maps.Keys(data)); !slices.Equal(got, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
		t.Fatalf("keys: %v", got)
	}
	if !trusted(t, data, data, start) {
		t.Error("it does not verify")
	}
	m := read(data)
	if life := m.authorities[0].NotAfter.Sub(start); life != authorityLife || m.leaf.NotAfter.Sub(start) != certificateLife {
		t.Errorf("they live %s and %s", life, m.leaf.NotAfter.Sub(start))
	}
	want := []string{"web", "web.ns", "web.ns.svc", "web.ns.svc.cluster.local", "localhost"}
	if diff := cmp.Diff(want, m.leaf.DNSNames); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if m.leaf.IsCA || m.leaf.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(m.leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Error("the certificate is good for more than serving")
	}
	other := read(must(t, nil, start))
	if other.leaf.SerialNumber.Cmp(m.leaf.SerialNumber) == 0 || other.authorities[0].SerialNumber.Cmp(m.authorities[0].SerialNumber) == 0 {
		t.Error("serial numbers come again")
	}
}

func TestRefresh(t *testing.T) {
	first, day := must(t, nil, start), 24*time.Hour
	set := func(key string, value []byte) func(map[string][]byte) {
		return func(data map[string][]byte) { data[key] = value }
	}
	other := must(t, nil, start)
	for name, tc := range map[string]struct {
		reason string
		change func(map[string][]byte)
		after  time.Duration
		want   []string
	}{
		"Fresh":          {"nothing is due", nil, time.Minute, nil},
		"Young":          {"two thirds of 90 days are 60", nil, 59 * day, nil},
		"Due":            {"it is renewed by the same authority", nil, 60 * day, []string{"tls.crt", "tls.key"}},
		"Expired":        {"nobody was there to renew it", nil, 100 * day, []string{"tls.crt", "tls.key"}},
		"AuthorityDue":   {"the certificate has expired long ago", nil, 7 * 365 * day, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}},
		"BadCertificate": {"the authority is good", set("tls.crt", []byte("garbage")), time.Minute, []string{"tls.crt", "tls.key"}},
		"NoCertificate":  {"half is none", set("tls.crt", nil), time.Minute, []string{"tls.crt", "tls.key"}},
		"OtherKey":       {"the key is another's", set("tls.key", other["tls.key"]), time.Minute, []string{"tls.crt", "tls.key"}},
		"BadSigner":      {"what is served is good until it is due", set("ca.key", []byte("garbage")), time.Minute, []string{"ca.crt", "ca.key"}},
		"OtherSigner":    {"so is it here", set("ca.key", other["ca.key"]), time.Minute, []string{"ca.crt", "ca.key"}},
		"OtherAuthority": {"nothing fits", set("ca.crt", other["ca.crt"]), time.Minute, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}},
		"NoAuthority":    {"nobody could trust it", set("ca.crt", nil), time.Minute, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}},
		"LeafAsCA":       {"a server's certificate signs nothing", set("ca.crt", first["tls.crt"]), time.Minute, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}},
		"OtherKeys":      {"they are somebody else's", set("note", []byte("x")), time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			data := maps.Clone(first)
			if tc.change != nil {
				tc.change(data)
			}
			got := must(t, data, start.Add(tc.after))
			if diff := cmp.Diff(tc.want, changed(data, got)); diff != "" {
				t.Errorf("%s: changed keys (-want +got):\n%s", tc.reason, diff)
			}
			if !trusted(t, got, got, start.Add(tc.after)) {
				t.Errorf("%s: it does not verify", tc.reason)
			}
			if again := must(t, got, start.Add(tc.after)); len(changed(got, again)) > 0 {
				t.Errorf("%s: the next look changes it again", tc.reason)
			}
		})
	}
}

// TestAuthorityRenewed goes through the four steps of doc.go's picture.
func TestAuthorityRenewed(t *testing.T) {
	authority, signer, err := newAuthority(namesOf("web", "ns"), start.Add(-due7))
	if err != nil {
		t.Fatal(err)
	}
	leaf, key, err := newCertificate(authority, signer, namesOf("web", "ns"), start.Add(-59*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{authorityKey: encodeCertificates(authority), corev1.TLSCertKey: encodeCertificates(leaf)}
	data[signerKey], _ = encodeKey(signer)
	data[corev1.TLSPrivateKeyKey], _ = encodeKey(key)
	before := data
	for _, step := range []struct {
		at          time.Duration
		changed     []string
		authorities int
	}{
		{0, []string{"ca.crt", "ca.key"}, 2},
		{23 * time.Hour, nil, 2},
		{25 * time.Hour, []string{"tls.crt", "tls.key"}, 2},
		{48 * time.Hour, nil, 2},
		{50 * time.Hour, []string{"ca.crt"}, 1},
		{51 * time.Hour, nil, 1},
	} {
		now := start.Add(step.at)
		next := must(t, data, now)
		if diff := cmp.Diff(step.changed, changed(data, next)); diff != "" {
			t.Errorf("after %s, changed keys (-want +got):\n%s", step.at, diff)
		}
		if list, _ := certutil.ParseCertsPEM(next[authorityKey]); len(list) != step.authorities {
			t.Errorf("after %s: %d authorities", step.at, len(list))
		}
		if !trusted(t, data, next, now) || !trusted(t, next, data, now) {
			t.Errorf("after %s: who has one version refuses the other", step.at)
		}
		data = next
	}
	if trusted(t, before, data, start.Add(51*time.Hour)) {
		t.Error("the authority was not renewed")
	}
}

// due7 is more than two thirds of an authority's life.
const due7 = 7 * 365 * 24 * time.Hour

func TestNames(t *testing.T) {
	data := must(t, nil, start)
	moved, err := refresh(data, namesOf("web2", "ns"), start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ca.crt", "ca.key", "tls.crt", "tls.key"}, changed(data, moved)); diff != "" {
		t.Fatalf("changed keys (-want +got):\n%s", diff)
	}
	if !trusted(t, moved, moved, start.Add(time.Hour)) || !trusted(t, moved, data, start.Add(time.Hour)) {
		t.Error("who has heard of the new authority refuses one of the two certificates")
	}
	// An older replica, that wants the names from before, finds them, and so the two do not fight.
	if back := must(t, moved, start.Add(2*time.Hour)); len(changed(moved, back)) > 0 {
		t.Error("the old names are gone at once")
	}
	later, err := refresh(moved, namesOf("web2", "ns"), start.Add(61*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(later).leaf.DNSNames; slices.Contains(got, "web") || !slices.Contains(got, "web2.ns.svc") {
		t.Errorf("after the next renewal: %v", got)
	}
	many := data
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		if fresh, err := refresh(many, namesOf(name, "ns"), start); err != nil {
			t.Fatal(err)
		} else if fresh != nil {
			many = fresh
		}
	}
	if got := read(many).leaf; len(got.DNSNames)+len(got.IPAddresses) > maxNames {
		t.Errorf("%d names", len(got.DNSNames))
	}
}

// TestTime looks at a Secret at any times, in order, and swaps versions as replicas do that follow late: whoever is at most a day
// behind is trusted and trusts, as long as somebody looks once in a month.
func TestTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start
		data := must(t, nil, now)
		for range 60 {
			hours := rapid.IntRange(1, 30*24-1).Draw(t, "hours")
			now = now.Add(time.Duration(hours) * time.Hour)
			if !trusted(t, data, data, now) {
				t.Fatalf("at %s what is served is refused", now)
			}
			next := must(t, data, now)
			if !trusted(t, data, next, now) {
				t.Fatalf("at %s a caller who has not heard yet refuses the new certificate", now)
			}
			if !trusted(t, next, data, now) {
				t.Fatalf("at %s a caller who has heard refuses the old certificate", now)
			}
			data = next
			if n := len(read(data).authorities); n > 2 {
				t.Fatalf("%d authorities", n)
			}
		}
	})
}

// FuzzRefresh gives refresh whatever somebody may write into a Secret: what comes out can be served by and verifies.
func FuzzRefresh(f *testing.F) {
	good := must(f, nil, start)
	f.Add(good[corev1.TLSCertKey], good[corev1.TLSPrivateKeyKey], good[authorityKey], good[signerKey])
	f.Add([]byte("garbage"), []byte{}, good[authorityKey], good[signerKey])
	f.Add(good[authorityKey], good[signerKey], good[authorityKey], good[signerKey])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte{}, []byte{0xff}, []byte("-----BEGIN PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, certificate, key, authority, signer []byte) {
		data := must(t, map[string][]byte{
			corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key, authorityKey: authority, signerKey: signer,
		}, start)
		if !trusted(t, data, data, start) {
			t.Error("it does not verify")
		}
		if _, err := tls.X509KeyPair(data[authorityKey], data[signerKey]); err != nil {
			t.Error(err)
		}
	})
}
