package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnsignedPackagesAreRefused has an archive without a signature, on a machine whose settings take packages of such.
func TestUnsignedPackagesAreRefused(t *testing.T) {
	dir := t.TempDir()
	control := "Package: unsigned\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.com>\nDescription: x\n"
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("package/DEBIAN/control", control)
	for _, folder := range []string{"archive", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "archive", "unsigned.deb")
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "--build", filepath.Join(dir, "package"), file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write("archive/Packages", fmt.Sprintf("%sFilename: ./unsigned.deb\nSize: %d\nSHA256: %x\n\n", control, len(body), sha256.Sum256(body)))
	write("sources.list", "deb [allow-insecure=yes] file:"+dir+"/archive ./\n")
	write("apt.conf", fmt.Sprintf("Dir::Etc::sourcelist %q; Dir::Etc::sourceparts \"-\"; Dir::State::lists %q; Dir::Cache %q;\nAPT::Sandbox::User \"root\"; APT::Get::AllowUnauthenticated \"true\";\n",
		dir+"/sources.list", dir+"/lists", dir+"/cache"))
	t.Setenv("APT_CONFIG", filepath.Join(dir, "apt.conf"))
	if out, err := exec.CommandContext(t.Context(), "apt-get", "update", "-qq").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := fetch(t.Context(), filepath.Join(dir, "kept"), "unsigned"); err == nil || !strings.Contains(err.Error(), "authenticated") {
		t.Errorf("%s, %v", got, err)
	}
}
