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
