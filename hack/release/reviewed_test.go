package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReviewed runs reviewed.sh in clones of a repository, on commits of several branches, with bases named in several ways.
func TestReviewed(t *testing.T) {
	script, err := filepath.Abs("reviewed.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(in, name string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = filepath.Join(dir, in)
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	git := func(in string, args ...string) {
		t.Helper()
		if out, err := command(in, "git", args...); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("", "init", "-q", "-b", "main", "origin")
	git("origin", "commit", "-q", "--allow-empty", "-m", "first")
	git("origin", "branch", "release-0.1")
	for _, branch := range []string{"mine", "release-0.1", "main"} {
		git("origin", "checkout", "-q", "-B", branch, "main")
		git("origin", "commit", "-q", "--allow-empty", "-m", "on "+branch)
		git("origin", "tag", "at-"+branch)
	}
	git("origin", "checkout", "-q", "--detach", "main")
	git("origin", "commit", "-q", "--allow-empty", "-m", "on none")
	git("origin", "tag", "at-none")
	git("", "clone", "-q", "origin", "clone")

	digest := "@sha256:" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		reason, tag, dockerfile, want string
	}{
		"Main":       {"it was merged", "at-main", "", ""},
		"Branch":     {"patches come from there", "at-release-0.1", "", ""},
		"Mine":       {"nobody has looked at it", "at-mine", "", "neither on main"},
		"None":       {"it is of no branch", "at-none", "", "neither on main"},
		"Digests":    {"they cannot be moved", "at-main", "ARG A_IMAGE=a:1" + digest + "\nARG IMAGE=b" + digest + "\n", ""},
		"Tag":        {"it can", "at-main", "ARG A_IMAGE=a:1" + digest + "\nARG B_IMAGE=b:1\n", "b:1"},
		"HalfDigest": {"it is none", "at-main", "ARG A_IMAGE=a:1@sha256:00\n", "a:1@sha256:00"},
	} {
		t.Run(name, func(t *testing.T) {
			git("clone", "checkout", "-q", "--detach", tc.tag)
			args := []string{}
			if tc.dockerfile != "" {
				file := filepath.Join(t.TempDir(), "Dockerfile")
				if err := os.WriteFile(file, []byte(tc.dockerfile), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			out, err := command("clone", script, args...)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(out, tc.want)) {
				t.Errorf("%s: %v\n%s", tc.reason, err, out)
			}
		})
	}
}
