package route

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/rules"
)

const (
	// MaxCheckBody bounds the body of POST /v1/check, in bytes: a payload of the largest size, and as much again for rules.
	MaxCheckBody = 2 * rules.MaxPayloadBytes
	// MaxBatchBody bounds the body of POST /v1/checks:batch, in bytes: the payloads of the largest batch, and as much again for names, rules
	// and what JSON puts between them.
	MaxBatchBody = 2 * rules.MaxBatchBytes
	// MaxBody bounds every other body, in bytes. The longest password takes a quarter of it.
	MaxBody = 8 << 10
	// MaxCheckBodies bounds what the bodies of POST /v1/check and POST /v1/checks:batch that are under way take together, in bytes: slow
	// senders of large ones must not fill the memory. More are told to come back.
	MaxCheckBodies = 64 << 20
	// MaxBodies bounds the same of all other bodies, so that those of checks keep nobody from logging in.
	MaxBodies = 8 << 20
	// MaxDepth bounds how deep the arrays and objects of a body may nest: a payload of the deepest kind, and the body around it.
	MaxDepth = rules.MaxDepth + 1
	// MaxBatchDepth is the same of a batch, in which a payload stands in an object in a list.
	MaxBatchDepth = rules.MaxDepth + 3
	// bodyTimeout bounds how long a body may take to arrive.
	bodyTimeout = 20 * time.Second
)

// strict is how bodies are read: unknown and repeated members, wrong case and invalid UTF-8 are errors.
var strict = json.JoinOptions(json.RejectUnknownMembers(true))

// acceptsBody refuses what is not JSON by its headers, before a byte of it is read.
func acceptsBody(r *http.Request) *problem.Problem {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problem.New(http.StatusUnsupportedMediaType, "The body must not be compressed: leave the Content-Encoding header out.").
			At("header.Content-Encoding", "expected none")
	}
	given := r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(given)
	charset, named := params["charset"]
	if err != nil || media != "application/json" || named && !strings.EqualFold(charset, "utf-8") {
		return problem.New(http.StatusUnsupportedMediaType, "The body must be JSON: send the header Content-Type: application/json.").
			At("header.Content-Type", "expected application/json")
	}
	return nil
}

// noBody is about a route that needs one.
func noBody() *problem.Problem {
	return problem.New(http.StatusBadRequest, "The body is empty: send a JSON object.").At("body", "expected a JSON object")
}

// readBody reads a body of at most limit bytes. It may be empty.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *problem.Problem) {
	tooLarge := func() *problem.Problem {
		return problem.New(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes, which is the most that this route takes.", limit).
			At("body", "expected at most "+strconv.FormatInt(limit, 10)+" bytes")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	// Servers that cannot set a deadline have one of their own.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	reader := http.MaxBytesReader(w, r.Body, limit)
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(reader, body)
	} else {
		body, err = io.ReadAll(reader)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close") // What is still to come is no request (RFC 9110, section 15.5.9).
		}
		return nil, problem.New(http.StatusRequestTimeout, "The body did not arrive within %d seconds: send it again.", int(bodyTimeout.Seconds()))
	case err != nil:
		return nil, problem.New(http.StatusBadRequest, "The body did not arrive in full: send it again.")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, nil
}

// decode reads a JSON object into a value. What is wrong is a problem that names the field, and never the value.
func decode(body []byte, into any) *problem.Problem {
	if tooDeep(body, MaxDepth) >= 0 {
		return depthProblem("body", MaxDepth)
	}
	return unmarshal(body, into)
}

// decodeBatch is decode for a batch, of which it names the payload that is too deep.
func decodeBatch(body []byte, into *batchBody) *problem.Problem {
	if at := tooDeep(body, MaxBatchDepth); at >= 0 {
		return depthProblem("body"+location(placeOf(body, at)), MaxBatchDepth)
	}
	return unmarshal(body, into)
}

func depthProblem(where string, most int) *problem.Problem {
	return problem.New(http.StatusUnprocessableEntity, "The body nests deeper than %d levels: flatten it.", most).
		At(where, "expected at most "+strconv.Itoa(most)+" levels in the whole body")
}

func unmarshal(body []byte, into any) *problem.Problem {
	err := json.Unmarshal(body, into, strict)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		return syntaxProblem(syntactic)
	case errors.As(err, &semantic):
		return fieldProblem(semantic)
	default:
		return problem.New(http.StatusUnprocessableEntity, "The body is not what this route takes.").At("body", "expected what the documentation shows")
	}
}

// syntaxProblem is about a body that is not JSON.
func syntaxProblem(err *jsontext.SyntacticError) *problem.Problem {
	where := "body" + location(err.JSONPointer)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return problem.New(http.StatusUnprocessableEntity, "The body has a member twice: keep one.").At(where, "expected it once")
	}
	return problem.New(http.StatusBadRequest, "The body is not JSON: there is a mistake at byte %d.", err.ByteOffset).At(where, "expected valid JSON in UTF-8")
}

// fieldProblem is about a body that is JSON, but not of the right shape.
func fieldProblem(err *json.SemanticError) *problem.Problem {
	where := "body" + location(err.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return problem.New(http.StatusUnprocessableEntity, "The body has a field that this route does not know: leave it out, or mend its name.").
			At(where, "unknown field")
	}
	var expected *expectation
	message := "expected another type"
	switch {
	case errors.As(err, &expected):
		message = expected.Error()
	case err.GoType != nil:
		message = "expected " + kindOf(err.GoType)
	}
	return problem.New(http.StatusUnprocessableEntity, "The body is not of the right shape.").At(where, message)
}

// expectation is an error of a field that decodes itself.
type expectation struct{ what string }

func (e *expectation) Error() string { return "expected " + e.what }

// location writes an RFC 6901 pointer as the documents of HTTP APIs do: .rules[0].name. Names that are long or hold
// anything unusual are the caller's and not ours: they are cut off, as they may be secret.
func location(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil && len(token) < 6 {
			b.WriteString("[" + token + "]")
			continue
		}
		if len(token) > 64 || strings.ContainsFunc(token, unusual) {
			b.WriteString(".…")
			break
		}
		b.WriteString("." + token)
	}
	return b.String()
}

func unusual(r rune) bool {
	return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// tooDeep is where the brackets of a text nest deeper than so many levels; -1: nowhere. It does not care whether the text is JSON.
func tooDeep(text []byte, most int) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// placeDepth is how many levels down a place is told: to inputs, the payload's index, and input.
const placeDepth = 3

// placeOf is the pointer to a byte of a text, cut off where a payload begins.
func placeOf(text []byte, at int) jsontext.Pointer {
	in := jsontext.NewDecoder(bytes.NewBuffer(text))
	for in.InputOffset() <= int64(at) {
		if _, err := in.ReadToken(); err != nil {
			break // What stands before it is no JSON: as far as it was.
		}
	}
	var place jsontext.Pointer
	for token := range in.StackPointer().Tokens() {
		if strings.Count(string(place), "/") == placeDepth {
			break
		}
		place = place.AppendToken(token)
	}
	return place
}

// ruleSetName names a rule set: "orders", or {"name": "orders", "kind": "ClusterRuleSet"}.
type ruleSetName v1alpha1.RuleSetReference

// UnmarshalJSONFrom reads either form.
func (n *ruleSetName) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	n.Kind = v1alpha1.KindRuleSet
	switch in.PeekKind() {
	case '"':
		return json.UnmarshalDecode(in, &n.Name)
	case '{':
		return json.UnmarshalDecode(in, (*v1alpha1.RuleSetReference)(n), strict)
	default:
		if err := in.SkipValue(); err != nil {
			return err
		}
		return &expectation{what: `a rule set's name, or an object {"kind": "RuleSet" or "ClusterRuleSet", "name": "..."}`}
	}
}
