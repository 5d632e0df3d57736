package route

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/checky-dev/checky/apiserver/problem"
)

// waitOf is how long a caller wants to wait for a verdict (RFC 7240, section 4.3), and what of the Prefer header was applied. An answer
// without a verdict is wanted at once by respond-async alone; with wait beside it, after that (section 4.1). Other preferences are none
// of ours.
func waitOf(prefer string, limits Limits) (wait time.Duration, applied string, p *problem.Problem) {
	wanted := preferences(prefer)
	_, async := wanted["respond-async"]
	seconds, bounded := wanted["wait"]
	switch {
	case !bounded && async:
		return 0, "respond-async", nil
	case !bounded:
		return limits.Wait, "", nil
	}
	most := limits.MaxWait.Truncate(time.Second)
	n, err := strconv.ParseUint(seconds, 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, "", problem.New(http.StatusBadRequest, "The Prefer header's wait is no whole number of seconds.").
			At("header.Prefer", fmt.Sprintf("expected wait=N, N from 0 to %d", int(most.Seconds())))
	}
	wait = min(time.Duration(n)*time.Second, most)
	applied = fmt.Sprintf("wait=%d", int(wait.Seconds()))
	if async {
		applied = "respond-async, " + applied
	}
	return wait, applied, nil
}

// preferences reads the Prefer header (RFC 7240, section 2): names in lower case, values without their quotes and parameters. Of those
// of one name the first counts.
func preferences(header string) map[string]string {
	found := map[string]string{}
	for header != "" {
		var preference string
		preference, header = cutUnquoted(header, ',')
		preference, _ = cutUnquoted(preference, ';')
		name, value, _ := strings.Cut(preference, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, said := found[name]; !said {
			found[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return found
}

// cutUnquoted cuts a text at the first separator that is in no quoted string (RFC 9110, section 5.6.4).
func cutUnquoted(text string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case quoted && text[i] == '\\':
			i++
		case !quoted && text[i] == separator:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}
