// Command monitoring writes what Grafana is given, and what the chart has of the rules:
//
//	panels.go                     --> config/grafana/dashboard.json, charts/checky/files/dashboard.json
//	config/prometheus/rules.yaml  --> charts/checky/files/rules.yaml, the groups alone, as promtool reads them
//
// It is run in the checkout's root: go run ./hack/monitoring. It does not check what it writes; test/install/monitoring does.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	rulesFile     = "config/prometheus/rules.yaml"
	dashboardFile = "config/grafana/dashboard.json"
	chartFolder   = "charts/checky/files/"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

func run() error {
	var dashboard bytes.Buffer
	encoder := json.NewEncoder(&dashboard)
	encoder.SetEscapeHTML(false) // it is read by people too
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(checky()); err != nil {
		return err
	}
	rules, err := groups()
	if err != nil {
		return err
	}
	for file, text := range map[string][]byte{
		dashboardFile: dashboard.Bytes(), chartFolder + "dashboard.json": dashboard.Bytes(), chartFolder + "rules.yaml": rules,
	} {
		if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // files of the checkout
			return err
		}
	}
	return nil
}

// groups are those of the PrometheusRule, as a file of rules. The text is cut rather than parsed, so that comments stay.
func groups() ([]byte, error) {
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		return nil, err
	}
	_, spec, found := strings.Cut(string(text), "\nspec:\n")
	if !found {
		return nil, errors.New(rulesFile + ": expected a spec, as the last member")
	}
	var cut strings.Builder
	cut.WriteString("# Written by `go run ./hack/monitoring` from " + rulesFile + ".\n")
	for line := range strings.Lines(spec) {
		cut.WriteString(strings.TrimPrefix(line, "  "))
	}
	return []byte(cut.String()), nil
}
