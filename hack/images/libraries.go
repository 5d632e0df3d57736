package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// libraries adds the shared libraries that a program loads, and those that they load, and the loader that its header names,
// from unpacked packages: at the paths that they have there, where the loader looks for them.
func (t tree) libraries(d debian, program string) error {
	folders, err := filepath.Glob(filepath.Join(d.dir, "*lib*", "*-linux-gnu"))
	if err != nil {
		return err
	}
	more, err := filepath.Glob(filepath.Join(d.dir, "usr", "lib", "*-linux-gnu"))
	if err != nil {
		return err
	}
	folders = append(folders, more...)
	seen := map[string]bool{}
	files := []string{program}
	for len(files) > 0 {
		needed, err := imports(files[0])
		if err != nil {
			return fmt.Errorf("%s: %w", files[0], err)
		}
		files = files[1:]
		for _, name := range needed {
			if seen[name] {
				continue
			}
			seen[name] = true
			file, err := t.library(d.dir, folders, name)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
	}
	return nil
}

// imports are what a file asks the loader for: names of libraries, and of a program the loader's path too.
func imports(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	names, err := f.ImportedLibraries()
	if section := f.Section(".interp"); section != nil && err == nil {
		var loader []byte
		loader, err = section.Data()
		names = append(names, strings.TrimRight(string(loader), "\x00"))
	}
	return names, err
}

// library adds one, by its name or, of the loader, by its path, with the links that lead to it. It gives the file.
func (t tree) library(root string, folders []string, name string) (string, error) {
	candidates := []string{filepath.Join(root, name)}
	if !filepath.IsAbs(name) {
		candidates = nil
		for _, folder := range folders {
			candidates = append(candidates, filepath.Join(folder, name))
		}
	}
	for _, file := range candidates {
		for {
			info, err := os.Lstat(file)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				return "", err
			}
			rel, err := filepath.Rel(root, file)
			if err != nil {
				return "", err
			}
			if err := t.copy(root, rel); err != nil {
				return "", err
			}
			if info.Mode().Type() != fs.ModeSymlink {
				return file, nil
			}
			target, err := os.Readlink(file)
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				file = filepath.Join(root, target)
			} else {
				file = filepath.Join(filepath.Dir(file), target)
			}
		}
	}
	return "", fmt.Errorf("the library %s is in none of the packages", name)
}
