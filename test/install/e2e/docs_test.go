package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/checky-dev/checky/test/docs/console"
)

// Addresses of releases that no test can fetch from: what they hold is taken from the checkout.
var (
	releasedConfig = regexp.MustCompile(`'https://github\.com/checky-dev/checky/(config/[a-z-]+)\?ref=[^']+'`)
	releasedChart  = regexp.MustCompile(`oci://ghcr\.io/checky-dev/charts/checky --version \S+`)
)

// indentedCommand is a command of an indented block, which goes on behind a backslash; inlineCommand one within a text.
var (
	indentedCommand = regexp.MustCompile(`(?m)^ {4}((?:kubectl|helm|curl) (?:.*\\\n)*.*)$`)
	inlineCommand   = regexp.MustCompile("`((?:kubectl|helm) [^`]+)`")
)

// newcomer does what the documentation says, in a shell in a folder beside which config and charts lie.
type newcomer struct {
	*cluster
	*console.Shell
	dir string
}

// TestDocumentation installs by what README says, and does there what the pages say that need a cluster, to the removal of everything.
func TestDocumentation(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	for _, name := range []string{"config", "charts"} {
		target, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	n := &newcomer{cluster: c, Shell: console.Start(t, dir, c.environment(), patience), dir: dir}
	n.byKustomize()
	backup := n.backUp()
	n.removed("kubectl delete", func() {
		n.does("docs/lifecycle.md", "## Uninstalling", "kubectl -n checky-system delete", "kubectl delete validating")
		n.podless()
		n.remain(backup)
		n.does("docs/lifecycle.md", "## Uninstalling", "kubectl get checky", "kubectl delete")
	})
	n.byHelm()
	n.restore(backup)
	n.laterByHelm()
	n.removed("helm uninstall", func() {
		n.does("docs/lifecycle.md", "## Uninstalling", "helm")
		n.podless()
		n.remain(backup)
		n.does("docs/helm.md", "## Uninstalling", "kubectl delete")
	})
}

// page reads one, or a section of it.
func (n *newcomer) page(path, section string) string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		n.t.Fatal(err)
	}
	found := console.Section(string(text), section)
	if found == "" {
		n.t.Fatalf("%s has no section %s", path, section)
	}
	return found
}

// does runs the commands of a section's indented blocks that begin with one of some words, in their order, each once.
func (n *newcomer) does(path, section string, words ...string) {
	n.t.Helper()
	n.all(path+" "+section, indentedCommand.FindAllStringSubmatch(n.page(path, section), -1), words)
}

// doesInline does the same with the commands within a section's text.
func (n *newcomer) doesInline(path, section string, words ...string) {
	n.t.Helper()
	n.all(path+" "+section, inlineCommand.FindAllStringSubmatch(n.page(path, section), -1), words)
}

func (n *newcomer) all(where string, commands [][]string, words []string) {
	n.t.Helper()
	done := map[string]bool{}
	for _, command := range commands {
		command[1], _, _ = strings.Cut(command[1], "  #")
		command[1] = strings.TrimSpace(command[1])
		if done[command[1]] || !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(command[1], word) }) {
			continue
		}
		done[command[1]] = true
		line := releasedChart.ReplaceAllString(releasedConfig.ReplaceAllString(command[1], "$1"), "charts/checky")
		if out, code := n.Run(line); code != "0" {
			n.t.Fatalf("%s: %s ended with %s and printed\n%s", where, line, code, out)
		}
	}
	if len(done) < len(words) {
		n.t.Errorf("%s: of the commands that begin with %q there are %d", where, words, len(done))
	}
}

// byKustomize installs, and goes the five-minute start to its end.
func (n *newcomer) byKustomize() {
	t := n.t
	t.Helper()
	n.does("README.md", "## In a cluster", "kubectl apply")
	n.settled(inTurn[:2]...)
	n.does("docs/start.md", "## On a cluster", "kubectl apply")
	steps, err := console.Steps(n.page("docs/start.md", "## On a cluster"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		n.Try(step)
	}
	did(t, "README's and the start page's installation by kubectl, and all %d commands that follow on the start page", len(steps))
	n.does("docs/operations.md", "## Certificates", "kubectl -n checky-system get secret", "kubectl -n checky-system events")
	n.does("docs/operations.md", "### Installing it", "kubectl -n checky-system get secret", "kubectl -n checky-system port-forward", "curl")
	n.does("docs/operations.md", "## Installing", "kubectl apply")

	n.kubectl("apply", "-k", "config/dev")
	n.settled(inTurn...)
	n.runbooks()
	n.does("docs/lifecycle.md", "## Upgrading", "kubectl apply", "kubectl -n checky-system rollout", "kubectl get checks")
	n.does("docs/lifecycle.md", "### Going back", "kubectl apply")
	n.settled(inTurn...)
	did(t, "operations.md: certificates, port-forward, health; lifecycle.md: upgrading and going back by kubectl")
}

// kept is what a backup has to bring back.
type kept struct {
	checks      string // as kubectl names them
	token, made string // of an account, and a Check that it made
}

// backUp does what the page says, when there is something to lose.
func (n *newcomer) backUp() kept {
	n.t.Helper()
	f := n.facade()
	token, err := f.account(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	status, answer, err := f.call(n.t.Context(), http.MethodPost, "/v1/check", token, order(700), "Prefer: wait=30")
	if err != nil || status != http.StatusOK {
		n.t.Fatalf("POST /v1/check: %d, %v: %s", status, err, answer)
	}
	var made result
	if err := json.Unmarshal(answer, &made); err != nil {
		n.t.Fatal(err)
	}
	n.doesInline("docs/lifecycle.md", "## Backup", "kubectl get checky", "kubectl -n checky-system get secrets")
	return kept{checks: n.names(), token: token, made: made.ID}
}

func (n *newcomer) names() string {
	n.t.Helper()
	return n.kubectl("get", "checks,rulesets", "-A", "-o", "name")
}

// remain holds Checks and rule sets to being there still.
func (n *newcomer) remain(backup kept) {
	n.t.Helper()
	if names := n.names(); names != backup.checks {
		n.t.Errorf("there were\n%sand are\n%s", backup.checks, names)
	}
}

// byHelm installs, and does what the chart's page says before anything is changed.
func (n *newcomer) byHelm() {
	n.t.Helper()
	n.does("README.md", "## In a cluster", "helm install")
	n.settled(inTurn[:2]...)
	values, err := os.ReadFile(filepath.Join(root, recordings))
	if err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.dir, "values.yaml"), values, 0o600); err != nil {
		n.t.Fatal(err)
	}
	n.does("docs/helm.md", "## Upgrading", "helm upgrade")
	n.settled(inTurn...)
	n.does("docs/helm.md", "## Looking at it first", "helm template")
	n.does("docs/helm.md", "## Choosing", "kubectl -n checky-system get secret", "kubectl -n checky-system create configmap")
	n.does("docs/helm.md", "## The namespace", "kubectl label")
	did(n.t, "README's installation by helm, and the commands of helm.md")
}

// restore does what the page says with what backUp wrote.
func (n *newcomer) restore(backup kept) {
	n.t.Helper()
	n.doesInline("docs/lifecycle.md", "### Restoring", "kubectl -n checky-system delete daemonset", "kubectl apply")
	n.remain(backup)
	f := n.facade()
	n.await("the restored Check's verdict, by its owner's old token", func(ctx context.Context) error {
		status, answer, err := f.call(ctx, http.MethodGet, "/v1/status/"+backup.made, backup.token, nil)
		if err != nil {
			return err
		}
		var restored result
		if err := json.Unmarshal(answer, &restored); err != nil {
			return err
		}
		if status != http.StatusOK || restored.Status != "failure" {
			return fmt.Errorf("%d: %s", status, answer)
		}
		return nil
	})
	did(n.t, "lifecycle.md: backup, and restored in an empty cluster %d Checks and rule sets, and the account, whose token reads its verdict",
		strings.Count(backup.checks, "\n"))
}

// laterByHelm upgrades and goes back.
func (n *newcomer) laterByHelm() {
	n.t.Helper()
	n.does("docs/lifecycle.md", "## Upgrading", "helm upgrade", "kubectl -n checky-system rollout")
	n.does("docs/lifecycle.md", "### Going back", "helm upgrade")
	n.settled(inTurn...)
	n.kubectl("get", "crd", "checks.checky.dev")
	n.helm("upgrade", "checky", "charts/checky", "-n", system, "--reset-then-reuse-values", "--set=crds.install=true")
	n.settled(inTurn...)
	did(n.t, "lifecycle.md: upgrading and going back by helm, with the kinds left, and forward again")
}

// removed has everything taken away, and looks for what is left by the names of all objects of the cluster.
func (n *newcomer) removed(how string, remove func()) {
	n.t.Helper()
	remove()
	resources := strings.Join(strings.Fields(n.kubectl("api-resources", "--verbs=list", "-o", "name")), ",")
	n.await("the end of everything", func(ctx context.Context) error {
		out, err := n.command(ctx, n.KubectlPath(), "get", resources, "-A", "-o",
			`jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}`)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool {
			// The node's own name has the word too.
			return !strings.Contains(strings.ReplaceAll(line, "checky-node", ""), "checky") || strings.Contains(line, "Event ")
		})
		if len(left) > 0 {
			return fmt.Errorf("left are %q", left)
		}
		return nil
	})
	did(n.t, "lifecycle.md: uninstalled by %s, Checks stayed; then everything removed: nothing named checky is left in %d kinds of objects",
		how, strings.Count(resources, ",")+1)
}
