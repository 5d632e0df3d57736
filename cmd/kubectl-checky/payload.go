package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/rules"
)

// maxChecks is the most Checks that one run makes: one of each payload, and one of each part of a file of many.
const maxChecks = 100

// payload is one value that is to be checked.
type payload struct {
	// name is the file's, with the document's number where it has several.
	name string
	// text is the JSON that becomes spec.inputJSON, so that every digit counts.
	text []byte
	file *manifest.File
	root *manifest.Node
}

// locate tells where a JSON Pointer stands.
func (p *payload) locate(pointer string) (file string, line int) {
	if p.file.Name == manifest.StandardInput {
		return "", p.root.LineOf(pointer)
	}
	return p.file.Name, p.root.LineOf(pointer)
}

// payloads reads the documents that -f names. Its error joins all problems, each with its file and line.
func payloads(reader *manifest.Reader, paths []string) ([]payload, error) {
	var (
		all      []payload
		problems []error
	)
	for _, path := range paths {
		files, err := reader.Read(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("-f %s: %w", path, err))
			continue
		}
		for _, file := range files {
			documents := manifest.Split(file)
			if len(documents) == 0 && !file.Found {
				problems = append(problems, &manifest.Error{File: file.Name, Problem: "it is empty; give a payload"})
			}
			for _, d := range documents {
				p, err := payloadOf(d)
				if err != nil {
					problems = append(problems, err)
					continue
				}
				all = append(all, p)
			}
		}
	}
	switch {
	case len(problems) > 0:
		return nil, errors.Join(problems...)
	case len(all) == 0:
		return nil, errors.New("-f: there is no payload in the files")
	case len(all) > maxChecks:
		return nil, fmt.Errorf("-f: there are %d payloads, and at most %d in one run, each in a Check of its own; check them in several runs, or as lines of one *.ndjson file",
			len(all), maxChecks)
	}
	return all, nil
}

// payloadOf refuses what the cluster would not check as it is meant.
func payloadOf(d *manifest.Document) (payload, error) {
	if d.Problem != nil {
		return payload{}, d.Problem
	}
	if problem := unfit(d.Root.String("apiVersion"), d.Root.String("kind")); problem != "" {
		return payload{}, d.Fault(d.Root.Line, "%s", problem)
	}
	text := d.Text
	if text == nil {
		text = d.Root.JSON()
	}
	if _, err := rules.Decode(text); err != nil {
		return payload{}, d.Fault(d.Root.Line, "%s", err)
	}
	return payload{name: d.Name(), text: text, file: d.File, root: d.Root}, nil
}

// inlineRules reads what -r names: rules that become each Check's own.
func inlineRules(reader *manifest.Reader, paths []string, namespace string) ([]v1alpha1.Rule, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	loader := manifest.Loader{Reader: reader, Schemas: manifest.NewSchemas(config.Files), Namespace: namespace}
	bundle, err := loader.Load(nil, paths)
	if err != nil {
		return nil, err
	}
	var list []v1alpha1.Rule
	first := map[string]*manifest.Set{}
	for _, set := range bundle.Sets {
		for _, rule := range set.Rules {
			if other := first[rule.Name]; other != nil {
				return nil, fmt.Errorf("-r: rule %s is there twice, in %s and in %s; rules of a Check's own have names of their own: rename one, or apply the rule sets and name them by --rule-set",
					rule.Name, other.File.Name, set.File.Name)
			}
			first[rule.Name] = set
			list = append(list, rule)
		}
	}
	if len(list) > rules.MaxRulesPerSet {
		return nil, fmt.Errorf("-r: there are %d rules, and a Check has at most %d of its own; apply them as rule sets, and name those by --rule-set", len(list), rules.MaxRulesPerSet)
	}
	return list, nil
}

// newReader reads files, and standard input where a path is -.
func newReader(in io.Reader) *manifest.Reader { return &manifest.Reader{Stdin: in} }

// maxPrefix leaves room for the five characters that the API server adds, in a name that is a label's value too.
const maxPrefix = 57

// prefixOf makes the beginning of a Check's name of a file's: order.v2.JSON#3 is order-v2-3-.
func prefixOf(name string) string {
	base, document, several := strings.Cut(filepath.Base(name), "#")
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if several {
		base += "-" + document
	}
	var b strings.Builder
	for _, r := range strings.ToLower(base) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxPrefix {
			break
		}
	}
	prefix := strings.TrimRight(b.String(), "-")
	if prefix == "" {
		prefix = "check"
	}
	return prefix + "-"
}
