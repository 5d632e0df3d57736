package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/checky-dev/checky/apiserver/client"
)

// restOrder is a payload that the demo posts, and what it should come to.
type restOrder struct {
	input string
	want  client.CheckResultStatus
}

// restOrders are checked by the rules that are sent with them.
var restOrders = []restOrder{
	{`{"amount": 250, "currency": "EUR"}`, client.CheckResultStatusSuccess},
	{`{"amount": 99999, "currency": "eur"}`, client.CheckResultStatusFailure},
}

const restRules = `[
	{"name": "amount-range", "module": {"name": "range", "params": {"field": "$.amount", "min": 0, "max": 10000}}},
	{"name": "currency", "module": {"name": "enum", "params": {"field": "$.currency", "values": ["EUR", "GBP", "USD"]}}}
]`

// demoREST does over HTTP what an application does: it signs up, logs in, has payloads checked, and prints the answers.
func demoREST(ctx context.Context, url string, out io.Writer, columns int) error {
	fmt.Fprintf(out, "\nThe same over HTTP, at %s\n", url)
	token, err := demoLogIn(ctx, url, out)
	if err != nil {
		return err
	}
	c, err := client.NewClientWithResponses(url, client.WithToken(token))
	if err != nil {
		return err
	}
	var rules []client.Rule
	if err := json.Unmarshal([]byte(restRules), &rules); err != nil {
		return err
	}
	patience := "wait=30"
	for _, order := range restOrders {
		answer, err := c.CheckWithResponse(ctx, &client.CheckParams{Prefer: &patience}, client.CheckRequest{Input: json.RawMessage(order.input), Rules: &rules})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nPOST /v1/check %s\n%s\n", order.input, answer.Status())
		if answer.JSON200 == nil {
			return fmt.Errorf("POST /v1/check: %s: %s", answer.Status(), answer.Body)
		}
		result := answer.JSON200
		fmt.Fprintf(out, "  id      %s\n  status  %s\n", *result.ID, result.Status)
		for _, line := range wrap("  "+strings.ReplaceAll(result.Explanation, "\n", "\n  "), columns) {
			fmt.Fprintln(out, line)
		}
		if result.Status != order.want {
			return fmt.Errorf("POST /v1/check %s: the status is %s, and %s was expected", order.input, result.Status, order.want)
		}
	}
	return nil
}

// demoLogIn makes an account and logs in to it.
func demoLogIn(ctx context.Context, url string, out io.Writer) (token string, err error) {
	c, err := client.NewClientWithResponses(url)
	if err != nil {
		return "", err
	}
	credentials := client.Credentials{Email: "demo@example.com", Password: rand.Text()}
	signed, err := c.SignUpWithResponse(ctx, credentials)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "POST /auth/signup   %s\n", signed.Status())
	if signed.StatusCode() != http.StatusAccepted {
		return "", fmt.Errorf("POST /auth/signup: %s: %s", signed.Status(), signed.Body)
	}
	session, err := c.LogInWithResponse(ctx, credentials)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "POST /auth/login    %s\n", session.Status())
	if session.JSON200 == nil {
		return "", fmt.Errorf("POST /auth/login: %s: %s", session.Status(), session.Body)
	}
	return session.JSON200.Token, nil
}
