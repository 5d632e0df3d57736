package engines

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// rule is one rule in each of the languages that are compared. All mean the same on the payloads of this package: where a field is
// missing or of another type they may differ, and the payloads leave that out.
type rule struct {
	name string
	// module is the rule as a module of Checky's, in YAML.
	module string
	// cel is an expression that is true where the rule holds, of Checky's and of cel-go's.
	cel string
	// schema is a JSON Schema, draft 2020-12.
	schema string
	// rego is one or more rules, of which NAME_ok is defined where the rule holds.
	rego string
	// assertion is what kyverno-json checks, in YAML.
	assertion string
	// holds is the rule written in Go.
	holds func(order map[string]any) bool
}

// fiveRules are what every engine here can say.
var fiveRules = []rule{
	{
		name:      "amount",
		module:    `{name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}`,
		cel:       `input.amount > 0 && input.amount <= 10000`,
		schema:    `{"properties": {"amount": {"exclusiveMinimum": 0, "maximum": 10000}}}`,
		rego:      "NAME_ok if { input.amount > 0; input.amount <= 10000 }",
		assertion: "(amount > `0` && amount <= `10000`): true",
		holds: func(order map[string]any) bool {
			amount, ok := order["amount"].(float64)
			return ok && amount > 0 && amount <= 10000
		},
	},
	{
		name:      "customer",
		module:    `{name: required, params: {field: $.customer}}`,
		cel:       `has(input.customer)`,
		schema:    `{"required": ["customer"]}`,
		rego:      "NAME_ok if input.customer",
		assertion: "(customer != null): true",
		holds: func(order map[string]any) bool {
			_, ok := order["customer"]
			return ok
		},
	},
	{
		name:      "currency",
		module:    `{name: enum, params: {field: $.currency, values: [EUR, USD, GBP]}}`,
		cel:       `input.currency in ["EUR", "USD", "GBP"]`,
		schema:    `{"properties": {"currency": {"enum": ["EUR", "USD", "GBP"]}}}`,
		rego:      `NAME_ok if input.currency in {"EUR", "USD", "GBP"}`,
		assertion: "(contains(['EUR', 'USD', 'GBP'], currency)): true",
		holds: func(order map[string]any) bool {
			switch order["currency"] {
			case "EUR", "USD", "GBP":
				return true
			}
			return false
		},
	},
	{
		name:      "id",
		module:    `{name: length, params: {field: $.id, min: 3, max: 20}}`,
		cel:       `size(input.id) >= 3 && size(input.id) <= 20`,
		schema:    `{"properties": {"id": {"minLength": 3, "maxLength": 20}}}`,
		rego:      "NAME_ok if { count(input.id) >= 3; count(input.id) <= 20 }",
		assertion: "(length(id) >= `3` && length(id) <= `20`): true",
		holds: func(order map[string]any) bool {
			id, ok := order["id"].(string)
			n := utf8.RuneCountInString(id)
			return ok && n >= 3 && n <= 20
		},
	},
	{
		name:      "sku",
		module:    `{name: type, params: {field: "$.items[*].sku", type: string}}`,
		cel:       `input.items.all(i, type(i.sku) == string)`,
		schema:    `{"properties": {"items": {"items": {"properties": {"sku": {"type": "string"}}}}}}`,
		rego:      "NAME_ok if { every item in input.items { is_string(item.sku) } }",
		assertion: "~.items: {(type(sku)): string}",
		holds: func(order map[string]any) bool {
			items, _ := order["items"].([]any)
			for _, item := range items {
				members, _ := item.(map[string]any)
				if _, ok := members["sku"].(string); !ok {
					return false
				}
			}
			return true
		},
	},
}

// someRules gives n rules: the five over and over, each time under another name.
func someRules(n int) []rule {
	list := make([]rule, n)
	for i := range list {
		list[i] = fiveRules[i%len(fiveRules)]
		if i >= len(fiveRules) {
			list[i].name = fmt.Sprintf("%s-%d", list[i].name, i/len(fiveRules)+1)
		}
	}
	return list
}

// order is the payload's shape; changes of it break one rule each.
type order struct {
	ID       any     `json:"id"`
	Customer *string `json:"customer,omitempty"`
	Amount   any     `json:"amount"`
	Currency string  `json:"currency"`
	Items    []item  `json:"items"`
	Created  string  `json:"created"`
	Email    string  `json:"email"`
	Note     string  `json:"note"`
}

type item struct {
	SKU   any     `json:"sku"`
	Price float64 `json:"price"`
}

func goodOrder() order {
	customer := "c-77"
	return order{
		ID: "A-1001", Customer: &customer, Amount: 119.98, Currency: "EUR",
		Items:   []item{{"X1", 59.99}, {"X2", 59.99}},
		Created: "2026-01-02T12:00:00Z", Email: "ada@example.org", Note: "leave at door",
	}
}

func (o order) text() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // an order is always JSON
	}
	return text
}

// payload is an order with the number of the five rules that it breaks.
type payload struct {
	name   string
	text   []byte
	broken int
}

// changed is the good order, changed.
func changed(name string, broken int, change func(*order)) payload {
	o := goodOrder()
	change(&o)
	return payload{name: name, text: o.text(), broken: broken}
}

// The payloads of the first tables.
var (
	validOrder   = changed("valid", 0, func(*order) {})
	invalidOrder = changed("invalid", 1, func(o *order) { o.Amount = 99999.5 })
)

// payloads are what all engines have to agree on.
func payloads() []payload {
	return []payload{
		validOrder,
		invalidOrder,
		changed("an amount of 0", 1, func(o *order) { o.Amount = 0 }),
		changed("the largest amount", 0, func(o *order) { o.Amount = 10000 }),
		changed("an amount below 0", 1, func(o *order) { o.Amount = -0.01 }),
		changed("no customer", 1, func(o *order) { o.Customer = nil }),
		changed("another currency", 1, func(o *order) { o.Currency = "eur" }),
		changed("a short id", 1, func(o *order) { o.ID = "A1" }),
		changed("a long id", 1, func(o *order) { o.ID = strings.Repeat("A", 21) }),
		changed("an id of 20 characters that are 2 bytes each", 0, func(o *order) { o.ID = strings.Repeat("é", 20) }),
		changed("a number for a sku", 1, func(o *order) { o.Items[1].SKU = 7 }),
		changed("two numbers for skus", 1, func(o *order) { o.Items[0].SKU, o.Items[1].SKU = 7, 8 }),
		changed("no items", 0, func(o *order) { o.Items = []item{} }),
		changed("all wrong", 5, breakAll),
		sized(2<<10, 0), sized(2<<10, 1), sized(20<<10, 0), sized(20<<10, 1),
	}
}

func breakAll(o *order) {
	o.Amount, o.Customer, o.Currency, o.ID, o.Items[0].SKU = 99999.5, nil, "eur", "A1", 7
}

// sized is an order of as many items as fit into size bytes; broken is 0, or 1 where its last item's sku is a number.
func sized(size, broken int) payload {
	o := goodOrder()
	length := len(o.text())
	for next := len(o.Items) + 1; ; next++ {
		sku := fmt.Sprintf("X%d", next)
		if length += len(`{"sku":"","price":59.99},`) + len(sku); length > size {
			break
		}
		o.Items = append(o.Items, item{sku, 59.99})
	}
	if broken > 0 {
		o.Items[len(o.Items)-1].SKU = 7
	}
	return payload{name: fmt.Sprintf("%d KiB, %d broken", size>>10, broken), text: o.text(), broken: broken}
}
