package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// writeChecksums writes checksums.txt, the SHA-256 of each file by its name, in the form that sha256sum -c reads.
func writeChecksums(dir string, names []string) (map[string]string, error) {
	slices.Sort(names)
	sums, lines := map[string]string{}, &strings.Builder{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name)) // #nosec G304 -- written a moment ago
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(content)
		sums[name] = hex.EncodeToString(digest[:])
		fmt.Fprintf(lines, "%s  %s\n", sums[name], name)
	}
	return sums, os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(lines.String()), 0o644) // #nosec G306 -- to be read by all
}

// writeKrew fills the template of the plugin's manifest, .krew.yaml, which is written as krew-release-bot's templates are:
//
//	version: {{ .TagName }}
//	{{ addURIAndSha "https://.../{{ .TagName }}/kubectl-checky_{{ .TagName }}_linux_amd64.tar.gz" .TagName }}
//
// The call becomes the lines uri and sha256. An address whose file is not part of the release is an error. A
// build of some platforms alone is given no template, and has no manifest.
func (r release) writeKrew(sums map[string]string) error {
	if r.krew == "" {
		return nil
	}
	text, err := os.ReadFile(r.krew)
	if err != nil {
		return err
	}
	filled, err := fillKrew(string(text), r.version, sums)
	if err != nil {
		return fmt.Errorf("%s: %w", r.krew, err)
	}
	return os.WriteFile(filepath.Join(r.dir, "krew.yaml"), filled, 0o644) // #nosec G306 -- to be read by all
}

func fillKrew(text, version string, sums map[string]string) ([]byte, error) {
	data := struct{ TagName string }{version}
	addURIAndSha := func(address, _ string) (string, error) {
		uri := &strings.Builder{}
		inner, err := template.New("address").Option("missingkey=error").Parse(address)
		if err != nil {
			return "", err
		}
		if err := inner.Execute(uri, data); err != nil {
			return "", err
		}
		sum, ok := sums[path.Base(uri.String())]
		if !ok {
			return "", fmt.Errorf("the release has no %s", path.Base(uri.String()))
		}
		return fmt.Sprintf("uri: %s\n    sha256: %s", uri, sum), nil
	}
	manifest, err := template.New(".krew.yaml").Funcs(template.FuncMap{"addURIAndSha": addURIAndSha}).Parse(text)
	if err != nil {
		return nil, err
	}
	out := &bytes.Buffer{}
	if err := manifest.Execute(out, data); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
