// Package jsonschema adapts JSON Schema to rules: a rule is a schema, and every keyword that the payload violates is a finding at
// the value concerned.
//
//	schema --bound, rewrite--> document --compile--> workers     (once, per rule set)
//	Call --worker--> tree of errors --flatten--> findings
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are read; 2020-12 is taken where $schema names none. Formats and contents are asserted in all of them. A $ref must stay
// within the schema or name a draft's own meta-schema: nothing is fetched or opened.
//
// The library underneath takes no context and counts nothing, so before it compiles a schema, each subschema
// in it gets a format of our own that counts: formats are what it looks at first. Numbers compare exactly, as fractions; those that
// would make such a fraction large are refused before.
package jsonschema
