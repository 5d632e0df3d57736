// Package proxy is a TCP connection's middle that can be made to fail.
//
//	p, err := proxy.Listen("facade-0", func() string { return "127.0.0.1:20003" })
//	mend := p.Break(proxy.Fault{HalfOpen: true})
//	...
//	mend()
//
// Faults add up, and each is mended by itself. What a connection has lost stays lost: one that was half-open when a fault ended
// is closed then, as it would be by a firewall that has forgotten it and is asked again.
//
// The package knows nothing of what the bytes mean: see package mutant for a middle that does.
package proxy
