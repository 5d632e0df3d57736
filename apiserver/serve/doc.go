// Package serve is the facade's listeners: the socket, TLS, the limits of a connection, the headers that every answer
// carries, and the end of it all without a lost answer.
//
//	server, err := serve.Listen(ctx, serve.Options{Address: ":8443", CertFile: "tls.crt", KeyFile: "tls.key"})
//	server.URL()                                       the port is bound already, whoever connects now waits
//	server.Run(ctx, serve.Secure(handler, options))    serves until ctx ends, then drains
//
// How it ends, once ctx has:
//
//	ctx ends          DrainDelay passes              DrainTimeout passes, or all is answered
//	   |   still serving    |    no new connections        |
//	   v                    v                              v
//	Draining() closes    Closing(ctx) closes            what is left is cut, Run returns
//	readiness says no    event streams and long waits
//	                     end of themselves
//
// In the first stretch the cluster takes the endpoint out, and each answer tells its client to connect anew
// (Connection: close on HTTP/1.1, GOAWAY on HTTP/2). What comes to an idle HTTP/1.1 connection in the very moment that
// the second stretch closes it gets no answer, and was not looked at: HTTP/1.1 has no way to tell a client beforehand
// (RFC 9112, section 9.6), and clients send such a request again.
//
// It knows no routes, nobody's identity and no payload. Cleartext HTTP/2 is not served.
package serve
