package controlplanetest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
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
		// By the programs' own go.mod, also where a test of another module asks: its go.mod may have other versions, and lack some.
		module, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/checky-dev/checky").Output()
		if err != nil {
			return "", fmt.Errorf("look for the checkout: %w", err)
		}
		command := exec.CommandContext(context.Background(), "go", "build", "-o", file, "./cmd/"+name) //nolint:gosec // a test names it
		command.Dir = strings.TrimSpace(string(module))
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
