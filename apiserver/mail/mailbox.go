package mail

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Mailbox prints mails instead of sending them. It is for developing: whoever reads w can use the links.
//
//	── mail ──────────────────────────────
//	To:      ann@example.com
//	Subject: Reset your password
//
//	The text.
//	──────────────────────────────────────
//
// Each mail is one Write, so that it stays in one piece between the lines of others.
func Mailbox(w io.Writer) Sender { return &mailbox{w: w} }

type mailbox struct {
	mu sync.Mutex // one Write at a time
	w  io.Writer
}

// Send prints the mail.
func (b *mailbox) Send(_ context.Context, m Message) error {
	if err := m.validate(); err != nil {
		return err
	}
	const width = 78
	var out bytes.Buffer
	fmt.Fprintf(&out, "── mail %s\n", strings.Repeat("─", width-len("-- mail ")))
	fmt.Fprintf(&out, "To:      %s\nSubject: %s\n\n%s\n", m.To, m.Subject, strings.TrimRight(m.Text, "\n"))
	fmt.Fprintf(&out, "%s\n", strings.Repeat("─", width))
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.w.Write(out.Bytes())
	return err
}
