package serve

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// said is what controller-runtime's logger has been told in this test binary.
var said = &logLines{}

func TestMain(m *testing.M) {
	ctrl.SetLogger(funcr.New(said.add, funcr.Options{}))
	controlplanetest.Main(m)
}

// logLines collects log lines.
type logLines struct {
	mu  sync.Mutex
	all []string
}

func (l *logLines) add(prefix, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, prefix+" "+line)
}

// has says whether a line holds all the words.
func (l *logLines) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
}

// patience bounds what a test waits for; it is well above the 10 seconds after which certificates are looked at anyway.
const patience = time.Minute

// eventually waits for something to become true.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// pair makes a certificate for 127.0.0.1, known by its serial number.
func pair(t *testing.T, serial int64) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "checky"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// mount is a Secret as the kubelet mounts it: the files are links into ..data, itself a link to a folder of the day.
type mount struct{ dir string }

func (m mount) cert() string { return filepath.Join(m.dir, "tls.crt") }
func (m mount) key() string  { return filepath.Join(m.dir, "tls.key") }

// swap puts new files in the place of the old ones, the kubelet's way: another folder, one rename, and the old one goes.
func (m mount) swap(t *testing.T, certificate, key []byte) {
	t.Helper()
	next := filepath.Join(m.dir, "..day"+strconv.FormatInt(time.Now().UnixNano(), 10))
	data, fresh := filepath.Join(m.dir, "..data"), filepath.Join(m.dir, "..data_tmp")
	previous, _ := os.Readlink(data)
	for _, err := range []error{
		os.Mkdir(next, 0o700),
		os.WriteFile(filepath.Join(next, "tls.crt"), certificate, 0o600),
		os.WriteFile(filepath.Join(next, "tls.key"), key, 0o600),
		os.Symlink(filepath.Base(next), fresh),
		os.Rename(fresh, data),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if previous != "" {
		if err := os.RemoveAll(filepath.Join(m.dir, previous)); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, name := range []string{m.cert(), m.key()} {
		if err := os.Symlink(filepath.Join("..data", filepath.Base(name)), name); err != nil {
			t.Fatal(err)
		}
	}
}

// mounted is a mount with a pair in it.
func mounted(t *testing.T, serial int64) mount {
	t.Helper()
	m := mount{dir: t.TempDir()}
	certificate, key := pair(t, serial)
	m.swap(t, certificate, key)
	return m
}

// running is a server that runs until the test, or end, ends it.
type running struct {
	*Server
	end    context.CancelFunc
	result chan error
}

// run starts a server. Where nobody has taken its result by the test's end, it has to be none; and no goroutine is left by then.
func run(t *testing.T, o Options, h http.Handler, prepare ...func(*Server)) *running {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	return runBeside(t, o, h, prepare...)
}

// runBeside starts another server beside that of run, which looks for what both leave: looking here would find the first, which
// ends later.
func runBeside(t *testing.T, o Options, h http.Handler, prepare ...func(*Server)) *running {
	t.Helper()
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	server, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(server)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{Server: server, end: cancel, result: make(chan error, 1)}
	go func() {
		r.result <- server.Run(ctx, h)
		close(r.result)
	}()
	t.Cleanup(func() {
		cancel()
		for err := range r.result {
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	})
	return r
}

// client makes one that trusts any certificate: what is tested is not who answers.
func client(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get asks with a context that outlives the test's steps, and reads the answer to its end.
func get(t *testing.T, c *http.Client, url string) *http.Response {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer
}
