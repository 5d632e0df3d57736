package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// facade is a client of the REST facade, by the address of its Service.
type facade struct {
	url  string
	http *http.Client

	mu    sync.Mutex
	roots *x509.CertPool // authorities that signed the facade's certificate, now or before; mu guards it
}

// facade trusts what the Secret of the facade's certificate says, as the documentation tells users to.
func (c *cluster) facade() *facade {
	c.t.Helper()
	var service corev1.Service
	c.get(&service, "checky-apiserver")
	name := "checky-apiserver." + system + ".svc"
	f := &facade{url: "https://" + name, roots: x509.NewCertPool()}
	f.http = &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     10 * time.Second,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(service.Spec.ClusterIP, "443"))
			},
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS13,
				// VerifyConnection does it, with authorities that change
				InsecureSkipVerify: true,
				VerifyConnection: func(state tls.ConnectionState) error {
					f.mu.Lock()
					roots := f.roots.Clone()
					f.mu.Unlock()
					_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
					return err
				},
			},
		},
	}
	c.trust(f)
	return f
}

// trust adds the authority that signed the facade's certificate as it is now.
func (c *cluster) trust(f *facade) {
	c.t.Helper()
	var secret corev1.Secret
	c.get(&secret, "checky-apiserver-tls")
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.roots.AppendCertsFromPEM(secret.Data["ca.crt"]) {
		c.t.Fatal("Secret checky-apiserver-tls has no ca.crt")
	}
}

// answer is what came back of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request, and returns the status and the body.
func (f *facade) call(ctx context.Context, method, path, token string, body any, headers ...string) (int, []byte, error) {
	a, err := f.ask(ctx, method, path, token, body, headers...)
	return a.status, a.body, err
}

// ask sends a request, and returns all of the answer.
func (f *facade) ask(ctx context.Context, method, path, token string, body any, headers ...string) (answer, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, f.url+path, text)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := f.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer{response.StatusCode, response.Header, read}, err
}

// account signs somebody up, logs them in, and returns the token.
func (f *facade) account(ctx context.Context) (string, error) {
	who := map[string]string{"email": strings.ToLower(rand.Text()) + "@example.com", "password": rand.Text()}
	status, answer, err := f.call(ctx, http.MethodPost, "/auth/signup", "", who)
	if err != nil || status != http.StatusAccepted {
		return "", fmt.Errorf("sign-up: %d, %w: %s", status, err, answer)
	}
	status, answer, err = f.call(ctx, http.MethodPost, "/auth/login", "", who)
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("log-in: %d, %w: %s", status, err, answer)
	}
	var session struct{ Token string }
	return session.Token, json.Unmarshal(answer, &session)
}

// token makes a further token of an account.
func (f *facade) token(ctx context.Context, token string) (string, error) {
	status, answer, err := f.call(ctx, http.MethodPost, "/auth/tokens", token, map[string]string{"name": "e2e"})
	if err != nil || status != http.StatusCreated {
		return "", fmt.Errorf("POST /auth/tokens: %d, %w: %s", status, err, answer)
	}
	var made struct{ Token string }
	return made.Token, json.Unmarshal(answer, &made)
}

// result is what the tests read of a check's result.
type result struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	Explanation string `json:"explanation"`
}

// order is a payload with the rule that amounts above 100 fail.
func order(amount int) map[string]any {
	return map[string]any{
		"input": map[string]any{"amount": amount},
		"rules": []any{map[string]any{"name": "amount", "module": map[string]any{"name": "range", "params": map[string]any{"field": "$.amount", "max": 100}}}},
	}
}

// restFlow does by the Service what an application does.
func (c *cluster) restFlow() {
	c.t.Helper()
	ctx := c.t.Context()
	f := c.facade()
	token, err := f.account(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for amount, want := range map[int]string{7: "success", 700: "failure"} {
		status, answer, err := f.call(ctx, http.MethodPost, "/v1/check", token, order(amount), "Prefer: wait=30")
		if err != nil || status != http.StatusOK {
			c.t.Fatalf("POST /v1/check: %d, %v: %s", status, err, answer)
		}
		var posted, read result
		if err := json.Unmarshal(answer, &posted); err != nil {
			c.t.Fatal(err)
		}
		if posted.Status != want {
			c.t.Errorf("amount %d: %s", amount, answer)
		}
		status, answer, err = f.call(ctx, http.MethodGet, "/v1/status/"+posted.ID, token, nil)
		if err != nil || status != http.StatusOK {
			c.t.Fatalf("GET /v1/status: %d, %v: %s", status, err, answer)
		}
		if err := json.Unmarshal(answer, &read); err != nil {
			c.t.Fatal(err)
		}
		if read != posted {
			c.t.Errorf("status says %+v of %+v", read, posted)
		}
	}
	for _, path := range []string{"/health", "/livez", "/readyz", "/docs", "/redoc", "/openapi.json"} {
		if status, answer, err := f.call(ctx, http.MethodGet, path, "", nil); err != nil || status != http.StatusOK {
			c.t.Errorf("GET %s: %d, %v: %.200s", path, status, err, answer)
		}
	}
	did(c.t, "REST through the Service: sign-up, log-in, a passing and a failing payload, their status, documents")
}
