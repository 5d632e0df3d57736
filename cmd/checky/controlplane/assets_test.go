package controlplane

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionsAreThoseThatAreBuilt(t *testing.T) {
	checkout, ok := findCheckout()
	if !ok {
		t.Fatal("this test runs in a checkout, and it was not found")
	}
	text, err := os.ReadFile(filepath.Join(checkout, "hack", "controlplane", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\tk8s.io/kubernetes " + kubernetesVersion + "\n", "\tgo.etcd.io/etcd/server/v3 " + etcdVersion + "\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("hack/controlplane/go.mod lacks %q", want)
		}
	}
}

func TestFindAssetsWithoutAny(t *testing.T) {
	refused := httptest.NewServer(http.NotFoundHandler())
	defer refused.Close()
	isolate(t, refused.URL)
	t.Chdir(t.TempDir())

	t.Run("the error names what to set", func(t *testing.T) {
		_, err := FindAssets(t.Context(), Options{})
		if !errors.Is(err, ErrNoAssets) || !strings.Contains(err.Error(), "set KUBEBUILDER_ASSETS") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a folder of the user's that lacks them is named", func(t *testing.T) {
		t.Setenv(assetsEnv, filepath.Join(t.TempDir(), "bin"))
		_, err := FindAssets(t.Context(), Options{})
		if !errors.Is(err, ErrNoAssets) || !strings.Contains(err.Error(), os.Getenv(assetsEnv)) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("they are built in a checkout, and its output is relayed", func(t *testing.T) {
		checkout := t.TempDir()
		built, err := builtFolder()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(checkout, "go.mod"), modulePath+"\n")
		write(t, buildScript(checkout), "#!/bin/sh\necho building something >&2\nmkdir -p '"+built+"'\ncd '"+built+"'\n"+
			"for f in etcd kube-apiserver; do echo '#!/bin/sh' > $f; chmod +x $f; done\n")
		below := filepath.Join(checkout, "deep", "down")
		if err := os.MkdirAll(below, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Chdir(below)
		var progress bytes.Buffer
		got, err := FindAssets(t.Context(), Options{Log: &progress})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(built, got); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(progress.String(), "building something") {
			t.Errorf("progress is %q", progress.String())
		}
	})
}

func TestFetchRelease(t *testing.T) {
	series := releaseSeries()
	release := "v" + series + ".7"
	archive := tarball(t, map[string]string{"controller-tools/envtest/etcd": "e", "controller-tools/envtest/kube-apiserver": "a", "controller-tools/envtest/kubectl": "k"})
	sum := sha512.Sum512(archive)

	cases := map[string]struct {
		reason  string
		release string
		hash    string
		want    string // in the error; empty: none
	}{
		"Fetched":      {reason: "the newest patch release is fetched, unpacked and found again", release: release, hash: hex.EncodeToString(sum[:])},
		"WrongHash":    {reason: "an archive that is not the index's is refused", release: release, hash: strings.Repeat("0", 128), want: "SHA-512"},
		"OtherSeries":  {reason: "another minor version is not what Checky is tested with", release: "v1.2.3", hash: hex.EncodeToString(sum[:]), want: "no release of Kubernetes " + series},
		"PreRelease":   {reason: "neither is one that is not released", release: release + "-rc.1", hash: hex.EncodeToString(sum[:]), want: "no release of Kubernetes " + series},
		"NotAVersion":  {reason: "an odd name in the index is passed over", release: "latest", hash: hex.EncodeToString(sum[:]), want: "no release of Kubernetes " + series},
		"HashInCapits": {reason: "the hash is compared as the index writes it", release: release, hash: strings.ToUpper(hex.EncodeToString(sum[:])), want: "SHA-512"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			isolate(t, server.URL+"/index.yaml")
			index := releaseIndex{Releases: map[string]map[string]releaseArchive{
				"v" + series + ".1": {archiveName("v" + series + ".1"): {Hash: "00", SelfLink: server.URL + "/old"}},
				tc.release:          {archiveName(tc.release): {Hash: tc.hash, SelfLink: server.URL + "/archive"}},
			}}
			if tc.want != "" {
				delete(index.Releases, "v"+series+".1")
			}
			mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(index) })
			mux.HandleFunc("/archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) })

			var progress bytes.Buffer
			dir, err := fetchRelease(context.Background(), &progress)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("%s: got %v", tc.reason, err)
				}
				if dir, ok := storedRelease(); ok {
					t.Errorf("%s: but %s is stored", tc.reason, dir)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if stored, _ := storedRelease(); stored != dir {
				t.Errorf("%s: fetched to %s, found %s", tc.reason, dir, stored)
			}
			if text, err := os.ReadFile(filepath.Join(dir, "kubectl")); err != nil || string(text) != "k" {
				t.Errorf("%s: kubectl is %q, %v", tc.reason, text, err)
			}
		})
	}
}

// isolate hides this machine's caches, and makes index the address of setup-envtest's index.
func isolate(t *testing.T, index string) {
	t.Helper()
	t.Setenv(assetsEnv, "")
	t.Setenv("CHECKY_CACHE", filepath.Join(t.TempDir(), "cache"))
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	t.Setenv("LocalAppData", home)
	was := releaseIndexURL
	releaseIndexURL = index
	t.Cleanup(func() { releaseIndexURL = was })
}

func archiveName(release string) string {
	return "envtest-" + release + "-" + runtime.GOOS + "-" + runtime.GOARCH + ".tar.gz"
}

func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zipped)
	for name, text := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
