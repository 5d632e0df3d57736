package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/checky-dev/checky/apiserver/client"
)

// A payload is checked by a rule set of the cluster; the request can be sent again as often as needed, and makes one check.
func Example() {
	c, err := client.NewClientWithResponses(os.Getenv("CHECKY"), client.WithToken(os.Getenv("TOKEN")))
	if err != nil {
		log.Fatal(err)
	}
	var orders client.CheckRequest_RuleSets_Item
	if err := orders.FromCheckRequestRuleSets0("orders"); err != nil {
		log.Fatal(err)
	}
	wait, key := "wait=30", "order-4712"
	answer, err := c.CheckWithResponse(context.Background(), &client.CheckParams{Prefer: &wait, IdempotencyKey: &key}, client.CheckRequest{
		Input:    json.RawMessage(`{"amount": 99999, "currency": "EUR"}`),
		RuleSets: &[]client.CheckRequest_RuleSets_Item{orders},
	})
	switch {
	case err != nil:
		log.Fatal(err) // No answer: send it again, with the same key.
	case answer.JSON200 != nil:
		fmt.Println(answer.JSON200.Status, answer.JSON200.Explanation)
	case answer.JSON202 != nil:
		fmt.Println("pending:", *answer.JSON202.ID)
	default:
		log.Fatalf("%s: %s", answer.Status(), answer.Body)
	}
}

// Many payloads are checked by one request, each under a name of its own: those that are bad are told, the worst first.
func Example_batch() {
	c, err := client.NewClientWithResponses(os.Getenv("CHECKY"), client.WithToken(os.Getenv("TOKEN")))
	if err != nil {
		log.Fatal(err)
	}
	var orders client.BatchRequest_RuleSets_Item
	if err := orders.FromBatchRequestRuleSets0("orders"); err != nil {
		log.Fatal(err)
	}
	var inputs []client.BatchInput
	for name, payload := range map[string]string{"A-1041": `{"amount": 250, "currency": "EUR"}`, "A-1042": `{"amount": 99999, "currency": "EUR"}`} {
		inputs = append(inputs, client.BatchInput{Name: &name, Input: json.RawMessage(payload)})
	}
	wait, key := "wait=30", "nightly-2026-11-22"
	answer, err := c.CheckBatchWithResponse(context.Background(), &client.CheckBatchParams{Prefer: &wait, IdempotencyKey: &key}, client.BatchRequest{
		Inputs:   inputs,
		RuleSets: &[]client.BatchRequest_RuleSets_Item{orders},
	})
	switch {
	case err != nil:
		log.Fatal(err) // No answer: send it again, with the same key.
	case answer.JSON202 != nil:
		fmt.Println("pending:", *answer.JSON202.ID)
	case answer.JSON200 == nil:
		log.Fatalf("%s: %s", answer.Status(), answer.Body)
	case answer.JSON200.Batch == nil:
		fmt.Println(answer.JSON200.Status, answer.JSON200.Explanation)
	default:
		fmt.Println(answer.JSON200.Batch.Succeeded, "of", answer.JSON200.Batch.Total, "passed")
		for _, item := range answer.JSON200.Batch.Items {
			fmt.Println(item.Index, item.Status, string(item.Input))
		}
	}
}
