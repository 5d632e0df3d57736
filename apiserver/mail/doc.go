// Package mail sends the few mails that the facade writes: a link to reset a password, and word of a sign-up with an
// address that has an account.
//
//	Enqueue ──> Queue (bounded, in memory) ── Run: one mail at a time ──> Sender ──> SMTP server
//	               ^                                                        │
//	               └────────── again later: a temporary failure ────────────┘
//
// A Sender sends one mail: SMTP through a server, Mailbox onto a terminal while developing. Queue keeps its callers from
// waiting for it, so that the time of an answer does not tell whether a mail was written.
//
// Mails are held in memory alone. Those that wait when the process ends are lost, and Run says how many: a reset link
// is good for minutes, and whoever wants one asks again. Mails are plain text in UTF-8 to one recipient; there are no
// attachments, no HTML and no bounce handling. DKIM is the server's to sign.
package mail
