package mail

import (
	"fmt"
	"time"
)

// Reset is the mail with the link to choose a new password. The lifetime is how long the link works, in whole minutes.
func Reset(link string, lifetime time.Duration) (subject, text string) {
	return "Reset your Checky password", fmt.Sprintf(`Hello,

somebody, hopefully you, asked to reset the password of the Checky account
with this e-mail address. To choose a new password, open this link:

%s

The link works once, for %s. A new password logs out every session.

If it was not you, there is nothing to do: your password stays as it is, and
nobody can change it without this link. Do not pass it on.

Checky sent this mail by itself. Nobody reads the replies.
`, link, minutes(lifetime))
}

// SignUpAttempt is the mail to somebody whose address was used to sign up although it has an account. It is what tells
// them, since the answer to the sign-up does not. It holds no secret.
func SignUpAttempt(externalURL string) (subject, text string) {
	return "You already have a Checky account", fmt.Sprintf(`Hello,

somebody, hopefully you, tried to sign up for Checky with this e-mail
address. It already has an account, and nothing about it was changed.

If it was you, log in with the password that you have, or ask for a link to
choose a new one, as the documentation shows under "password-reset":

%s/docs

If it was not you, there is nothing to do: whoever tried was not told that the
account exists.

Checky sent this mail by itself. Nobody reads the replies.
`, externalURL)
}

// minutes is a lifetime in words, rounded down: a promise is not to be too long.
func minutes(d time.Duration) string {
	n := int(d / time.Minute)
	if n == 1 {
		return "1 minute"
	}
	return fmt.Sprintf("%d minutes", n)
}
