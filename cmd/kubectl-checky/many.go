package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/checky/records"
	"github.com/checky-dev/checky/rules"
)

// maxProblems is how many lines of a file of many payloads are told that cannot be checked.
const maxProblems = 10

// many are the payloads of a file of NDJSON or CSV, in parts of which a Check holds one each.
type many struct {
	name  string
	parts [][]v1alpha1.BatchInput
	lines records.Lines

	digests hash.Hash // of the payloads' digests, as the engine makes them
	size    int       // of the last part
}

// readMany reads a file whose payloads take at most so many Checks. Its error names each line that the cluster would not check as it is
// meant, up to maxProblems of them.
func readMany(file *records.File, most int) (*many, error) {
	m := &many{name: file.Name, digests: sha256.New()}
	var problems []error
	for {
		item, err := file.Next()
		switch {
		case errors.Is(err, io.EOF) && len(problems) > 0:
			return nil, errors.Join(problems...)
		case errors.Is(err, io.EOF) && m.lines.Len() == 0:
			return nil, &manifest.Error{File: file.Name, Problem: "it has no payload; give at least one"}
		case errors.Is(err, io.EOF):
			return m, nil
		case err != nil:
			return nil, err
		}
		if problem := m.add(&item); problem != "" {
			problems = append(problems, &manifest.Error{File: file.Name, Line: item.Line, Problem: problem})
		}
		switch {
		case len(problems) == maxProblems:
			return nil, errors.Join(append(problems, errors.New("what follows was not looked at"))...)
		case len(m.parts) > most:
			return nil, &manifest.Error{File: file.Name, Line: item.Line, Problem: fmt.Sprintf(
				"the payloads up to here take more than %d Checks; check them in several runs, or by `checky check`", maxChecks)}
		}
	}
}

// add takes a payload in, or says why it cannot be checked.
func (m *many) add(item *records.Item) (problem string) {
	if item.Problem != "" {
		return item.Problem
	}
	payload, err := rules.Decode(item.Text)
	if err != nil {
		if at := (*rules.PayloadError)(nil); errors.As(err, &at) && at.Line > 0 { // the file's line stands before it
			return fmt.Sprintf("column %d: %s", at.Column, at.Problem)
		}
		return err.Error()
	}
	if members, ok := payload.Root().(map[string]any); ok {
		apiVersion, _ := members["apiVersion"].(string)
		kind, _ := members["kind"].(string)
		if rules.IsSecretManifest(members) && kind == "List" {
			kind = "SecretList" // as the API itself names it
		}
		if problem := unfit(apiVersion, kind); problem != "" {
			return problem
		}
	}
	m.lines.Add(item.Line)
	_, _ = io.WriteString(m.digests, payload.Digest()+"\n") // a hash takes everything
	last, size := len(m.parts)-1, sizeOf(item)
	if last < 0 || len(m.parts[last]) == rules.MaxBatchItems || m.size+size > rules.MaxBatchBytes {
		m.parts = append(m.parts, nil)
		m.size = 0
		last++
	}
	m.size += size
	m.parts[last] = append(m.parts[last], v1alpha1.BatchInput{Name: item.Name, InputJSON: string(item.Text)})
	return ""
}

// sizeOf is how much room a payload takes in its Check, whose texts are JSON strings: with all that is escaped in them counted, the Check
// and its verdict fit into what etcd takes, whatever the payloads.
func sizeOf(item *records.Item) int {
	const around = len(`{"name":"","inputJSON":""},`)
	return around + rules.StoredLength(item.Name) + rules.StoredLength(item.Text)
}

// digest is that of all payloads.
func (m *many) digest() string { return "sha256:" + hex.EncodeToString(m.digests.Sum(nil)) }

// locate tells where a payload stands.
func (m *many) locate(index int32, _ string) (file string, line int) {
	if m.name == manifest.StandardInput {
		return "", m.lines.Of(int(index))
	}
	return m.name, m.lines.Of(int(index))
}

// partName is what the Check of a part is called after.
func (m *many) partName(part int) string {
	if len(m.parts) == 1 {
		return m.name
	}
	return fmt.Sprintf("%s#%d", m.name, part+1)
}

// unfit says why an object is not checked as it is.
func unfit(apiVersion, kind string) string {
	group, _, _ := strings.Cut(apiVersion, "/")
	switch {
	case group == v1alpha1.GroupVersion.Group:
		return fmt.Sprintf("it is a %s of Checky's, and no payload; apply it by `kubectl apply -f`, or name rules by -r", kind)
	case apiVersion == "v1" && (kind == "Secret" || kind == "SecretList"):
		return fmt.Sprintf("it is a %s, and whoever may read Checks could read its values; apply a Check whose spec.inputFrom.secretKeyRef names it", kind)
	}
	return ""
}
