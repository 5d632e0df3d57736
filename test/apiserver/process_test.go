package apiserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	restclient "github.com/checky-dev/checky/apiserver/client"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// process is a facade that is a process of its own: the real command.
type process struct {
	t       testing.TB
	command *exec.Cmd
	log     string
	url     string
	done    chan struct{} // closed when it has ended
	err     error         // how, once done is closed
}

// startProcess runs a facade as a process until the test ends, and returns when it is ready. A flag that is given twice has the later
// value.
func (c *cluster) startProcess(address string, flags ...string) *process {
	c.t.Helper()
	args := append([]string{
		"apiserver", "--bind-address=" + address, "--metrics-bind-address=0", "--namespace=" + system, "--check-namespace=" + c.namespace,
		"--rate-per-minute=1000000", "--address-rate-per-minute=1000000", "--drain-delay=0s", "--log-format=text",
	}, flags...)
	// It outlives the test's context, so that it can be stopped in order.
	command := exec.CommandContext(context.WithoutCancel(c.t.Context()), controlplanetest.Build(c.t, "checky"), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+writeKubeconfig(c.t, c.as("checky-apiserver")))
	log, err := os.Create(filepath.Join(c.t.TempDir(), "apiserver.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	p := &process{t: c.t, command: command, log: log.Name(), url: "http://" + address, done: make(chan struct{})}
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		p.err = command.Wait()
		close(p.done)
	}()
	c.t.Cleanup(p.kill)
	c.t.Cleanup(p.tellOnFailure)
	p.awaitReady()
	return p
}

// awaitReady returns when readiness says so.
func (p *process) awaitReady() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		answer, err := send(ctx, http.DefaultClient, http.MethodGet, p.url+"/readyz", "", "")
		if err == nil && answer.status == http.StatusOK {
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("the facade ended: %v", p.err)
		case <-ctx.Done():
			p.t.Fatalf("the facade is not ready: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the process with SIGKILL, if it still runs, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // It may have ended.
	<-p.done
}

func (p *process) tellOnFailure() {
	if p.t.Failed() {
		text, _ := os.ReadFile(p.log)
		p.t.Logf("the log of the facade at %s ends with:\n%s", p.url, text[max(0, len(text)-4000):])
	}
}

// fixedAddress is a loopback address whose port stays free while nobody listens on it: it is none that the system chooses for outgoing
// connections (32768 and above, or 49152).
func fixedAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000)))
		var config net.ListenConfig
		if l, err := config.Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close() // nobody has connected to it
			return address
		}
	}
	t.Fatal("no free port between 20000 and 30000")
	return ""
}

// writeKubeconfig writes a kubeconfig for a client certificate's configuration.
func writeKubeconfig(t testing.TB, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := controlplane.WriteKubeconfig(path, config, "user"); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer is one that has arrived whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	last   bool // of its connection
}

// result is the check result in the answer; nil if there is none.
func (a *answer) result() *restclient.CheckResult {
	if a.status != http.StatusOK && a.status != http.StatusAccepted {
		return nil
	}
	r := &restclient.CheckResult{}
	if err := json.Unmarshal(a.body, r); err != nil {
		return nil
	}
	return r
}

// send makes one request, which may fail: the tests that use it break things on purpose.
func send(ctx context.Context, client *http.Client, method, url, token, body string, headers ...string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: response.StatusCode, header: response.Header, body: text, last: response.Close}, nil
}

// newClient is an HTTP client with room for so many connections to each replica, none of which another test has used.
func newClient(t testing.TB, connections int) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// signUp makes a user of a facade, and gives their token.
func signUp(t testing.TB, url, email string) (token string) {
	t.Helper()
	credentials := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
	signed, err := send(t.Context(), http.DefaultClient, http.MethodPost, url+"/auth/signup", "", credentials)
	if err != nil || signed.status != http.StatusAccepted {
		t.Fatalf("sign up: %v %+v", err, signed)
	}
	session, err := send(t.Context(), http.DefaultClient, http.MethodPost, url+"/auth/login", "", credentials)
	if err != nil || session.status != http.StatusOK {
		t.Fatalf("log in: %v %+v", err, session)
	}
	var issued struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(session.body, &issued); err != nil {
		t.Fatal(err)
	}
	return issued.Token
}

// awaitToken returns when a replica knows a token that another one has issued.
func awaitToken(t testing.TB, url, token string) {
	t.Helper()
	eventually(t, "the replica knows the token", func() bool {
		known, err := send(t.Context(), http.DefaultClient, http.MethodGet, url+"/v1/checks", token, "")
		return err == nil && known.status == http.StatusOK
	})
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came about that %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
