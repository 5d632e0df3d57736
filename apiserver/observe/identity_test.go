package observe

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

var (
	saneForm   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}\z`)
	parentForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\z`)
)

func TestRequestID(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		values []string
		kept   bool
	}{
		"none":         {"there is nothing to keep", nil, false},
		"sane":         {"a caller may name its request", []string{"0190c1a2-7b3e_A.z"}, true},
		"longest":      {"64 characters are allowed", []string{strings.Repeat("a", 64)}, true},
		"too long":     {"65 are not", []string{strings.Repeat("a", 65)}, false},
		"empty":        {"an empty id names nothing", []string{""}, false},
		"two":          {"of two, none is the one", []string{"a", "b"}, false},
		"line break":   {"no line of a log is forged", []string{"a\nlevel=error"}, false},
		"shell":        {"an id may be pasted into a shell", []string{"$(id)"}, false},
		"markup":       {"an id may be shown on a page", []string{"<b>"}, false},
		"not ASCII":    {"letters look alike", []string{"ідентифікатор"}, false},
		"invalid UTF8": {"bytes are no text", []string{"\xff\xfe"}, false},
		"null":         {"no string is cut short", []string{"a\x00b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := requestID(test.values)
			if !saneForm.MatchString(got) {
				t.Errorf("%q is no id", got)
			}
			if kept := len(test.values) > 0 && got == test.values[0]; kept != test.kept {
				t.Errorf("%s: got %q", test.reason, got)
			}
		})
	}
	if first, second := requestID(nil), requestID(nil); first == second {
		t.Error("two requests have one id")
	}
}

func TestTraceParent(t *testing.T) {
	const id, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	good := "00-" + id + "-" + span + "-01"
	for name, test := range map[string]struct {
		reason string
		values []string
		want   string
	}{
		"none":           {"there is none", nil, ""},
		"good":           {"a valid one is handed on", []string{good}, good},
		"not sampled":    {"so is its flag", []string{"00-" + id + "-" + span + "-00"}, "00-" + id + "-" + span + "-00"},
		"newer version":  {"of a later version the known part is read (section 3.2.1)", []string{"cc-" + id + "-" + span + "-01-more"}, good},
		"two":            {"of two, none is the one", []string{good, good}, ""},
		"version ff":     {"version ff is forbidden", []string{"ff-" + id + "-" + span + "-01"}, ""},
		"zero trace":     {"an id of zeros is none", []string{"00-" + strings.Repeat("0", 32) + "-" + span + "-01"}, ""},
		"zero span":      {"an id of zeros is none", []string{"00-" + id + "-" + strings.Repeat("0", 16) + "-01"}, ""},
		"upper case":     {"hexadecimal digits are in lower case", []string{strings.ToUpper(good)}, ""},
		"longer":         {"version 00 has four fields", []string{good + "-00"}, ""},
		"shorter":        {"version 00 has four fields", []string{"00-" + id + "-" + span}, ""},
		"not hex":        {"ids are hexadecimal", []string{"00-" + strings.Repeat("g", 32) + "-" + span + "-01"}, ""},
		"space":          {"nothing is trimmed", []string{" " + good}, ""},
		"unknown flags":  {"unknown flags are not handed on (section 3.3.4)", []string{"00-" + id + "-" + span + "-ff"}, ""},
		"very long":      {"length is no way to cost much", []string{strings.Repeat(good, 500)}, ""},
		"list in header": {"a list is none", []string{good + ", " + good}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := traceParent(test.values); got != test.want {
				t.Errorf("%s: got %q, want %q", test.reason, got, test.want)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /v1/status/{id}": "/v1/status/{id}", "/v1/": "/v1/", "POST example.org/v1/check": "/v1/check", "": "",
	} {
		if got := template(pattern); got != want {
			t.Errorf("template(%q) = %q, want %q", pattern, got, want)
		}
	}
}

// FuzzHeaders sends any two headers: the answer's id and the note's are sane, and no line but one is written.
func FuzzHeaders(f *testing.F) {
	f.Add("mine-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x")
	f.Add("a\r\nSet-Cookie: b", "00-00000000000000000000000000000000-b7ad6b7169203331-01")
	f.Add(strings.Repeat("a", 65), "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	observer, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, parent string) {
		answer := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Request-Id"], r.Header["Traceparent"] = []string{id}, []string{parent}
		var note Note
		observer.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			note = *NoteFrom(r.Context())
		})).ServeHTTP(answer, r)
		if !saneForm.MatchString(note.RequestID) || answer.Header().Get("X-Request-Id") != note.RequestID {
			t.Errorf("id %q, in the answer %q", note.RequestID, answer.Header().Get("X-Request-Id"))
		}
		if saneForm.MatchString(id) && note.RequestID != id {
			t.Errorf("a sane id %q was replaced by %q", id, note.RequestID)
		}
		if note.TraceParent != "" && !parentForm.MatchString(note.TraceParent) {
			t.Errorf("traceparent %q", note.TraceParent)
		}
		if parentForm.MatchString(note.TraceParent) && !strings.Contains(parent, traceID(note.TraceParent)) {
			t.Errorf("trace %q is not of %q", note.TraceParent, parent)
		}
	})
}
