package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is what is built.
type source struct {
	root     string // the checkout, absolute
	version  string
	revision string // the commit, with -dirty after it where the work tree differs; empty outside a checkout
	time     time.Time
}

// readSource asks git for the commit and its time. SOURCE_DATE_EPOCH, in seconds since 1970, wins over the latter
// (https://reproducible-builds.org/specs/source-date-epoch/), and stands in for git where there is no checkout.
func readSource(ctx context.Context, root, version string) (source, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return source{}, fmt.Errorf("-root: %w", err)
	}
	s := source{root: root, version: version}
	commit, gitErr := output(ctx, root, nil, "git", "log", "-1", "--format=%H %ct")
	if gitErr == nil {
		var seconds string
		s.revision, seconds, _ = strings.Cut(strings.TrimSpace(string(commit)), " ")
		if s.time, err = parseEpoch(seconds); err != nil {
			return source{}, fmt.Errorf("git log: %w", err)
		}
		changes, err := output(ctx, root, nil, "git", "status", "--porcelain")
		if err != nil {
			return source{}, err
		}
		if len(changes) > 0 {
			s.revision += "-dirty"
		}
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		if s.time, err = parseEpoch(epoch); err != nil {
			return source{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
	} else if gitErr != nil {
		return source{}, fmt.Errorf("%s is no git checkout: set SOURCE_DATE_EPOCH: %w", root, gitErr)
	}
	return s, nil
}

func parseEpoch(seconds string) (time.Time, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("%q: must be a count of seconds since 1970", seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}

// goBuild builds a program of the checkout for a platform into a file. Nothing of this machine is in it: no path, no
// build ID, no stamp of a version control system but the one that is given.
func (s source) goBuild(ctx context.Context, p platform, cgo bool, name, file string) error {
	const program = "github.com/checky-dev/checky/cmd/program"
	flags := fmt.Sprintf("-s -w -buildid= -X %[1]s.version=%[2]s -X %[1]s.revision=%[3]s", program, s.version, s.revision)
	env := append(p.env(cgo), "GOFLAGS=-mod=readonly", "GOWORK=off")
	_, err := output(ctx, s.root, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", file, "./cmd/"+name)
	return err
}

// output runs a command with variables beside the environment, and gives what it wrote to standard output. An error has
// what it wrote to standard error.
func output(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, name, args...) //nolint:gosec // what to run is this program's own
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	command.Stderr = &stderr
	out, err := command.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%s is needed: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
