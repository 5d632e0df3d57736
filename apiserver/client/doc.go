// Package client calls the REST facade. make generate makes client.gen.go of the OpenAPI document.
//
// Each operation has a method that answers with the plain *http.Response, and one called ...WithResponse that decodes: the field
// JSON200 (or JSON202...) of its answer is set for that status, and ApplicationProblemJSON401 and the like for a refusal. Payloads are bytes, so no number
// loses a digit. It tries nothing again: see Idempotency-Key in docs/rest.md.
package client

import (
	"context"
	"net/http"
)

// WithToken sends a bearer token with each request.
//
//	c, err := client.NewClientWithResponses("https://checky.example.com", client.WithToken(token))
//	answer, err := c.CheckWithResponse(ctx, nil, client.CheckRequest{Input: json.RawMessage(`{"amount": 99999}`)})
//	answer.JSON200.Status  // success, failure; JSON202 while it is still pending
func WithToken(token string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	})
}
