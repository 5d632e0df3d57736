package plugin_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompletion asks for words as shells do.
func TestCompletion(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.create(c.payload("order-1", "1"), c.payload("order-2", "1"), c.payload("shipment", "1"))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"commands":    {[]string{"ex"}, "explain"},
		"checks":      {[]string{"explain", ""}, "order-1 order-2 shipment"},
		"of a prefix": {[]string{"ack", "order"}, "order-1 order-2"},
		"one is all":  {[]string{"explain", "order-1", ""}, ""},
		"not twice":   {[]string{"silence", "order-1", "ord"}, "order-2"},
		"rule sets":   {[]string{"run", "--rule-set", ""}, "orders"},
		"namespaces":  {[]string{"explain", "-n", c.namespace[:8]}, c.namespace},
		"phases":      {[]string{"results", "--phase", ""}, "Pending Success Failure Error"},
		"formats":     {[]string{"run", "-o", ""}, "text json junit sarif yaml name"},
		"contexts":    {[]string{"results", "--context", ""}, "checky"},
		"shells":      {[]string{"completion", "k"}, "kubectl"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), c.plugin, append([]string{"__complete", "--namespace", c.namespace}, test.args...)...)
			command.Env = c.env
			out, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for line := range strings.Lines(string(out)) {
				if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); word != "" && !strings.HasPrefix(word, ":") {
					words = append(words, word)
				}
			}
			got := strings.Join(words, " ")
			if got != test.want && (name != "namespaces" && name != "contexts" || !strings.Contains(got, test.want)) {
				t.Errorf("%v gives %q, want %q", test.args, got, test.want)
			}
		})
	}
}

// TestCompletionIsBounded: a namespace of many Checks gives a shell no more than it can show.
func TestCompletionIsBounded(t *testing.T) {
	c := newCluster(t)
	for i := range 210 {
		c.create(c.payload(fmt.Sprintf("check-%03d", i), "1"))
	}
	command := exec.CommandContext(t.Context(), c.plugin, "__complete", "--namespace", c.namespace, "explain", "")
	command.Env = c.env
	out, err := command.Output()
	if err != nil || strings.Count(string(out), "check-") != 200 {
		t.Errorf("there are %d names: %v", strings.Count(string(out), "check-"), err)
	}
}

// TestThroughKubectl: kubectl finds the plugin, and its completion finds the plugin's.
func TestThroughKubectl(t *testing.T) {
	c := newCluster(t)
	c.create(c.payload("order-1", "1"))
	bin := t.TempDir()
	for name, program := range map[string]string{"kubectl": c.cp.KubectlPath(), "kubectl-checky": c.plugin} {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	script := c.must("completion", "kubectl")
	if err := os.WriteFile(filepath.Join(bin, "kubectl_complete-checky"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(c.env, "PATH="+bin+":"+os.Getenv("PATH"))
	for _, test := range []struct{ command, want string }{
		{"kubectl checky results -o name -n " + c.namespace, "check.checky.dev/order-1"},
		{"kubectl checky --help", "kubectl checky [command]"},
		{"kubectl __complete checky -n " + c.namespace + " explain ''", "order-1"},
		{"kubectl-checky completion bash | bash -n && echo fine", "fine"},
	} {
		command := exec.CommandContext(t.Context(), "bash", "-c", test.command)
		command.Env = env
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v\n%s", test.command, err, out)
		}
	}
	for _, shell := range []string{"zsh", "fish", "powershell"} {
		if out := c.must("completion", shell); !strings.Contains(out, "kubectl-checky") {
			t.Errorf("%s:\n%s", shell, out)
		}
	}
}
