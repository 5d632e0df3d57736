// Package rules says what a rule is: how it is compiled, what it sees, what it reports, and within
// which limits.
//
//	v1alpha1.Rule --Compiler--> Set --Evaluate(Call)--> Report
//	payload text  --Decode----> Payload ----^
//
// A Set is compiled once and shared: it is immutable, and any number of goroutines evaluate it at
// once. A Payload is immutable too. What one evaluation changes lives in its Call.
//
// There are three ways to write a rule, each an adapter in a package of its own: modules (rules/modules),
// CEL expressions (rules/cel) and JSON Schema (rules/jsonschema). They know this package and not each
// other; rules/builtin puts them together into a Compiler. This package evaluates single rules; the
// verdict over all of them is engine's.
package rules
