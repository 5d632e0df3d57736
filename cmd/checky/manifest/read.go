package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// StandardInput is what standard input is called in messages and reports.
const StandardInput = "stdin"

// File is a file that was read.
type File struct {
	// Name is its path as it was given, or StandardInput.
	Name string
	// Found says that it was found in a folder, and not named itself.
	Found bool
	// Text is its content, cut at MaxFileBytes + 1.
	Text []byte
}

// TooLong says whether the file has more than MaxFileBytes.
func (f *File) TooLong() bool { return len(f.Text) > MaxFileBytes }

// Reader reads files within MaxFiles and MaxTotalBytes, over all its calls.
type Reader struct {
	// Stdin is what the path - stands for; it can be read once.
	Stdin io.Reader

	files, bytes int
	stdinRead    bool
}

// Read reads what a path names: - is standard input, and a folder stands for its *.yaml, *.yml and *.json
// files in the order of their names, those of folders in it left out.
func (r *Reader) Read(path string) ([]*File, error) {
	if path == "-" {
		if r.stdinRead {
			return nil, errors.New("standard input can be read only once; give - once")
		}
		r.stdinRead = true
		return r.one(StandardInput, false, r.Stdin)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file or folder; correct the path")
	case err != nil:
		return nil, withoutPath(err)
	case info.IsDir():
		return r.folder(path)
	}
	return r.open(path, false)
}

// withoutPath is the reason of a file system's error; the path stands before it already.
func withoutPath(err error) error {
	if known := (*fs.PathError)(nil); errors.As(err, &known) {
		return known.Err
	}
	return err
}

func (r *Reader) folder(path string) ([]*File, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	var files []*File
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name))) {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), withoutPath(err))
		}
		if !info.Mode().IsRegular() {
			continue
		}
		more, err := r.open(name, true)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		return nil, errors.New("the folder has no *.yaml, *.yml or *.json file")
	}
	return files, nil
}

func (r *Reader) open(path string, found bool) ([]*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	return r.one(path, found, in)
}

func (r *Reader) one(name string, found bool, in io.Reader) ([]*File, error) {
	if r.files++; r.files > MaxFiles {
		return nil, fmt.Errorf("there are more than %d files; check them in several runs", MaxFiles)
	}
	text, err := io.ReadAll(io.LimitReader(in, MaxFileBytes+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if r.bytes += len(text); r.bytes > MaxTotalBytes {
		return nil, fmt.Errorf("the files have more than %d MiB together; check them in several runs", MaxTotalBytes>>20)
	}
	return []*File{{Name: name, Found: found, Text: text}}, nil
}
