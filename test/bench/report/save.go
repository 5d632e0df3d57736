package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The lines of a page between which its table of targets stands.
const (
	markBegin = "<!-- benchmarks -->\n"
	markEnd   = "<!-- /benchmarks -->"
)

// Save writes the page, and the charts into the folder pictures, from which charts of other runs are removed.
func (r *Report) Save(page, pictures string) error {
	if err := os.RemoveAll(pictures); err != nil {
		return err
	}
	if err := os.MkdirAll(pictures, 0o755); err != nil { //nolint:gosec // pages of the documentation are for everybody
		return err
	}
	for _, s := range r.Sections {
		for _, c := range s.Charts {
			picture, err := c.svg()
			if err != nil {
				return fmt.Errorf("chart %s of %s: %w", c.ID, s.ID, err)
			}
			if err := write(filepath.Join(pictures, c.file(s)), picture); err != nil {
				return err
			}
		}
	}
	link, err := filepath.Rel(filepath.Dir(page), pictures)
	if err != nil {
		return err
	}
	return write(page, []byte(r.Markdown(filepath.ToSlash(link)+"/")))
}

func write(path string, content []byte) error {
	return os.WriteFile(path, content, 0o644) //nolint:gosec // as above
}

// Splice puts the table of targets into a page of the documentation, between its two marks.
func (r *Report) Splice(page string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(content, []byte(markBegin))
	_, after, foundEnd := bytes.Cut(rest, []byte(markEnd))
	if !found || !foundEnd {
		return fmt.Errorf("%s: the lines %s and %s are missing", page, strings.TrimSpace(markBegin), markEnd)
	}
	return write(page, bytes.Join([][]byte{before, []byte(markBegin + r.Headline() + markEnd), after}, nil))
}

// Keep writes what was found as JSON, for Merge.
func (r *Report) Keep(path string) error {
	content, err := json.MarshalIndent(r, "", " ") //nolint:musttag // this package alone reads it
	if err != nil {
		return err
	}
	return write(path, content)
}

// Merge takes from an earlier run, kept at path, the sections that this one has not, in the order of ids. Each section tells its own commit and
// time; one of another machine, or of other sizes, is an error.
func (r *Report) Merge(path string, ids []string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var earlier Report
	if err := json.Unmarshal(content, &earlier); err != nil { //nolint:musttag // as it was written by Keep
		return fmt.Errorf("%s: %w", path, err)
	}
	if earlier.Run.CPU != r.Run.CPU || earlier.Run.Kernel != r.Run.Kernel || earlier.Quick != r.Quick {
		return fmt.Errorf("%s is of another machine, or of other sizes: measure all of it anew", path)
	}
	have := map[string]*Section{}
	for _, list := range [][]*Section{earlier.Sections, r.Sections} {
		for _, s := range list {
			have[s.ID] = s
		}
	}
	r.Sections = nil
	for _, id := range ids {
		if s := have[id]; s != nil {
			r.Sections = append(r.Sections, s)
		}
	}
	return nil
}
