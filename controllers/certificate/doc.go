// Package certificate keeps the certificates that Checky serves by, so that an installation needs no Secret to be made first, no
// cert-manager and no restart.
//
//	Secret (tls.crt, tls.key, ca.crt, ca.key)
//	   |  watched by name          absent, ours and due, or ours and garbled: made or renewed
//	   v
//	Reconciler ---> Store ---> tls.Config.GetCertificate      from memory: no volume that is minutes late
//	   |
//	   v
//	caBundle of each webhook of one ValidatingWebhookConfiguration, put back where somebody resets it
//
// A Secret is Checky's own where it has the label checky.dev/certificate: managed, and no annotation of cert-manager. Any other is
// used as it is and never written: its ca.crt goes into the webhooks, and where it has none they are left as they are.
//
// All replicas do this, and none waits for a leader: a leader of an older version would know nothing of certificates, and its successor
// would never get ready. Whoever writes first is followed by the others: creating what is there is refused, and so is updating what has changed
// (resourceVersion). Nothing is lost by two that try.
//
// A certificate lives 90 days, its authority 10 years; both are renewed after two thirds. They are never changed at once while the
// one that is served still works:
//
//	ca.crt    A            A B                    B A                 B
//	tls.crt   by A         by A                   by B                by B
//	          B is made    A's is due, and B is   every server has    A goes
//	                       known for a day        had B's for a day
//
// An authority is good for servers of these names alone. Where others are wanted, another authority and a certificate by it are made at once.
//
// It serves nothing itself, and issues nothing to others.
package certificate
