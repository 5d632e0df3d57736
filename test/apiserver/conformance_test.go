package apiserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// documentFile is the committed OpenAPI document; a test of its own holds it to the routes.
const documentFile = "../../apiserver/openapi.json"

// contract is the OpenAPI document, as something that answers are held to.
type contract struct {
	model *v3.Document
	// whole looks at status, headers, content type and body; head at all but the body, for answers to HEAD.
	whole, head validator.Validator
}

// theContract is read once: compiling its schemas takes longer than most tests.
var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile(documentFile)
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	whole, errs := validator.NewValidator(document, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, errs[0]
	}
	head, errs := validator.NewValidator(document, config.WithoutResponseBodyValidation())
	if len(errs) > 0 {
		return nil, errs[0]
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	return &contract{model: &model.Model, whole: whole, head: head}, nil
})

// violation says how an answer breaks the document; empty: it does not. The body is what was read of the answer.
func (c *contract) violation(answer *http.Response, body []byte) string {
	request := answer.Request.Clone(answer.Request.Context())
	check := c.whole
	if request.Method == http.MethodHead {
		request.Method = http.MethodGet
		check = c.head
		if len(body) > 0 {
			return "an answer to HEAD has a body"
		}
	}
	if item, errs, _ := paths.FindPath(request, c.model, nil); item == nil || len(errs) > 0 {
		return undocumented(answer, body)
	}
	held := *answer
	held.Body = io.NopCloser(bytes.NewReader(readable(body)))
	if ok, errs := check.ValidateHttpResponse(request, &held); !ok {
		return explain(errs)
	}
	if answer.StatusCode == http.StatusNoContent && len(body) > 0 {
		return "204 has a body"
	}
	if answer.StatusCode >= http.StatusBadRequest && request.Method == answer.Request.Method {
		return problemViolation(answer, body)
	}
	return ""
}

// readable is a body that the validator can read: it has no room for numbers beyond 64-bit floats. A payload may have them, and
// may be anything by the document.
func readable(body []byte) []byte {
	var anything any
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &anything) == nil || json.Unmarshal(body, &members) != nil || members["input"] == nil {
		return body
	}
	members["input"] = json.RawMessage("0")
	if batch := withoutInputs(members["batch"]); batch != nil {
		members["batch"] = batch
	}
	without, err := json.Marshal(members)
	if err != nil {
		return body
	}
	return without
}

// withoutInputs is what a batch has besides payloads; nil where it is none.
func withoutInputs(batch json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	var items []map[string]json.RawMessage
	if json.Unmarshal(batch, &members) != nil || json.Unmarshal(members["items"], &items) != nil {
		return nil
	}
	for _, item := range items {
		item["input"] = json.RawMessage("0")
	}
	var err error
	if members["items"], err = json.Marshal(items); err != nil {
		return nil
	}
	without, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return without
}

// undocumented holds answers of paths and methods that the document does not have to what all share: what went wrong is a problem.
func undocumented(answer *http.Response, body []byte) string {
	if answer.StatusCode < http.StatusBadRequest || answer.Request.Method == http.MethodHead {
		return ""
	}
	return problemViolation(answer, body)
}

// problemViolation says in which way an error is not RFC 9457's, or is none that helps.
func problemViolation(answer *http.Response, body []byte) string {
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if media == "text/plain" && strings.HasSuffix(answer.Request.URL.Path, "z") {
		return "" // A probe's.
	}
	var p struct {
		Title, Detail string
		Status        int
	}
	switch err := json.Unmarshal(body, &p); {
	case media != "application/problem+json":
		return "an error is " + media
	case err != nil:
		return "an error is no JSON: " + err.Error()
	case p.Status != answer.StatusCode, p.Title != http.StatusText(answer.StatusCode):
		return "the problem is of another status than the answer"
	case p.Detail == "":
		return "the problem has no detail"
	case answer.StatusCode == http.StatusUnauthorized && answer.Header.Get("WWW-Authenticate") == "":
		return "401 without WWW-Authenticate"
	case (answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable) && answer.Header.Get("Retry-After") == "":
		return "the problem passes, and does not say when: no Retry-After"
	case answer.StatusCode == http.StatusMethodNotAllowed && answer.Header.Get("Allow") == "":
		return "405 without Allow"
	}
	return ""
}

func explain(errs []*errors.ValidationError) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "%s: %s", e.Message, e.Reason)
		for _, s := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "; %s at %s", s.Reason, strings.Join(s.InstancePath, "/"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// held is a transport under which each answer is held to the document, and to a promise that no document makes: secrets that
// were sent, or given, are nowhere but where they belong.
type held struct {
	t    testing.TB
	next http.RoundTripper
	// secrets are those seen: passwords, tokens, addresses. The facade's log has none of them.
	mu      sync.Mutex
	secrets map[string]struct{}
}

func newHeld(t testing.TB) *held {
	return &held{t: t, next: http.DefaultTransport.(*http.Transport).Clone(), secrets: map[string]struct{}{}} //nolint:forcetypeassert // net/http's
}

// RoundTrip sends a request, and looks at the answer.
func (h *held) RoundTrip(r *http.Request) (*http.Response, error) {
	contract, err := theContract()
	if err != nil {
		return nil, err
	}
	sent := h.sent(r)
	answer, err := h.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		// It ends when it likes. Its events have a test of their own.
		if broken := contract.violation(answer, nil); broken != "" {
			h.t.Errorf("%s %s: %d breaks the document: %s", r.Method, r.URL, answer.StatusCode, broken)
		}
		return answer, nil
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if broken := contract.violation(answer, body); broken != "" {
		h.t.Errorf("%s %s: %d breaks the document: %s\n%s\n%.2000s", r.Method, r.URL.Path, answer.StatusCode, broken, answer.Header.Get("Content-Type"), body)
	}
	if answer.Header.Get("X-Request-Id") == "" {
		h.t.Errorf("%s %s: the answer has no X-Request-Id", r.Method, r.URL.Path)
	}
	for secret := range sent {
		if said(answer, body, secret) {
			h.t.Errorf("%s %s: %d repeats a secret of the request: %.300s", r.Method, r.URL.Path, answer.StatusCode, body)
		}
	}
	h.given(body)
	return answer, nil
}

// said says whether an answer has a text anywhere.
func said(answer *http.Response, body []byte, text string) bool {
	if bytes.Contains(body, []byte(text)) {
		return true
	}
	for _, values := range answer.Header {
		for _, value := range values {
			if strings.Contains(value, text) {
				return true
			}
		}
	}
	return false
}

// secretMembers are the members of bodies whose values are nobody's business.
var secretMembers = []string{"password", "current_password", "new_password", "token", "email"}

// leastSecret is how long a value has to be, that its being somewhere is no accident.
const leastSecret = 10

// sent are the secrets of a request.
func (h *held) sent(r *http.Request) map[string]struct{} {
	secrets := map[string]struct{}{}
	if _, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); len(token) >= leastSecret {
		secrets[token] = struct{}{}
	}
	if r.GetBody != nil && strings.HasPrefix(r.URL.Path, "/auth/") {
		if body, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(body)
			membersOf(text, secrets)
		}
	}
	h.keep(secrets)
	return secrets
}

// given keeps the secrets that an answer gave.
func (h *held) given(body []byte) {
	secrets := map[string]struct{}{}
	membersOf(body, secrets)
	h.keep(secrets)
}

func (h *held) keep(secrets map[string]struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range secrets {
		h.secrets[s] = struct{}{}
	}
}

func membersOf(body []byte, into map[string]struct{}) {
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return
	}
	for _, name := range secretMembers {
		if s, ok := members[name].(string); ok && len(s) >= leastSecret {
			into[s] = struct{}{}
		}
	}
}

// inLog says which of the secrets a log has, as they are or as a URL writes them.
func (h *held) inLog(log string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []string
	for s := range h.secrets {
		if strings.Contains(log, s) || strings.Contains(log, url.QueryEscape(s)) {
			found = append(found, s)
		}
	}
	return found
}

// TestDocumentIsValid holds the document itself to the specification of OpenAPI.
func TestDocumentIsValid(t *testing.T) {
	contract, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	if ok, errs := contract.whole.ValidateDocument(); !ok {
		t.Error(explain(errs))
	}
}
