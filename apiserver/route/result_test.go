package route

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

// TestPayloadIsPassedOn writes payloads as they were sent, but for white space between their parts; one that is no JSON, which cannot
// have come through this interface, is a string.
func TestPayloadIsPassedOn(t *testing.T) {
	for name, c := range map[string]struct{ reason, payload, want string }{
		"numbers":        {"every digit counts", `[-0,1.0,1e400,1E+2,123456789012345678901234567890.10]`, `[-0,1.0,1e400,1E+2,123456789012345678901234567890.10]`},
		"escapes":        {"two ways to write a character stay two", `"\u0041A\/\u2028\u0000\n"`, `"\u0041A\/\u2028\u0000\n"`},
		"raw separators": {"JSON allows them", "\"\u2028<&>\"", "\"\u2028<&>\""},
		"white space":    {"it says nothing", "{ \"a\" :\n[ 1 ] }", `{"a":[1]}`},
		"member twice":   {"a Check that somebody else made can be read", `{"a":1,"a":2}`, `{"a":1,"a":2}`},
		"lone surrogate": {"so can this one", `"\ud800"`, `"\ud800"`},
		"no JSON":        {"what is no JSON is told as text", `{"a":`, `"{\"a\":"`},
		"two values":     {"two values are no JSON", `1 2`, `"1 2"`},
	} {
		got, err := json.Marshal(struct {
			Input payload `json:"input"`
		}{payload(c.payload)}, written)
		if err != nil || string(got) != `{"input":`+c.want+`}` {
			t.Errorf("%s: %s: got %s, %v, want %s", name, c.reason, got, err, c.want)
		}
	}
}

// TestTextsAreMended writes a verdict with a text that is no UTF-8, as a knowledge file can bring it into a dry run.
func TestTextsAreMended(t *testing.T) {
	outcome := &engine.Outcome{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess, Explanation: "caf\xe9"}}
	got, err := json.Marshal(resultOfOutcome([]byte("1"), outcome, time.Unix(0, 0)), written)
	if err != nil || !strings.Contains(string(got), "caf\ufffd") {
		t.Errorf("got %s, %v", got, err)
	}
}
