package apiserver_test

import (
	"net/http"
	"testing"
)

// TestHealth asks what probes ask.
func TestHealth(t *testing.T) {
	f := newCluster(t).start()
	for _, path := range []string{"/health", "/livez", "/readyz"} {
		answer, body := f.do(http.MethodGet, path, "", "")
		if answer.StatusCode != http.StatusOK || body != "OK" || answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s %s %q", path, answer.Status, answer.Header.Get("Content-Type"), body)
		}
		if answer, _ := f.do(http.MethodPost, path, "", ""); answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %s, Allow %q", path, answer.Status, answer.Header.Get("Allow"))
		}
	}
}
