package controlplane

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// Bounds on what is fetched. The index must answer soon: without a network, building should begin at once.
const (
	indexTimeout    = 8 * time.Second
	archiveTimeout  = 10 * time.Minute
	maxIndexBytes   = 8 << 20
	maxArchiveBytes = 512 << 20
	maxBinaryBytes  = 512 << 20
)

// releaseIndex is the part of setup-envtest's index that is needed: release, archive name, archive.
type releaseIndex struct {
	Releases map[string]map[string]releaseArchive `json:"releases"`
}

// releaseArchive is one archive; Hash is its SHA-512 as hex.
type releaseArchive struct {
	Hash     string `json:"hash"`
	SelfLink string `json:"selfLink"`
}

// releaseSeries is the minor version to run, for instance 1.36.
func releaseSeries() string {
	v := version.MustParseSemantic(kubernetesVersion)
	return fmt.Sprintf("%d.%d", v.Major(), v.Minor())
}

// storedRelease finds the newest patch release of the series in setup-envtest's store.
func storedRelease() (string, bool) {
	store, err := releaseStore()
	if err != nil {
		return "", false
	}
	suffix := "-" + runtime.GOOS + "-" + runtime.GOARCH
	found, err := filepath.Glob(filepath.Join(store, releaseSeries()+".*"+suffix))
	if err != nil {
		return "", false
	}
	found = slices.DeleteFunc(found, func(dir string) bool {
		_, err := version.ParseSemantic(strings.TrimSuffix(filepath.Base(dir), suffix))
		return err != nil || checkAssets(dir) != nil
	})
	if len(found) == 0 {
		return "", false
	}
	return slices.MaxFunc(found, func(a, b string) int {
		return compareVersions(strings.TrimSuffix(filepath.Base(a), suffix), strings.TrimSuffix(filepath.Base(b), suffix))
	}), true
}

func compareVersions(a, b string) int {
	x, y := version.MustParseSemantic(a), version.MustParseSemantic(b)
	switch {
	case x.LessThan(y):
		return -1
	case y.LessThan(x):
		return 1
	default:
		return 0
	}
}

// fetchRelease downloads the newest patch release of the series into setup-envtest's store.
func fetchRelease(ctx context.Context, log io.Writer) (string, error) {
	store, err := releaseStore()
	if err != nil {
		return "", err
	}
	var index releaseIndex
	err = get(ctx, releaseIndexURL, indexTimeout, func(body io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(body, maxIndexBytes))
		if err != nil {
			return err
		}
		return yaml.Unmarshal(text, &index)
	})
	if err != nil {
		return "", err
	}
	release, archive, err := index.newest(releaseSeries(), runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(log, "  fetching %s\n", release)
	if err := os.MkdirAll(store, 0o755); err != nil { //nolint:gosec // binaries, for everyone to read
		return "", err
	}
	partial, err := os.MkdirTemp(store, ".partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial) //nolint:errcheck // moved away on success
	err = get(ctx, archive.SelfLink, archiveTimeout, func(body io.Reader) error {
		return unpack(body, archive.Hash, partial)
	})
	if err != nil {
		return "", fmt.Errorf("release %s: %w", release, err)
	}
	if err := checkAssets(partial); err != nil {
		return "", fmt.Errorf("release %s: %w", release, err)
	}
	if err := os.Chmod(partial, 0o755); err != nil { //nolint:gosec // binaries, for everyone to read
		return "", err
	}
	dir := filepath.Join(store, strings.TrimPrefix(release, "v")+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	if err := os.Rename(partial, dir); err != nil {
		if checkAssets(dir) == nil { // somebody else was quicker
			return dir, nil
		}
		return "", err
	}
	return dir, nil
}

// newest picks the newest patch release of a series that has an archive for a platform.
func (i releaseIndex) newest(series, goos, goarch string) (string, releaseArchive, error) {
	var best string
	var archive releaseArchive
	for release, archives := range i.Releases {
		v, err := version.ParseSemantic(release)
		if err != nil || v.PreRelease() != "" || fmt.Sprintf("%d.%d", v.Major(), v.Minor()) != series {
			continue
		}
		a, ok := archives[fmt.Sprintf("envtest-%s-%s-%s.tar.gz", release, goos, goarch)]
		if ok && (best == "" || compareVersions(best, release) < 0) {
			best, archive = release, a
		}
	}
	if best == "" {
		return "", releaseArchive{}, fmt.Errorf("setup-envtest has no release of Kubernetes %s for %s/%s", series, goos, goarch)
	}
	return best, archive, nil
}

// get hands the body of a 200 answer to read.
func get(ctx context.Context, url string, timeout time.Duration, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return read(response.Body)
}

// unpack writes the regular files of a .tar.gz into dir, all in one folder, and then compares the archive's
// SHA-512; the files must not be used if it returns an error.
func unpack(body io.Reader, hash, dir string) error {
	sum := sha512.New()
	hashed := io.TeeReader(io.LimitReader(body, maxArchiveBytes), sum)
	unzipped, err := gzip.NewReader(hashed)
	if err != nil {
		return err
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := unpackFile(archive, filepath.Join(dir, filepath.Base(header.Name))); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fmt.Errorf("the archive's SHA-512 is %s, and the index says %s", got, hash)
	}
	return nil
}

func unpackFile(from io.Reader, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // binaries, for everyone to run
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(from, maxBinaryBytes+1))
	if err == nil && n > maxBinaryBytes {
		err = fmt.Errorf("%s is larger than %d MiB", filepath.Base(path), maxBinaryBytes>>20)
	}
	return errors.Join(err, f.Close())
}
