package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// cgroupRoot is where the hierarchies of control groups are mounted.
const cgroupRoot = "/sys/fs/cgroup"

// sweep deletes what is left of runs whose process outside is gone.
func sweep() error {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, folder := range folders {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(folder), folderPrefix))
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		errs = append(errs, sweepOne(folder))
	}
	return errors.Join(errs...)
}

// sweepOne deletes a run's folder and control groups. Its processes and mounts have ended with their namespaces.
func sweepOne(folder string) error {
	var errs []error
	for _, hierarchy := range hierarchies() {
		errs = append(errs, removeGroup(filepath.Join(hierarchy, filepath.Base(folder))))
	}
	return errors.Join(append(errs, os.RemoveAll(folder))...)
}

// hierarchies are the folders in which control groups are made: one for cgroup v2, one a controller for v1.
func hierarchies() []string {
	if unified() {
		return []string{cgroupRoot}
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	return folders
}

// unified tells whether this machine has cgroup v2.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// makeGroups makes the control group that all Pods are below, in each hierarchy, and returns its path there.
func makeGroups(name string) (string, error) {
	for _, hierarchy := range hierarchies() {
		group := filepath.Join(hierarchy, name)
		if err := os.MkdirAll(group, 0o755); err != nil { //nolint:gosec // as the kernel makes them
			return "", err
		}
		// A cpuset without processors and memory takes no process.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			text, err := os.ReadFile(filepath.Join(hierarchy, file))
			if err != nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(group, file), text, 0o600); err != nil {
				return "", err
			}
		}
	}
	if unified() {
		controllers := []byte("+cpu +cpuset +memory +pids")
		for _, group := range []string{cgroupRoot, filepath.Join(cgroupRoot, name)} {
			if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), controllers, 0o600); err != nil {
				return "", err
			}
		}
	}
	return "/" + name, nil
}

// removeGroup deletes a control group and those below it.
func removeGroup(path string) error {
	var groups []string
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, group := range slices.Backward(groups) { // the deepest first
		if err := os.Remove(group); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
