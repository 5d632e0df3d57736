package check

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/relist"
)

// TestStatusAnswers has what stands between the controller and the API server, or an API server of another kind, answer a status in its own way.
func TestStatusAnswers(t *testing.T) {
	refusal := func(code int32, reason metav1.StatusReason) string {
		text, err := json.Marshal(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: "no",
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	fails := func(err error) bool { return err != nil }
	for name, tc := range map[string]struct {
		reason  string
		code    int
		kind    string // Content-Type
		body    string
		version string
		is      func(error) bool
	}{
		"metadata": {
			"what is asked for", 200, "application/json", `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"}}`, "7", nil,
		},
		"whole": {
			"it does not know of metadata alone", 200, "application/json", `{"kind":"Check","apiVersion":"checky.dev/v1alpha1","metadata":{"name":"a","resourceVersion":"8"},"spec":{},"status":{"phase":"Success"}}`, "8", nil,
		},
		"a proxy's page": {"nobody knows whether it was written", 200, "text/html", "<html>", "", fails},
		"nothing":        {"the same", 200, "application/json", "", "", fails},
		"conflict":       {"it is told by type", 409, "application/json", refusal(409, metav1.StatusReasonConflict), "", apierrors.IsConflict},
		"invalid":        {"it is told by type", 422, "application/json", refusal(422, metav1.StatusReasonInvalid), "", apierrors.IsInvalid},
		"not acceptable": {"it has neither form", 406, "application/json", refusal(406, metav1.StatusReasonNotAcceptable), "", apierrors.IsNotAcceptable},
		"a proxy's 413":  {"it takes less than the API server", 413, "text/html", "<html>", "", isTooLarge},
		"etcd's limit":   {"it takes less than the API server", 500, "application/json", strings.Replace(refusal(500, ""), `"no"`, `"etcdserver: request is too large"`, 1), "", isTooLarge},
		"a proxy's 503":  {"it was refused, and is no outage that ends by trying at once", 503, "text/html", "<html>", "", func(err error) bool { return apierrors.IsServiceUnavailable(err) && !relist.Unanswered(err) }},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var sent map[string]any
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || sent["spec"] != nil || r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/namespaces/orders/checks/a/status") {
					t.Errorf("%s %s: %v, %v", r.Method, r.URL.Path, err, sent)
				}
				w.Header().Set("Content-Type", tc.kind)
				w.Header().Set("Warning", `299 - "v1alpha1 is old"`)
				w.WriteHeader(tc.code)
				_, _ = io.WriteString(w, tc.body) // who has gone reads no more
			}))
			defer server.Close()
			warned := 0
			ctx := log.IntoContext(t.Context(), funcr.New(func(string, string) { warned++ }, funcr.Options{}))
			scheme := apiruntime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			writer, err := NewStatusWriter(&rest.Config{Host: server.URL, QPS: -1}, server.Client(), scheme)
			if err != nil {
				t.Fatal(err)
			}
			c := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: "orders", Name: "a", UID: "1", ResourceVersion: "6"}}
			for range 2 {
				version, err := writer.WriteStatus(ctx, c, &v1alpha1.CheckStatus{})
				if version != tc.version || tc.is == nil && err != nil || tc.is != nil && !tc.is(err) {
					t.Errorf("%s: version %q, error %v", tc.reason, version, errors.Unwrap(err))
				}
			}
			if warned > 1 {
				t.Errorf("a warning is logged %d times", warned)
			}
		})
	}
}
