package route

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// textOutput is an answer for programs that look after the process, and for people.
type textOutput struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func text(status int, s string) *textOutput {
	return &textOutput{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(s)}
}

// addHealth adds what probes ask.
func (a *api) addHealth() {
	alive := func(context.Context, *struct{}) (*textOutput, error) { return text(http.StatusOK, "OK"), nil }
	add(a, a.probe("health", "/health", "Is it there?", "OK, whatever else is the matter.", 200), alive)
	add(a, a.probe("livez", "/livez", "Is the process alive?", "OK while the process can answer; an API server that cannot be reached does not change it.", 200), alive)
	add(a, a.probe("readyz", "/readyz", "Should it get requests?",
		"OK once it knows the cluster. While the Kubernetes API cannot be reached it stays ready, as reads go on, and says so. 503 before it is ready, and once it is about to stop.", 200, 503),
		func(context.Context, *struct{}) (*textOutput, error) {
			select {
			case <-a.draining:
				return text(http.StatusServiceUnavailable, "stopping"), nil
			default:
			}
			if err := a.ready(); err != nil {
				return text(http.StatusServiceUnavailable, "not ready: "+err.Error()), nil //nolint:nilerr // it is the answer
			}
			if age, gone := a.away(); gone {
				return text(http.StatusOK, fmt.Sprintf("OK, but the Kubernetes API cannot be reached for %d s: reads come from the cache, writes are refused", int(age.Seconds()))), nil
			}
			return text(http.StatusOK, "OK"), nil
		})
}

func (a *api) probe(id, path, summary, description string, statuses ...int) route {
	answers := map[string]*huma.Response{}
	for _, status := range statuses {
		answers[fmt.Sprint(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString, Examples: []any{"OK"}}}},
		}
	}
	return route{
		Operation: huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"Health"}, Summary: summary, Description: description, Responses: answers,
		},
		probe: true,
	}
}
