// Package route is the facade's HTTP interface: which routes there are, what they take and give, and who may call them.
//
//	request -> media type -> who calls (authn) -> how often (throttle) -> body -> parameters -> handler -> gates
//	           415           401, 403             429                     |       400, 422      400, 422   429, 503
//	                                                                      +- 400, 408, 413; 429, 503: no memory for it
//
// A handler decodes, calls one method of the rooms behind it (check, account), and encodes; what goes wrong there is an error
// of theirs, and one table (problems.go) says which status it is. The OpenAPI document is made from the same types
// that are decoded and encoded.
//
// What it holds is about the moment alone: which addresses have sent too many bad tokens, and what each caller has under way. It knows
// nothing of listeners, certificates, access logs and metrics: see serve and observe.
package route
