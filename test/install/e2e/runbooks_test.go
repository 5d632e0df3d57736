package e2e_test

import (
	"regexp"
	"strings"
)

// runbookCommand is a command that a runbook says to look with. What stands behind a pipe is left out: where nothing is wrong, grep finds nothing.
var runbookCommand = regexp.MustCompile(`(?m)^ {4}(kubectl [^|\n]*)`)

// notHere is what needs metrics-server or the Prometheus Operator, which a plain cluster does not have.
var notHere = regexp.MustCompile(`kubectl (-n checky-system )?(top |get servicemonitor)`)

// runbooks looks at a cluster in which nothing is wrong with every command of the runbooks: each has to be one that kubectl, the cluster and the Pods'
// programs take.
func (n *newcomer) runbooks() {
	n.t.Helper()
	n.kubectl("apply", "-f", "config/samples")
	done := 0
	for section, component := range map[string]string{
		"## Controller": "controller", "## Certificates": "controller", "## REST facade": "apiserver", "## Alert daemons": "alertd",
	} {
		names := strings.NewReplacer(
			"POD", n.pods(component)[0].Name, "secret NAME", "secret checky-webhook-tls", "-n NAMESPACE NAME", "-n default order-bad", "alertpolicy NAME", "alertpolicies",
			"DEVICE", "record:/var/lib/checky-alertd/sounds",
		)
		for _, command := range runbookCommand.FindAllStringSubmatch(n.page("docs/runbooks.md", section), -1) {
			line := names.Replace(command[1])
			if notHere.MatchString(line) {
				continue
			}
			done++
			if out, code := n.Run(line); code != "0" {
				n.t.Errorf("docs/runbooks.md %s: %s ended with %s and printed\n%s", section, line, code, out)
			}
		}
	}
	did(n.t, "runbooks.md: %d commands", done)
}
