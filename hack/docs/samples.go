package main

// sample is what a page shows of a way of writing rules: payloads, and rules that do not compile. What becomes of them is found out.
type sample struct {
	// rule besides the name; empty: the module's own example.
	rule string
	// pass and fail are payloads.
	pass, fail string
	// wrong are rules that do not compile, or are of no use: parameters of a module, else what stands in place of rule.
	wrong []string
}

// samples has one for each module, by its name.
//
//nolint:gosec // a field named pass holds what passes, and no password
var samples = map[string]sample{
	"compare": {
		pass:  `{"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T10:30:00+01:00"}`,
		fail:  `{"start": "2026-03-02T10:00:00Z", "end": "2026-03-02T10:30:00+01:00"}`,
		wrong: []string{`{field: $.end, operator: after, other: $.start}`, `{field: $.end, operator: gt, other: '$.starts[*]'}`, `{field: $.end}`},
	},
	"const": {
		pass:  `{"version": 2.0}`,
		fail:  `{"version": "2"}`,
		wrong: []string{`{field: $.version}`, `{field: $.version, values: [2]}`},
	},
	"contains": {
		pass:  `{"tags": ["urgent", "reviewed"]}`,
		fail:  `{"tags": ["urgent"]}`,
		wrong: []string{`{field: $.tags}`, `{field: 'tags', value: reviewed}`},
	},
	"dependent": {
		pass:  `{"card": {"number": "4111", "expiry": "12/29", "holder": "A. Lovelace"}}`,
		fail:  `{"card": {"number": "4111", "holder": "A. Lovelace"}}`,
		wrong: []string{`{field: $.card.number}`, `{field: $.card.number, requires: [$.card.expiry, 5]}`},
	},
	"enum": {
		pass:  `{"status": "paid"}`,
		fail:  `{"status": "Paid"}`,
		wrong: []string{`{field: $.status, values: paid}`, `{field: $.status, values: []}`, `{field: $.status, value: [open, paid]}`},
	},
	"format": {
		pass:  `{"customer": {"email": "ada@example.com"}}`,
		fail:  `{"customer": {"email": "ada at example.com"}}`,
		wrong: []string{`{field: $.customer.email}`, `{field: $.customer.email, format: e-mail}`},
	},
	"length": {
		pass:  `{"name": "Ada"}`,
		fail:  `{"name": ""}`,
		wrong: []string{`{field: $.name}`, `{field: $.name, min: 80, max: 1}`, `{field: $.name, min: -1}`},
	},
	"pattern": {
		pass:  `{"items": [{"sku": "ABC-1234"}]}`,
		fail:  `{"items": [{"sku": "ABC-1234"}, {"sku": "abc-99"}]}`,
		wrong: []string{`{field: '$.items[*].sku'}`, `{field: '$.items[*].sku', pattern: '(?=A)'}`, `{field: '$.items[*', pattern: 'A'}`},
	},
	"range": {
		pass:  `{"amount": 10000}`,
		fail:  `{"amount": 99999}`,
		wrong: []string{`{field: $.amount}`, `{field: $.amount, min: 10, max: 1}`, `{field: $.amount, maximum: 10000}`, `{max: ten}`},
	},
	"required": {
		pass:  `{"items": [{"sku": "ABC-1234"}]}`,
		fail:  `{"items": [{"sku": "ABC-1234"}, {"qty": 2}, {"sku": ""}]}`,
		wrong: []string{`{}`, `{field: $.items, nonEmpty: "yes"}`},
	},
	"secrets": {
		pass:  `{"pageToken": "c2VjcmV0LXBhZ2UtMTIz", "note": "pay on delivery"}`,
		fail:  `{"note": "pay on delivery", "password": "correct horse 9"}`,
		wrong: []string{`{allow: [5]}`, `{fields: $.config}`},
	},
	"sum": {
		pass:  `{"items": [{"price": 19.99}, {"price": 5}], "total": 24.99}`,
		fail:  `{"items": [{"price": 19.99}, {"price": 5}], "total": 25.99}`,
		wrong: []string{`{field: '$.items[*].price'}`, `{field: '$.items[*].price', equals: $.total, tolerance: -1}`},
	},
	"type": {
		pass:  `{"customer": {"id": "c-17"}}`,
		fail:  `{"customer": {"id": 17.5}}`,
		wrong: []string{`{field: $.customer.id}`, `{field: $.customer.id, type: int}`},
	},
	"unique": {
		pass:  `{"items": [{"id": 1}, {"id": 2}]}`,
		fail:  `{"items": [{"id": 1}, {"id": 2}, {"id": 1.0}]}`,
		wrong: []string{`{}`, `{field: $.items, by: id}`},
	},
}

//nolint:gosec // a field named pass holds what passes, and no password
var celSample = sample{
	rule: `cel:
  expression: input.items.all(item, item.qty > 0)
  messageExpression: '"no quantity: " + input.items.filter(item, item.qty <= 0).map(item, item.sku).join(", ")'`,
	pass: `{"items": [{"sku": "ABC-1234", "qty": 2}]}`,
	fail: `{"items": [{"sku": "ABC-1234", "qty": 2}, {"sku": "XYZ-0001", "qty": 0}]}`,
	wrong: []string{
		`cel: {expression: "input.items.all(item, item.qty > 0"}`,
		`cel: {expression: size(input.items)}`,
		`cel: {expression: payload.amount > 0}`,
		`cel: {expression: "input.name.matches(input.pattern)"}`,
		`cel: {expression: "input.a.all(a, input.b.all(b, input.c.all(c, input.d.all(d, a + b + c + d > 0))))"}`,
	},
}

//nolint:gosec // a field named pass holds what passes, and no password
var schemaSample = sample{
	rule: `jsonSchema:
  type: object
  required: [id]
  additionalProperties: false
  properties:
    id: {type: integer, minimum: 1}
    email: {type: string, format: email}`,
	pass: `{"id": 17, "email": "ada@example.com"}`,
	fail: `{"id": 0, "email": "ada at example.com", "name": "Ada"}`,
	wrong: []string{
		`jsonSchema: {type: text}`,
		`jsonSchema: {$ref: "https://example.com/order.json"}`,
		`jsonSchema: {type: string, pattern: "(?=A)"}`,
		`jsonSchema: {$schema: "https://example.com/dialect"}`,
	},
}
