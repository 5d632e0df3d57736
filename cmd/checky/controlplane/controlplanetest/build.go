package controlplanetest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builds are those of commands, by their names: func() (string, error).
var builds sync.Map

// Build builds one of Checky's commands, such as checky, once, and returns its file. It lies in the control plane's folder, which
// is deleted after the last test.
func Build(tb testing.TB, name string) string {
	tb.Helper()
	file := filepath.Join(Start(tb).Dir(), name)
	build, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		command := exec.CommandContext(context.Background(), "go", "build", "-o", file, "github.com/checky-dev/checky/cmd/"+name) //nolint:gosec // a test names it
		out, err := command.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		return file, err
	}))
	file, err := build.(func() (string, error))() //nolint:forcetypeassert // nothing else is put there
	if err != nil {
		tb.Fatal(err)
	}
	return file
}
