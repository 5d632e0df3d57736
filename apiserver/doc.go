// Package apiserver is the REST facade: it turns HTTP requests into Checks, and Checks into answers.
//
//	          +- serve, observe: listeners, TLS, headers; request ids, access log, metrics, traces
//	request --+- route: what is taken and given, by whom; the OpenAPI document
//	          +- authn, throttle: who calls, how often, how many at a time
//	          +- check: one request, one Check; waiting, reading, dry runs   --+
//	          +- account, password, mail: accounts and tokens in Secrets      --+-- cluster: cache, writes, is it there?
//	          +- page: /docs, /redoc, the form of a reset link
//	          +- problem: how each of them says no
//
// It is no aggregated API server, and keeps nothing of its own: what it is told is in the cluster before it answers, so any number
// of replicas serve behind a Service, and each can be killed at any time.
//
// This package holds the options and puts the rooms together. Package client, generated from the OpenAPI document, is for programs
// that call it.
package apiserver
