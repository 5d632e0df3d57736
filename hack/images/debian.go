package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// distribution is what the programs are linked against and their libraries are of: a binary needs the libraries that it was built
// with, or newer ones.
const distribution = "bookworm"

// debian is packages unpacked side by side into a folder, which is the caller's to remove.
type debian struct {
	dir      string // what they hold
	packages []debPackage
}

// debPackage is one of them.
type debPackage struct {
	name    string
	file    string // as the archive names it: libasound2_1.2.8-1+b1_amd64.deb
	sha256  string
	control []byte // its fields, as in dpkg's status file
}

// unpack gets packages with apt, which checks their signatures, and unpacks them. A package that the cache has in the version that apt would
// take is not downloaded again.
func unpack(ctx context.Context, cache, dir string, names []string) (debian, error) {
	d := debian{dir: dir}
	for _, name := range names {
		file, err := fetch(ctx, cache, name)
		if err != nil {
			return d, err
		}
		if _, err := output(ctx, dir, nil, "dpkg-deb", "--extract", file, dir); err != nil {
			return d, err
		}
		control, err := output(ctx, dir, nil, "dpkg-deb", "--field", file)
		if err != nil {
			return d, err
		}
		body, err := os.ReadFile(file)
		if err != nil {
			return d, err
		}
		sum := sha256.Sum256(body)
		d.packages = append(d.packages, debPackage{name: name, file: filepath.Base(file), sha256: hex.EncodeToString(sum[:]), control: control})
	}
	return d, nil
}

// aptOptions keep apt from another user, who may not write into the cache, and from packages that no archive's signature vouches for,
// whatever the machine's settings allow.
var aptOptions = []string{
	"-o", "APT::Sandbox::User=root", "-o", "APT::Get::AllowUnauthenticated=false", "-o", "Acquire::AllowInsecureRepositories=false",
	"-o", "Acquire::AllowWeakRepositories=false",
}

// fetch is the path of a package's archive in the cache.
func fetch(ctx context.Context, cache, name string) (string, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // public packages
		return "", fmt.Errorf("-cache: %w", err)
	}
	part, err := os.MkdirTemp(cache, ".download-")
	if err != nil {
		return "", fmt.Errorf("-cache: %w", err)
	}
	defer os.RemoveAll(part) //nolint:errcheck // nothing to lose
	// 'URI' FILE SIZE HASH:VALUE; nothing where the file is in the folder already, so that it is asked in an empty one.
	printed, err := output(ctx, part, nil, "apt-get", slices.Concat([]string{"download", "-qq", "--print-uris"}, aptOptions, []string{name})...)
	fields := strings.Fields(string(printed))
	if err == nil && len(fields) != 4 {
		err = fmt.Errorf("unexpected answer %q", printed)
	}
	if err != nil {
		return "", fmt.Errorf("where the package %s is to be had, apt-get does not say: run apt-get update, or build with Docker or buildah: %w", name, err)
	}
	file := filepath.Join(cache, filepath.Base(fields[1]))
	if held(file, fields[3]) {
		return file, nil
	}
	if _, err := output(ctx, part, nil, "apt-get", slices.Concat([]string{"download", "-qq"}, aptOptions, []string{name})...); err != nil {
		return "", err
	}
	return file, os.Rename(filepath.Join(part, fields[1]), file)
}

// held says that a file is there with the content that the archive's signed index names: HASH:VALUE.
func held(file, hash string) bool {
	want, ok := strings.CutPrefix(hash, "SHA256:")
	if !ok {
		return false
	}
	body, err := os.ReadFile(file)
	sum := sha256.Sum256(body)
	return err == nil && hex.EncodeToString(sum[:]) == want
}

// commonLicence is how a package's copyright file names a licence that Debian keeps once for all packages.
var commonLicence = regexp.MustCompile(`/usr/share/(common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9])`)

// record adds what scanners and lawyers read of the packages: the fields where distroless images have them, the archives'
// digests, the release's name, and the copyright files with the licences that they refer to.
func (d debian) record(t tree) error {
	var list bytes.Buffer
	for _, p := range d.packages {
		t.add("var/lib/dpkg/status.d/"+p.name, 0o644, p.control)
		fmt.Fprintf(&list, "%s  %s\n", p.sha256, p.file)
		name := "usr/share/doc/" + p.name + "/copyright"
		text, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		t.add(name, 0o644, text)
		for _, match := range commonLicence.FindAllSubmatch(text, -1) {
			name := "usr/share/" + string(match[1])
			text, err := os.ReadFile(filepath.Join(d.dir, name)) // through links: GPL is GPL-3
			if errors.Is(err, fs.ErrNotExist) {
				continue // a sentence that names a licence which Debian does not keep
			}
			if err != nil {
				return err
			}
			t.add(name, 0o644, text)
		}
	}
	t.add("usr/share/doc/checky/debian-packages.sha256", 0o644, list.Bytes())
	release, err := os.ReadFile(filepath.Join(d.dir, "usr/lib/os-release"))
	if err != nil {
		return err
	}
	t.add("etc/os-release", 0o644, release)
	return nil
}

// certificates are all of ca-certificates', one after the other in the order of their names, as its own program
// writes them into one file.
func (d debian) certificates() ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(d.dir, "usr/share/ca-certificates/*/*.crt"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("ca-certificates holds no certificate")
	}
	slices.Sort(files)
	var bundle bytes.Buffer
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		bundle.Write(bytes.TrimSpace(body))
		bundle.WriteByte('\n')
	}
	return bundle.Bytes(), nil
}

// requireDistribution refuses to build a program against libraries of one release that would run on those of another.
func requireDistribution() error {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains(string(release), "\nVERSION_CODENAME="+distribution+"\n") {
		return fmt.Errorf("without a container engine it is built on Debian %s alone, whose libraries it is linked with: build with Docker or buildah", distribution)
	}
	return nil
}
