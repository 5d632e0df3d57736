package observe

import (
	"regexp"
	"strings"

	"github.com/getsentry/sentry-go"
)

// Bounds of a text of an error or a panic, in bytes: what is looked at of it, and what is written down.
const (
	maxLooked = 8 << 10
	maxText   = 1 << 10
)

// secrets are what is taken out of texts, in this order. They are about form alone: whoever writes an error keeps payloads,
// passwords and tokens out of it, and this is for what slips through in errors of others.
var secrets = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`ck[yr]_[A-Za-z0-9_]+`), "[token]"},
	{regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`), "[token]"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+`), "$1 [token]"},
	{regexp.MustCompile(`\$argon2[a-z]*\$[^\s"']+`), "[hash]"},
	{regexp.MustCompile(`://[^/\s@"']+@`), "://[credentials]@"},
	{regexp.MustCompile(`[^\s@<>()\[\]"',;:=/]+@[^\s@<>()\[\]"',;:=/]+`), "[address]"},
	{regexp.MustCompile(`((?:https?://|/)[^\s?"']*)\?[^\s"']*`), "$1?[query]"},
	{regexp.MustCompile(`(?i)\b(authorization|cookie|passwords?|secret|token)(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;"']+)`), "$1$2[hidden]"},
}

// scrub takes tokens, passwords, addresses and query strings out of a text, and bounds it.
func scrub(text string) string {
	cut := len(text) > maxLooked
	if cut {
		// Half a token is not told as one: the word that the cut goes through is left out.
		text = text[:strings.LastIndexAny(text[:maxLooked], " \t\n")+1]
	}
	text = strings.ToValidUTF8(text, "") // before anything is looked for: what is left out between them would put the parts of a token together
	for _, secret := range secrets {
		text = secret.pattern.ReplaceAllString(text, secret.replacement)
	}
	if len(text) > maxText {
		text, cut = strings.ToValidUTF8(text[:maxText], ""), true // the cut may go through a character
	}
	if cut {
		text += " ..."
	}
	return text
}

// scrubEvent leaves of an event what happened and where in the code: no request, no user, no history.
func scrubEvent(event *sentry.Event) *sentry.Event {
	event.Request = nil // body, cookies, query string, Authorization
	event.User = sentry.User{}
	event.Breadcrumbs = nil
	event.Contexts = nil
	event.Attachments = nil
	event.Modules = nil
	event.Message = scrub(event.Message)
	event.Transaction = scrub(event.Transaction)
	for i := range event.Exception {
		event.Exception[i].Value = scrub(event.Exception[i].Value)
	}
	for name, value := range event.Tags {
		event.Tags[name] = scrub(value)
	}
	return event
}
