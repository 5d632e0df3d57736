package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

var committed = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

const manifest = `apiVersion: krew.googlecontainertools.github.com/v1alpha2
spec:
  version: {{ .TagName }}
  platforms:
  - bin: kubectl-checky
    {{addURIAndSha "https://example.com/{{ .TagName }}/kubectl-checky_{{ .TagName }}_linux_amd64.tar.gz" .TagName }}
`

// checkout is a folder with what an archive takes from a checkout, and this test as every program.
func checkout(t *testing.T, programs ...string) release {
	t.Helper()
	r := release{version: "v1.2.3", dir: t.TempDir(), root: t.TempDir(), at: committed}
	for name, text := range map[string]string{"LICENSE": "a licence", "THIRD_PARTY_NOTICES.txt": "notices", ".krew.yaml": manifest} {
		if err := os.WriteFile(filepath.Join(r.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.krew = filepath.Join(r.root, ".krew.yaml")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		path := filepath.Join(r.dir, "bin", program)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, binary, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func read(t *testing.T, r release, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTheSameProgramsGiveTheSameRelease(t *testing.T) {
	programs := []string{"linux_amd64/checky", "windows_amd64/checky.exe", "linux_amd64/kubectl-checky"}
	first, second := checkout(t, programs...), checkout(t, programs...)
	for _, r := range []release{first, second} {
		if err := r.run(); err != nil {
			t.Fatal(err)
		}
	}
	sums := string(read(t, first, "checksums.txt"))
	if diff := cmp.Diff(sums, string(read(t, second, "checksums.txt"))); diff != "" {
		t.Errorf("the second release differs (-first +second):\n%s", diff)
	}
	var names []string
	for line := range strings.Lines(sums) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		names = append(names, name)
	}
	want := []string{
		"checky_v1.2.3_linux_amd64.cdx.json", "checky_v1.2.3_linux_amd64.tar.gz",
		"checky_v1.2.3_windows_amd64.cdx.json", "checky_v1.2.3_windows_amd64.zip",
		"kubectl-checky_v1.2.3_linux_amd64.cdx.json", "kubectl-checky_v1.2.3_linux_amd64.tar.gz",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("what checksums.txt lists (-want +got):\n%s", diff)
	}
	krew := string(read(t, first, "krew.yaml"))
	if !strings.Contains(krew, "uri: https://example.com/v1.2.3/kubectl-checky_v1.2.3_linux_amd64.tar.gz\n    sha256: ") ||
		!strings.Contains(krew, "version: v1.2.3") {
		t.Errorf("krew.yaml is\n%s", krew)
	}
}

func TestArchivesHaveOneTimeAndNoOwner(t *testing.T) {
	r := checkout(t, "linux_arm64/checky", "windows_amd64/checky.exe")
	r.krew = ""
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
	zipped, err := gzip.NewReader(bytes.NewReader(read(t, r, "checky_v1.2.3_linux_arm64.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.Mode
		if !header.ModTime.Equal(committed) || header.Uid != 0 || header.Uname != "" {
			t.Errorf("%s is of %s, user %d %q", header.Name, header.ModTime, header.Uid, header.Uname)
		}
	}
	want := map[string]int64{"checky": 0o755, "LICENSE": 0o644, "THIRD_PARTY_NOTICES.txt": 0o644}
	if diff := cmp.Diff(want, modes); diff != "" {
		t.Errorf("modes in the archive (-want +got):\n%s", diff)
	}
	windows := read(t, r, "checky_v1.2.3_windows_amd64.zip")
	archive, err := zip.NewReader(bytes.NewReader(windows), int64(len(windows)))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 3 || archive.File[0].Name != "checky.exe" || !archive.File[0].Modified.Equal(committed) {
		t.Errorf("the zip begins with %+v", archive.File[0].FileHeader)
	}
}

func TestTheBillNamesWhatWasLinked(t *testing.T) {
	r := checkout(t, "linux_amd64/checky")
	r.krew = ""
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
	bom := &cdx.BOM{}
	if err := cdx.NewBOMDecoder(bytes.NewReader(read(t, r, "checky_v1.2.3_linux_amd64.cdx.json")), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Timestamp != "2026-11-22T13:00:00Z" || bom.Metadata.Component.Name != "checky" || bom.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("it is about %+v at %s", bom.Metadata.Component, bom.Metadata.Timestamp)
	}
	addresses := map[string]bool{}
	for _, c := range *bom.Components {
		name, _, _ := strings.Cut(c.PackageURL, "@")
		addresses[name] = true
	}
	for _, want := range []string{"pkg:golang/std", "pkg:golang/github.com/CycloneDX/cyclonedx-go"} {
		if !addresses[want] {
			t.Errorf("it lacks %s", want)
		}
	}
}

func TestReleasesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*release)
		says   string
	}{
		"a version without v": {"tags have one, and addresses are made of it", func(r *release) { r.version = "1.2.3" }, "is no version"},
		"a branch":            {"it names no commit for good", func(r *release) { r.version = "main" }, "is no version"},
		"nothing built":       {"an empty release is a mistake", func(r *release) { r.dir = r.root }, "there is no program"},
		"no notices":          {"licences ask for them", func(r *release) { r.root = r.dir }, "LICENSE"},
		"a platform that krew's manifest names is missing": {"it would lead to no file", func(r *release) {
			if err := os.RemoveAll(filepath.Join(r.dir, "bin", "linux_amd64")); err != nil {
				panic(err)
			}
		}, "the release has no kubectl-checky_v1.2.3_linux_amd64.tar.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			r := checkout(t, "linux_amd64/kubectl-checky", "darwin_arm64/kubectl-checky")
			tc.change(&r)
			if err := r.run(); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("run says %v; want %q, because %s", err, tc.says, tc.reason)
			}
		})
	}
}
