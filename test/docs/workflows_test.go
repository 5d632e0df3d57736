package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workflow is what the tests look at of a workflow or an action of GitHub's.
type workflow struct {
	Permissions *map[string]string `json:"permissions"`
	Jobs        map[string]job     `json:"jobs"`
	Runs        job                `json:"runs"`
}

type job struct {
	If          string             `json:"if"`
	Permissions *map[string]string `json:"permissions"`
	Strategy    struct {
		Matrix struct {
			Include []struct {
				Task string `json:"task"`
			} `json:"include"`
		} `json:"matrix"`
	} `json:"strategy"`
	Steps []jobStep `json:"steps"`
}

type jobStep struct {
	Uses string         `json:"uses"`
	Run  string         `json:"run"`
	With map[string]any `json:"with"`
}

var (
	makeCall   = regexp.MustCompile(`(?m)(?:^|[;&|(] *)make ([a-z0-9-]+|\$\{\{ matrix\.task \}\})`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	pinned     = regexp.MustCompile(`^\s*-? ?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// TestWorkflowsNameWhatIsThere holds that a workflow asks make for tasks that there are, so that renaming one does not
// break what only runs elsewhere, and that Go's version is go.mod's.
func TestWorkflowsNameWhatIsThere(t *testing.T) {
	var targets []string
	for _, m := range makeTarget.FindAllStringSubmatch(read(t, filepath.Join(root, "Makefile")), -1) {
		targets = append(targets, m[1])
	}
	calls, gos := 0, 0
	for path, jobs := range workflows(t) {
		for name, job := range jobs {
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "actions/setup-go@") {
					gos++
					if step.With["go-version-file"] != "go.mod" || step.With["go-version"] != nil {
						t.Errorf("%s, job %s: Go's version comes from go.mod: go-version-file: go.mod", path, name)
					}
				}
				for _, m := range makeCall.FindAllStringSubmatch(step.Run, -1) {
					asked := []string{m[1]}
					if strings.HasPrefix(m[1], "$") {
						asked = nil
						for _, include := range job.Strategy.Matrix.Include {
							asked = append(asked, include.Task)
						}
					}
					for _, task := range asked {
						calls++
						if !slices.Contains(targets, task) {
							t.Errorf("%s, job %s: the Makefile has no task %q", path, name, task)
						}
					}
				}
			}
		}
	}
	if calls < 10 || gos < 2 {
		t.Errorf("found %d calls of make and %d of setup-go: the test does not see what it looks for", calls, gos)
	}
}

// TestWorkflowsMayDoLittle holds that nothing is allowed to a whole workflow, that each job says what it needs, and that
// what runs for a pull request may write nothing.
func TestWorkflowsMayDoLittle(t *testing.T) {
	for _, path := range glob(t, ".github/workflows/*.yaml") {
		var w workflow
		if err := yaml.Unmarshal([]byte(read(t, path)), &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if w.Permissions == nil || len(*w.Permissions) != 0 {
			t.Errorf("%s: permissions of the workflow must be {}", path)
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil {
				t.Errorf("%s: job %s does not say which permissions it needs", path, name)
				continue
			}
			for scope, access := range *job.Permissions {
				if access != "read" && strings.Contains(read(t, path), "\n  pull_request:") && !strings.HasPrefix(job.If, "github.ref") {
					t.Errorf("%s: job %s runs for pull requests, and has %s: %s", path, name, scope, access)
				}
			}
		}
	}
}

// TestReleasesAreReviewed holds that a job which writes for a tag looks first whether its commit was reviewed, and takes nothing from a cache.
func TestReleasesAreReviewed(t *testing.T) {
	found := 0
	for path, jobs := range workflows(t) {
		for name, job := range jobs {
			if job.Permissions == nil || (*job.Permissions)["packages"] != "write" {
				continue
			}
			found++
			if len(job.Steps) < 2 || !strings.HasPrefix(job.Steps[0].Uses, "actions/checkout@") || !strings.HasPrefix(job.Steps[1].Run, "hack/release/reviewed.sh") {
				t.Errorf("%s, job %s: hack/release/reviewed.sh has to come right after the checkout", path, name)
			}
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "actions/cache@") || step.Uses == "./.github/actions/prepare" || step.With["cache-from"] != nil ||
					strings.HasPrefix(step.Uses, "actions/setup-go@") && step.With["cache"] != false {
					t.Errorf("%s, job %s: %s takes what another run wrote", path, name, step.Uses)
				}
			}
		}
	}
	if found < 2 {
		t.Errorf("%d jobs release something", found)
	}
}

// expressions are the values of a run that somebody outside may choose, such as a title or a branch, in a shell's script.
var expressions = regexp.MustCompile(`\$\{\{[^}]*\}\}`)

// TestScriptsHaveNoStrangersWords holds that no expression is written into a shell's script, where its value would be commands: what a script needs
// comes by its environment. A matrix is the workflow's own. No workflow runs with the repository's rights on a stranger's change.
func TestScriptsHaveNoStrangersWords(t *testing.T) {
	for path, jobs := range workflows(t) {
		if text := read(t, path); strings.Contains(text, "pull_request_target") || strings.Contains(text, "workflow_run") {
			t.Errorf("%s: it runs on changes of strangers with rights", path)
		}
		for name, job := range jobs {
			for _, step := range job.Steps {
				for _, expression := range expressions.FindAllString(step.Run, -1) {
					if !strings.HasPrefix(expression, "${{ matrix.") {
						t.Errorf("%s, job %s: %s in a script", path, name, expression)
					}
				}
				if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
					t.Errorf("%s, job %s: the checkout keeps a token on disk", path, name)
				}
			}
		}
	}
}

// TestActionsArePinned holds that an action of others is named by its commit, with the version for readers: a tag can be
// moved to other code.
func TestActionsArePinned(t *testing.T) {
	found := 0
	for path := range workflows(t) {
		for line := range strings.Lines(read(t, path)) {
			line = strings.TrimRight(line, "\n")
			if !strings.Contains(line, "uses: ") || strings.Contains(line, "uses: ./") {
				continue
			}
			found++
			if !pinned.MatchString(line) {
				t.Errorf("%s: %s: want NAME@COMMIT # vX.Y.Z", path, strings.TrimSpace(line))
			}
		}
	}
	if found == 0 {
		t.Error("no workflow uses an action")
	}
}

// workflows are the jobs of each workflow, and of each action of this repository, by file.
func workflows(t *testing.T) map[string]map[string]job {
	t.Helper()
	all := map[string]map[string]job{}
	for _, path := range append(glob(t, ".github/workflows/*.yaml"), glob(t, ".github/actions/*/action.yaml")...) {
		var w workflow
		if err := yaml.Unmarshal([]byte(read(t, path)), &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if w.Jobs == nil {
			w.Jobs = map[string]job{"runs": w.Runs}
		}
		all[path] = w.Jobs
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(found), err)
	}
	return found
}
