//go:build images

// The tests that build the images: minutes, Debian 12 with gcc and libasound2-dev, and root, since programs are run in an
// image's own root folder. `make image-test` runs them.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const version = "v9.8.7"

var (
	checkout string // a copy of the checkout, as one commit: the tests' images are of the same source though somebody edits it
	made     string // the folder of the images that the tests look at
)

func TestMain(m *testing.M) {
	if os.Getuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests run programs in the images' root folders, which is root's to do")
		os.Exit(1)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "checky-images-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		checkout, made = filepath.Join(dir, "checkout"), filepath.Join(dir, "images")
		err = copyCheckout(context.Background(), checkout)
		if err == nil {
			err = run(context.Background(), []string{"-root", checkout, "-out", made, "-version", version}, os.Stderr, os.Stderr)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// copyCheckout makes a repository of what git would commit now.
func copyCheckout(ctx context.Context, dir string) error {
	const script = `mkdir "$1" && git ls-files -z --cached --others --exclude-standard |
		tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -C "$1" -xf - && cd "$1" &&
		git init --quiet && git add . && git -c user.name=Test -c user.email=test@example.com -c commit.gpgSign=false commit --quiet -m Test`
	_, err := output(ctx, "../..", []string{"GIT_COMMITTER_DATE=1700000000 +0000", "GIT_AUTHOR_DATE=1700000000 +0000"}, "bash", "-c", script, "copy", dir)
	return err
}

func archive(t *testing.T, name string) v1.Image {
	t.Helper()
	image, err := tarball.ImageFromPath(filepath.Join(made, name+".tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// headers are the entries of an image by path.
func headers(t *testing.T, image v1.Image) map[string]*tar.Header {
	t.Helper()
	all := map[string]*tar.Header{}
	walk(t, image, func(h *tar.Header, _ io.Reader) error {
		all[strings.TrimSuffix(h.Name, "/")] = h
		return nil
	})
	return all
}

func walk(t *testing.T, image v1.Image, each func(*tar.Header, io.Reader) error) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		r := tar.NewReader(content)
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = each(h, r)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBuiltTwiceIsTheSame(t *testing.T) {
	again := t.TempDir()
	if err := run(t.Context(), []string{"-root", checkout, "-out", again, "-version", version}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, name := range names() {
		first, err := os.ReadFile(filepath.Join(made, name+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(again, name+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s.tar differs from one build to the next", name)
		}
	}
}

// TestContents holds the images to what they are meant to hold, and nothing else.
func TestContents(t *testing.T) {
	for _, name := range names() {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for path, h := range headers(t, archive(t, name)) {
				// The configurations of single cards are ALSA's business.
				if h.Typeflag != tar.TypeDir && !strings.HasPrefix(path, "usr/share/alsa/cards/") {
					paths = append(paths, path)
				}
			}
			slices.Sort(paths)
			want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(string(want)), paths); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNobodyButRootMayWrite(t *testing.T) {
	for _, name := range names() {
		for path, h := range headers(t, archive(t, name)) {
			want := int64(0)
			if path == "tmp" {
				want = 0o1022
			}
			if h.Typeflag != tar.TypeSymlink && h.Mode&0o7022 != want {
				t.Errorf("%s: %s has mode %o", name, path, h.Mode)
			}
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
				t.Errorf("%s: %s is not root's", name, path)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			file, err := archive(t, r.name).ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			s, err := readSource(t.Context(), checkout, version)
			if err != nil {
				t.Fatal(err)
			}
			want := v1.Config{
				User: "65532:65532", WorkingDir: "/", Entrypoint: []string{"/usr/local/bin/" + r.name},
				Env: []string{"PATH=/usr/local/bin"}, Labels: r.labels(s),
			}
			if s.time.Unix() != 1700000000 || len(s.revision) != 40 {
				t.Errorf("the source is the commit %s of %s", s.revision, s.time)
			}
			if diff := cmp.Diff(want, file.Config); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !file.Created.Equal(s.time) || file.OS != "linux" || file.Architecture != host().arch {
				t.Errorf("created %s for %s/%s", file.Created, file.OS, file.Architecture)
			}
		})
	}
}

// TestLayoutOfTwoPlatforms cross-compiles: the layout holds an index of both.
func TestLayoutOfTwoPlatforms(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-root", checkout, "-out", dir, "-version", version, "-image", "checky", "-format", "oci", "-platform", "linux/amd64,linux/arm64"}
	if err := run(t.Context(), args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	top, err := layout.ImageIndexFromPath(filepath.Join(dir, "checky.oci"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatal(manifest, err)
	}
	both, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := both.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range inner.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// unpackImage lays an image's files out, with what every container gets: /proc and /dev/null.
func unpackImage(t *testing.T, image v1.Image) string {
	t.Helper()
	root := t.TempDir()
	for dir := root; dir != "/"; dir = filepath.Dir(dir) { // its user must get through
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o055 != 0o055 {
			if err := os.Chmod(dir, info.Mode()|0o055); err != nil {
				t.Fatal(err)
			}
		}
	}
	walk(t, image, func(h *tar.Header, content io.Reader) error {
		path := filepath.Join(root, h.Name)
		mode := fs.FileMode(h.Mode & 0o777)
		switch h.Typeflag {
		case tar.TypeDir:
			return errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, mode))
		case tar.TypeSymlink:
			return os.Symlink(h.Linkname, path)
		}
		body, err := io.ReadAll(content)
		return errors.Join(err, os.WriteFile(path, body, mode))
	})
	null := filepath.Join(root, "dev", "null")
	if err := errors.Join(os.Mkdir(filepath.Dir(null), 0o755), syscall.Mknod(null, syscall.S_IFCHR, 1<<8|3), os.Chmod(null, 0o666)); err != nil {
		t.Fatal(err)
	}
	proc := filepath.Join(root, "proc")
	if err := errors.Join(os.Mkdir(proc, 0o755), syscall.Mount("proc", proc, "proc", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(proc, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return root
}

// inside runs the entry point of an unpacked image as its user, with the environment that the image has.
func inside(t *testing.T, root, name string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	command := exec.CommandContext(t.Context(), "/usr/local/bin/"+name, args...)
	command.Dir = "/"
	command.Env = []string{"PATH=/usr/local/bin"}
	command.Stdout, command.Stderr = &out, &errOut
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	err = command.Run()
	t.Logf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, firstLine(&out), errOut.String())
	return out.String(), err
}

func firstLine(b *bytes.Buffer) string {
	line, _, _ := strings.Cut(b.String(), "\n")
	return fmt.Sprintf("%.200q\n", line)
}

func TestCheckyRunsInItsImage(t *testing.T) {
	root := unpackImage(t, archive(t, "checky"))
	// As in the manifests' Pods, whose root file system is read-only.
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := inside(t, root, "checky", "--version")
	if err != nil || !strings.HasPrefix(out, "checky version "+version+" ") {
		t.Errorf("it says %q: %v", out, err)
	}
	checks(t, root)
}

// checks has checky judge a payload in a root folder: exit code 1 is the verdict of one that fails.
func checks(t *testing.T, root string) {
	t.Helper()
	for name, content := range map[string]string{
		"payload.json": `{"amount": 99999}`,
		"rules.yaml": `apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: orders}
spec: {rules: [{name: amount-range, module: {name: range, params: {field: $.amount, max: 10000}}}]}
`,
	} {
		if err := os.WriteFile(filepath.Join(root, "tmp", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := inside(t, root, "checky", "check", "-f", "/tmp/payload.json", "-r", "/tmp/rules.yaml")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, "orders/amount-range") {
		t.Errorf("it says %q: %v", out, err)
	}
}

func TestAlertdSoundsInItsImage(t *testing.T) {
	sounds(t, unpackImage(t, archive(t, "checky-alertd")))
}

// sounds has checky-alertd render a tone, and play one by ALSA into a file, in a root folder.
func sounds(t *testing.T, root string) {
	t.Helper()
	wav, err := inside(t, root, "checky-alertd", "render", "--severity", "critical", "-o", "-")
	if err != nil || !strings.HasPrefix(wav, "RIFF") {
		t.Errorf("render: %.4q: %v", wav, err)
	}
	record := filepath.Join(root, "tmp", "sounds")
	if err := errors.Join(os.Mkdir(record, 0o700), os.Chown(record, 65532, 65532)); err != nil {
		t.Fatal(err)
	}
	if _, err := inside(t, root, "checky-alertd", "play", "--severity", "critical", "--device", "record:/tmp/sounds"); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(record, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("nothing was recorded", err)
	}
	loudest := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 44; i+1 < len(body); i += 2 {
			sample := int(int16(binary.LittleEndian.Uint16(body[i:])))
			loudest = max(loudest, sample, -sample)
		}
	}
	if loudest < 1000 {
		t.Errorf("%v: the loudest sample is %d of 32767", files, loudest)
	}
}
