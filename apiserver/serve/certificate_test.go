package serve

import (
	"crypto/tls"
	"net/http"
	"testing"
)

// TestReload replaces a mounted certificate as the kubelet does, first by a pair that is none and then by a good one.
func TestReload(t *testing.T) {
	m := mounted(t, 1)
	server := run(t, Options{CertFile: m.cert(), KeyFile: m.key()}, http.NotFoundHandler())
	serial := func() int64 {
		conn, err := tls.Dial("tcp", server.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d, want 1", got)
	}

	certificate, _ := pair(t, 2)
	_, key := pair(t, 3)
	m.swap(t, certificate, key)
	eventually(t, "a broken pair is logged", func() bool { return said.has("certificate", "private key does not match", m.dir) })
	if got := serial(); got != 1 {
		t.Errorf("with a broken pair the certificate is %d, want the one before, 1", got)
	}

	for _, next := range []int64{4, 5} { // twice: the watch follows the files from folder to folder
		certificate, key = pair(t, next)
		m.swap(t, certificate, key)
		eventually(t, "the new pair is served", func() bool { return serial() == next })
	}
}
