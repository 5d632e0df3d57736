// Package route is the facade's HTTP interface: which routes there are, what they take and give, and who may call them.
//
//	request -> media type, body limit -> who calls (authn) -> how often (throttle) -> how many at a time (gate) -> handler
//	           415, 413                  401, 403              429                     503
//
// A handler decodes, calls one method of the rooms behind it (check, account), and encodes; what goes wrong there is an error
// of theirs, and one table (problems.go) says which status it is. The OpenAPI document is made from the same types
// that are decoded and encoded.
//
// It holds no state, and knows nothing of listeners, certificates, access logs and metrics: see serve and observe.
package route
