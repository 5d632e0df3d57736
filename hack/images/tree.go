package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tree is the files of a layer by path, without a slash at either end. Each is root's; folders above one need no entry.
type tree map[string]entry

// entry is a file, a link or a folder: its mode's type tells which.
type entry struct {
	mode   fs.FileMode // type, permissions and the sticky bit
	body   []byte      // of a file
	target string      // of a link
}

func (t tree) add(name string, mode fs.FileMode, body []byte) {
	t[name] = entry{mode: mode, body: body}
}

// copy takes a path from an unpacked folder: a file, a link as it is, or all that is in a folder. Permissions are the
// file's, but nobody's to write beside root.
func (t tree) copy(root, name string) error {
	return filepath.WalkDir(filepath.Join(root, name), func(from string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, from)
		if err != nil {
			return err
		}
		e := entry{mode: info.Mode().Type() | info.Mode().Perm()&^0o022}
		switch e.mode.Type() {
		case fs.ModeDir:
		case fs.ModeSymlink:
			e.target, err = os.Readlink(from)
		case 0:
			e.body, err = os.ReadFile(from) //nolint:gosec // nobody else writes to the folder
		default:
			err = fmt.Errorf("%s is no file, link or folder", rel)
		}
		t[filepath.ToSlash(rel)] = e
		return err
	})
}

// layer makes the tree one, byte for byte the same for the same tree and time.
func (t tree) layer(at time.Time) (v1.Layer, error) {
	whole := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := whole[dir]; !ok {
				whole[dir] = entry{mode: fs.ModeDir | 0o755}
			}
		}
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	// Sorted by path, so that a folder comes before what is in it.
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		e := whole[name]
		if err := errors.Join(w.WriteHeader(e.header(name, at)), write(w, e.body)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
		tarball.WithCompressedCaching, tarball.WithMediaType(types.OCILayer))
}

func write(w io.Writer, body []byte) error {
	_, err := w.Write(body)
	return err
}

func (e entry) header(name string, at time.Time) *tar.Header {
	h := &tar.Header{Name: name, Mode: int64(e.mode.Perm()), ModTime: at, Format: tar.FormatPAX}
	if e.mode&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	switch e.mode.Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(name, "/")+"/"
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.target, 0o777
	default:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(e.body))
	}
	return h
}
