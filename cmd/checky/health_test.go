package main

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	mux, asked := http.NewServeMux(), 0
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK\n")) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no cache yet", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { asked++ })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			_, _ = w.Write(bytes.Repeat([]byte("x"), maxHealthBody))
		}
	})
	mux.HandleFunc("/terminal", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x1b[2Jhello")) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	})
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secure.Close()
	dir := t.TempDir()
	authority, garbage := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "garbage")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	for file, data := range map[string][]byte{authority: text, garbage: []byte("-----BEGIN")} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := httptest.NewServer(mux)
	gone.Close()

	for name, tc := range map[string]struct {
		reason       string
		args         []string
		code         int
		out, problem string
	}{
		"Well":      {"2xx", []string{plain.URL + "/ok"}, 0, "200 OK\nOK\n", ""},
		"Ill":       {"the answer says why", []string{plain.URL + "/bad"}, 1, "503 Service Unavailable\nno cache yet\n", "is not well: it answers with 503"},
		"Redirect":  {"nobody meant to ask there", []string{plain.URL + "/away"}, 1, "302 Found", "a redirect (302), which is not followed"},
		"TLS":       {"trusted by the file", []string{secure.URL + "/ok", "--ca-file", authority}, 0, "200 OK\nOK\n", ""},
		"Stranger":  {"the system does not trust it", []string{secure.URL + "/ok"}, 1, "", "does not answer: tls: failed to verify certificate"},
		"Terminal":  {"an answer is no command", []string{plain.URL + "/terminal"}, 0, "200 OK\n[2Jhello\n", ""},
		"Cut":       {"half an answer", []string{plain.URL + "/cut"}, 1, "200 OK\nhalf\n", "ends early"},
		"Late":      {"the probe has to end", []string{plain.URL + "/never", "--timeout=20ms"}, 1, "", "context deadline exceeded"},
		"Gone":      {"nobody listens", []string{gone.URL + "/ok"}, 1, "", "connection refused"},
		"NoTime":    {"it could never answer", []string{plain.URL + "/ok", "--timeout=0s"}, 2, "", "--timeout"},
		"NoFile":    {"a typing mistake", []string{secure.URL + "/ok", "--ca-file", dir + "/none"}, 2, "", "--ca-file"},
		"Garbage":   {"nothing to trust", []string{secure.URL + "/ok", "--ca-file", garbage}, 2, "", "holds no certificate"},
		"Scheme":    {"not HTTP", []string{"ftp://user:hunter2@host/x"}, 2, "", "it is not of the form"},
		"NoHost":    {"a path is no URL", []string{"/readyz"}, 2, "", "it is not of the form"},
		"Nothing":   {"what to ask?", nil, 2, "", "accepts 1 arg"},
		"Malformed": {"nor is its secret told", []string{"http://user:hunter2@ho st/"}, 2, "", "it is not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut strings.Builder
			code := run(append([]string{"health"}, tc.args...), strings.NewReader(""), &out, &errOut)
			if code != tc.code || !strings.HasPrefix(out.String(), tc.out) || !strings.Contains(errOut.String(), tc.problem) {
				t.Errorf("%s: exit code %d\n%s%s", tc.reason, code, out.String(), errOut.String())
			}
			if strings.Contains(errOut.String(), "hunter2") {
				t.Errorf("a password is told:\n%s", errOut.String())
			}
		})
	}
	if asked > 0 {
		t.Error("the redirect was followed")
	}
	var out strings.Builder
	if code := run([]string{"health", plain.URL + "/long"}, strings.NewReader(""), &out, &out); code != 0 || out.Len() > maxHealthBody+100 {
		t.Errorf("a long answer: exit code %d, %d bytes are printed", code, out.Len())
	}
}
