package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/test/install/manifests"
)

// The environment by which prepareUpgrade tells TestUpgrade of the older Checky.
const (
	olderEnv     = "CHECKY_E2E_OLDER"      // folder of its images and of olderManifests
	olderNameEnv = "CHECKY_E2E_OLDER_NAME" // what it is, for people
	olderTagEnv  = "CHECKY_E2E_OLDER_TAG"  // the tag of its images
)

const (
	olderManifests = "dev.yaml"
	sameVersion    = "v0.0.0-from"  // the tag of the older images where they have this checkout's version
	keepOlder      = 24 * time.Hour // how long what was built of an older commit is kept for further runs
)

var appVersion = regexp.MustCompile(`(?m)^appVersion: *(\S+)$`)

// prepareUpgrade builds the older Checky, from a clone of its commit and by its own means, unless an earlier run did.
func prepareUpgrade(ctx context.Context, root string) error {
	if !asked("TestUpgrade") {
		return nil
	}
	ref, name := *from, *from
	if ref == "" {
		var err error
		if ref, err = lastRelease(ctx, root); err != nil {
			return err
		}
		name = ref
	}
	if ref == "" {
		ref, name = "HEAD", "the last commit, since there is no release yet and this upgrades images alone"
	}
	commit, err := git(ctx, root, "rev-parse", "--verify", ref+"^{commit}")
	if err != nil {
		return err
	}
	kept, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	kept = filepath.Join(kept, "checky", "older")
	if err := sweepOlder(kept); err != nil {
		return err
	}
	folder := filepath.Join(kept, commit)
	if _, err := os.Stat(folder); err != nil {
		if err := buildOlder(ctx, root, commit, folder); err != nil {
			return fmt.Errorf("build %s: %w", ref, err)
		}
	}
	tag, err := os.ReadFile(filepath.Join(folder, "tag"))
	if err != nil {
		return err
	}
	for key, value := range map[string]string{olderEnv: folder, olderNameEnv: fmt.Sprintf("%s (%.7s)", name, commit), olderTagEnv: string(tag)} {
		if err := os.Setenv(key, value); err != nil {
			return err
		}
	}
	return nil
}

// asked tells whether -run has a test run.
func asked(test string) bool {
	pattern, _, _ := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	matched, err := regexp.MatchString(pattern, test)
	return err != nil || matched
}

// lastRelease is the tag of the newest version before this commit, or empty: before that of a release itself there is another.
func lastRelease(ctx context.Context, root string) (string, error) {
	out, err := git(ctx, root, "tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD")
	if err != nil {
		return "", err
	}
	tags := slices.DeleteFunc(strings.Fields(out), func(tag string) bool {
		_, err := version.ParseSemantic(tag)
		return err != nil
	})
	if len(tags) == 0 {
		return "", nil
	}
	return slices.MaxFunc(tags, func(a, b string) int {
		if version.MustParseSemantic(a).LessThan(version.MustParseSemantic(b)) {
			return -1
		}
		return 1
	}), nil
}

// buildOlder writes a commit's images and its config/dev into a folder, which is there only once it is complete.
func buildOlder(ctx context.Context, root, commit, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(folder), "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	tree, made := filepath.Join(temp, "tree"), filepath.Join(temp, "made")
	// A clone, and no work tree: nothing is written into the checkout's own repository.
	if _, err := git(ctx, root, "clone", "--quiet", "--shared", "--no-checkout", ".", tree); err != nil {
		return err
	}
	if _, err := git(ctx, tree, "checkout", "--quiet", "--detach", commit); err != nil {
		return err
	}
	was, err := versionOf(tree)
	if err != nil {
		return err
	}
	is, err := versionOf(root)
	if err != nil {
		return err
	}
	tag := was
	if was == is {
		tag = sameVersion
	}
	images := exec.CommandContext(ctx, filepath.Join(tree, "hack/images/make.sh"), made, tag)
	images.Env = append(os.Environ(), "ENGINE=none")
	if out, err := images.CombinedOutput(); err != nil {
		return fmt.Errorf("hack/images/make.sh: %w: %s", err, out)
	}
	objects, err := manifests.Kustomize(filepath.Join(tree, "config/dev"))
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		text.WriteString("---\n" + string(document))
	}
	retag := strings.NewReplacer("/checky:"+was, "/checky:"+tag, "/checky-alertd:"+was, "/checky-alertd:"+tag)
	for name, content := range map[string]string{olderManifests: retag.Replace(text.String()), "tag": tag} {
		if err := os.WriteFile(filepath.Join(made, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return os.Rename(made, folder)
}

// versionOf is the version that a checkout says it is.
func versionOf(tree string) (string, error) {
	text, err := os.ReadFile(filepath.Join(tree, "charts/checky/Chart.yaml"))
	if err != nil {
		return "", err
	}
	found := appVersion.FindStringSubmatch(string(text))
	if found == nil {
		return "", fmt.Errorf("%s has no appVersion", tree)
	}
	return strings.Trim(found[1], `"`), nil
}

// sweepOlder deletes what nobody has built lately.
func sweepOlder(kept string) error {
	entries, err := os.ReadDir(kept)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > keepOlder {
			if err := os.RemoveAll(filepath.Join(kept, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
