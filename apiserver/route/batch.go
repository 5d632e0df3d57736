package route

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// batchesOfOne is how many batches of one owner may be evaluated in this process or wait for that: whoever comes after the longest of them
// has a place within the wait.
const batchesOfOne = 2

// span is where in a body a value stands. A payload is taken from there, and not copied.
type span struct{ from, to int64 }

// UnmarshalJSONFrom skips the value, null too, and keeps where it was.
func (s *span) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	s.to = in.InputOffset()
	s.from = s.to - int64(len(value))
	return nil
}

func (s span) absent() bool { return s.to == 0 }

// of is the value in the body that was decoded.
func (s span) of(body []byte) []byte { return body[s.from:s.to:s.to] }

// batchBody is the body of POST /v1/checks:batch.
type batchBody struct {
	Inputs batchInputs `json:"inputs"`
	choices
}

// batchInput is one payload of it.
type batchInput struct {
	Name  string `json:"name"`
	Input span   `json:"input"`
}

// batchInputs are its payloads.
type batchInputs []batchInput

// UnmarshalJSONFrom reads a list, and not on past the longest: each payload of a few bytes is many more in memory.
func (b *batchInputs) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	switch in.PeekKind() {
	case 'n':
		return in.SkipValue()
	case '[':
	default:
		if err := in.SkipValue(); err != nil {
			return err
		}
		return &expectation{what: `an array of objects {"name": "...", "input": ...}`}
	}
	if _, err := in.ReadToken(); err != nil {
		return err
	}
	for in.PeekKind() != ']' {
		if len(*b) == rules.MaxBatchItems {
			return &expectation{what: "at most " + strconv.Itoa(rules.MaxBatchItems) + " payloads; send more as several batches"}
		}
		*b = append(*b, batchInput{})
		if err := json.UnmarshalDecode(in, &(*b)[len(*b)-1]); err != nil { // as strict as the decoder of the whole body
			return err
		}
	}
	_, err := in.ReadToken()
	return err
}

// items are the payloads in the body that was decoded.
func (b batchInputs) items(body []byte) ([]engine.Item, *problem.Problem) {
	items := make([]engine.Item, len(b))
	for i := range b {
		if b[i].Input.absent() {
			return nil, nothingToCheck("body.inputs["+strconv.Itoa(i)+"].input", "expected any JSON value")
		}
		items[i] = engine.Item{Name: b[i].Name, Input: b[i].Input.of(body)}
	}
	return items, nil
}

func nothingToCheck(where, expected string) *problem.Problem {
	return problem.New(http.StatusUnprocessableEntity, "There is nothing to check: give each payload as input of an object in the list inputs.").At(where, expected)
}

// postBatch makes one check of several payloads, or evaluates them without making one.
func (a *api) postBatch(ctx context.Context, in *checkParams) (*checkOutput, error) {
	body := raw(ctx)
	var b batchBody
	if p := decodeBatch(body, &b); p != nil {
		return nil, p
	}
	if len(b.Inputs) == 0 {
		return nil, nothingToCheck("body.inputs", "expected 1 to "+strconv.Itoa(rules.MaxBatchItems)+" payloads")
	}
	items, p := b.Inputs.items(body)
	if p != nil {
		return nil, p
	}
	request := b.request()
	request.Inputs = items
	return a.carryOut(ctx, in, request)
}

// enterBatches lets few batches be evaluated at a time. Each of them can keep all processors busy, and places among the dry runs for as
// long as a thousand payloads take: most of these places stay for single ones.
func (a *api) enterBatches(ctx context.Context) (leave func(), err error) {
	owner := authn.From(ctx).Owner
	if !a.batches.take(owner, 1) {
		return nil, errShare()
	}
	left, err := a.gates.Batches.Enter(ctx)
	if err != nil {
		a.batches.give(owner, 1)
		return nil, err
	}
	return func() {
		left()
		a.batches.give(owner, 1)
	}, nil
}

// addBatch adds the route of batches.
func (a *api) addBatch() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "check-batch", Method: http.MethodPost, Path: "/v1/checks:batch", Tags: []string{"Checks"},
			Summary: "Check many payloads",
			Description: "Makes one Check of up to 1,000 payloads, which the same rules are run over, and waits a moment for its verdict: failure if a payload fails or could not be evaluated. " +
				"The result's batch says what became of each; its input is null. 200: the verdict is in. 202: it was recorded and is still to come; look at Location, or follow its events. " +
				"With dry_run=true the payloads are evaluated at once and nothing is recorded.\n\nIt counts as one request. A payload that is no JSON, too large or too deep is refused with its index, and the whole batch with it.",
			RequestBody: a.requestBody(batchRequest, a.batchSchema(), batchExamples()),
			Responses:   responses(a, "202", "The batch was recorded; its verdict is still to come.", CheckResult{}),
			Errors:      []int{400, 409, 413, 415, 422},
		},
		verb: "create", limit: MaxBatchBody,
	}, a.postBatch)
}
