//go:build images

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// buildah is Debian's, with a storage of its own in the cache folder, so that the stand-ins for the bases are made once.
type buildah struct {
	env []string
}

// newBuildah writes its configuration. Go's modules and what is built of them come from this machine's caches: by
// volumes, since the storage's own caches are empty at first.
func newBuildah(t *testing.T) buildah {
	t.Helper()
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(user, "checky", "images", "buildah")
	temporary := filepath.Join(cache, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		t.Fatal(err)
	}
	caches, err := output(t.Context(), ".", nil, "go", "env", "GOMODCACHE", "GOCACHE")
	if err != nil {
		t.Fatal(err)
	}
	modules, builds, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	dir := t.TempDir()
	write := func(name, format string, args ...any) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	storage := write("storage.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n",
		filepath.Join(cache, "storage"), filepath.Join(dir, "run"))
	containers := write("containers.conf", "[containers]\nvolumes = [%q, %q]\n",
		modules+"/cache/download:/go-proxy:ro", builds+":/go-build")
	b := buildah{env: []string{
		"CONTAINERS_STORAGE_CONF=" + storage, "CONTAINERS_CONF=" + containers, "BUILDAH_ISOLATION=chroot", "TMPDIR=" + temporary,
	}}
	t.Cleanup(func() { // what earlier runs' tags pointed to
		if _, err := output(context.WithoutCancel(t.Context()), ".", b.env, "buildah", "rmi", "--prune", "--force"); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b buildah) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := output(t.Context(), ".", b.env, "buildah", args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// commit makes an image of folders and files by where they go: "FROM TO".
func (b buildah) commit(t *testing.T, image string, env []string, contents ...string) {
	t.Helper()
	container := b.run(t, "from", "scratch")
	defer b.run(t, "rm", container)
	for _, content := range contents {
		from, to, _ := strings.Cut(content, " ")
		b.run(t, "add", "--quiet", container, from, to)
	}
	for _, variable := range env {
		b.run(t, "config", "--env", variable, container)
	}
	b.run(t, "commit", "--quiet", container, image)
}

// goBase stands in for the official image of Go: a minimal Debian with this machine's Go.
func (b buildah) goBase(t *testing.T) string {
	t.Helper()
	image := "localhost/checky-standin-go:" + distribution + "-" + runtime.Version()
	command := exec.CommandContext(t.Context(), "buildah", "inspect", "--type", "image", image)
	command.Env = append(os.Environ(), b.env...)
	if command.Run() == nil {
		return image
	}
	root := filepath.Join(t.TempDir(), "debian.tar")
	if _, err := output(t.Context(), ".", nil, "mmdebstrap", "--quiet", "--variant=minbase", "--include=gcc,libc6-dev,libasound2-dev,ca-certificates",
		distribution, root); err != nil {
		t.Fatal(err)
	}
	goroot, err := output(t.Context(), ".", nil, "go", "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	b.commit(t, image, []string{
		"PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOPATH=/go", "GOCACHE=/go-build",
	}, root+" /", strings.TrimSpace(string(goroot))+" /usr/local/go")
	return image
}

// packed is an archive of some of a root folder, which keeps the folders' own modes.
func packed(t *testing.T, root string, names ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.tar")
	if _, err := output(t.Context(), root, nil, "tar", append([]string{"-cf", file}, names...)...); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDockerfile builds the Dockerfile as `make images ENGINE=buildah` does, on bases made here: no registry is asked.
func TestDockerfile(t *testing.T) {
	b := newBuildah(t)
	goImage := b.goBase(t)
	plain := unpackImage(t, archive(t, "checky"))
	linked := unpackImage(t, archive(t, "checky-alertd"))
	const base, alertdBase = "localhost/checky-standin-static:test", "localhost/checky-standin-base:test"
	b.commit(t, base, nil, packed(t, plain, "etc", "tmp")+" /")
	b.commit(t, alertdBase, nil, packed(t, linked, "etc", "tmp", "lib", "lib64")+" /")
	proxy, err := output(t.Context(), ".", nil, "go", "env", "GOPROXY")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	env := append(b.env, "ENGINE=buildah", "REGISTRY=localhost/checky-test",
		"GO_IMAGE="+goImage, "BASE_IMAGE="+base, "ALERTD_BASE_IMAGE="+alertdBase,
		"GOPROXY=file:///go-proxy,"+strings.TrimSpace(string(proxy)))
	printed, err := output(t.Context(), checkout, env, "hack/images/make.sh", out, version)
	t.Logf("%s", printed)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			image, err := tarball.ImageFromPath(filepath.Join(out, r.name+".tar"), nil)
			if err != nil {
				t.Fatal(err)
			}
			file, err := image.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			without, err := archive(t, r.name).ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			want := without.Config
			want.Env = file.Config.Env // the base's
			delete(file.Config.Labels, "io.buildah.version")
			if diff := cmp.Diff(want, file.Config); diff != "" {
				t.Errorf("it is configured otherwise than without an engine (-without +Dockerfile)\n%s", diff)
			}
			for path := range headers(t, image) {
				for _, build := range []string{"usr/local/go", "go/", "src", "root/", "out", "usr/include", "usr/bin"} {
					if strings.HasPrefix(path, build) {
						t.Errorf("%s is of the build", path)
					}
				}
			}
			root := unpackImage(t, image)
			said, err := inside(t, root, r.name, "--version")
			if err != nil || !strings.HasPrefix(said, r.name+" version "+version+" ") {
				t.Errorf("it says %q: %v", said, err)
			}
			if r.cgo {
				sounds(t, root)
			} else {
				checks(t, root)
			}
		})
	}
}
