package page

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAssets gets every asset both ways.
func TestAssets(t *testing.T) {
	files := embedded()
	for name := range files.files {
		var texts [2]string
		for i, accept := range []string{"", "gzip, br"} {
			request := httptest.NewRequest(http.MethodGet, files.prefix+name, nil)
			request.Header.Set("Accept-Encoding", accept)
			response := httptest.NewRecorder()
			files.ServeHTTP(response, request)
			var body io.Reader = response.Body
			if response.Header().Get("Content-Encoding") == "gzip" != (i == 1) {
				t.Errorf("%s, Accept-Encoding %q: %v", name, accept, response.Header())
			}
			if i == 1 {
				plain, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = plain
			}
			text, err := io.ReadAll(body)
			if err != nil || response.Code != http.StatusOK || response.Header().Get("Content-Type") == "" ||
				!strings.Contains(response.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d, %v, %v", name, response.Code, response.Header(), err)
			}
			texts[i] = string(text)
		}
		if texts[0] != texts[1] || texts[0] == "" {
			t.Errorf("%s differs by Accept-Encoding, or is empty", name)
		}
		if name == "redoc.standalone.js" {
			sum := sha256.Sum256([]byte(texts[0]))
			const want = "d793e5eaf3f4bcb18ece98c18be10d0f3f6538a37cc20afcac74a972b4ee911a"
			if got := hex.EncodeToString(sum[:]); got != want {
				t.Errorf("ReDoc is not the one that README.md tells of: %s", got)
			}
			if strings.Contains(texts[0], "cdn.redoc.ly") {
				t.Error("ReDoc asks another host for its logo")
			}
		}
	}
}

func TestPagesAndPolicies(t *testing.T) {
	mux := http.NewServeMux()
	Register(mux, Options{Title: "A <title>"})
	nonces := map[string]bool{}
	for _, path := range []string{"/docs", "/redoc", "/redoc", "/password-reset"} {
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, nil))
		policy := response.Header().Get("Content-Security-Policy")
		if response.Code != http.StatusOK || !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; ") ||
			strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: %d, %s", path, response.Code, policy)
		}
		if !strings.Contains(response.Body.String(), "A &lt;title&gt;") {
			t.Errorf("%s: the title is not there, or not escaped", path)
		}
		if _, nonce, found := strings.Cut(policy, "'nonce-"); found {
			nonces[nonce] = true
		}
	}
	if len(nonces) != 2 {
		t.Errorf("each ReDoc page has a nonce of its own: %v", nonces)
	}
	for path, want := range map[string]int{
		"/": http.StatusFound, "/other": http.StatusNotFound, "/assets/": http.StatusNotFound, "/assets/0/reset.js": http.StatusNotFound,
	} {
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, nil))
		if response.Code != want {
			t.Errorf("%s: %d, expected %d", path, response.Code, want)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0, *": false, "*": true, "*;q=0": false, "br": false, "identity": false,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}
