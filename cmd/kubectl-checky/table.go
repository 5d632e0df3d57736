package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// maxHeldRows are the rows that a table's widths are taken from: a page. Those after it are printed as they come.
	maxHeldRows = pageSize
	// maxCell is the longest cell but the last, in characters: a Check's name fits.
	maxCell = 253
	// maxLastCell is the longest last cell.
	maxLastCell = 120
	// gap stands between columns, as in kubectl's tables.
	gap = 3
)

// columns writes rows below a header. What it holds does not grow with their number: the widths are those of the header and the
// first page.
type columns struct {
	out    *bufio.Writer
	header []string
	// paint colors the text of a column. It may be nil.
	paint func(column int, cell string) string

	widths []int
	held   [][]string // until the widths stand
	begun  bool
}

func newColumns(out *bufio.Writer, header ...string) *columns {
	return &columns{out: out, header: header, widths: make([]int, len(header))}
}

func (t *columns) add(cells ...string) error {
	row := make([]string, len(cells))
	for i, cell := range cells {
		most := maxCell
		if i == len(cells)-1 {
			most = maxLastCell
		}
		row[i] = cmp.Or(clip(oneLine(cell), most), "-")
	}
	if t.begun {
		return t.write(row, t.paint)
	}
	if t.held = append(t.held, row); len(t.held) == maxHeldRows {
		return t.flush()
	}
	return nil
}

// flush prints what is held. Without a row there is no header either.
func (t *columns) flush() error {
	if t.begun || len(t.held) == 0 {
		return nil
	}
	for _, row := range append(t.held, t.header) {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	if err := t.write(t.header, nil); err != nil {
		return err
	}
	for _, row := range t.held {
		if err := t.write(row, t.paint); err != nil {
			return err
		}
	}
	t.begun, t.held = true, nil
	return nil
}

func (t *columns) write(row []string, paint func(int, string) string) error {
	var b strings.Builder
	for i, cell := range row {
		text := cell
		if paint != nil {
			text = paint(i, cell)
		}
		b.WriteString(text)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(cell))+gap))
		}
	}
	b.WriteByte('\n')
	_, err := t.out.WriteString(b.String())
	return err
}

// listPrinter prints Checks one after the other, in one of kubectl's formats.
type listPrinter struct {
	out    *bufio.Writer
	format string
	all    bool // of all namespaces
	stream bool // there is no end: each Check is a document of its own
	now    clock
	table  *columns
	begun  bool
}

func newListPrinter(out io.Writer, format string, all bool, now clock) *listPrinter {
	colored := program.Colored(out)
	if format == "json" {
		out = reporting.JSONWriter(out)
	}
	p := &listPrinter{out: bufio.NewWriter(out), format: format, all: all, now: now}
	if p.tabular() {
		var header []string
		if all {
			header = append(header, "NAMESPACE")
		}
		header = append(header, "PHASE", "CHECK", "FAILED", "AGE", "WORST")
		if format == "wide" {
			header = append(header, "ACKNOWLEDGED", "EXPLANATION")
		}
		p.table = newColumns(p.out, header...)
		if colored {
			p.table.paint = func(column int, cell string) string {
				if header[column] != "PHASE" {
					return cell
				}
				return reporting.Colored(v1alpha1.Phase(cell))
			}
		}
	}
	return p
}

func (p *listPrinter) tabular() bool { return p.format == "" || p.format == "wide" }

func (p *listPrinter) check(k *v1alpha1.Check) error {
	if p.tabular() {
		return p.table.add(p.row(k)...)
	}
	if p.format == "name" {
		_, err := fmt.Fprintf(p.out, "check.checky.dev/%s\n", k.Name)
		return err
	}
	return p.object(k)
}

func (p *listPrinter) row(k *v1alpha1.Check) []string {
	var row []string
	if p.all {
		row = append(row, k.Namespace)
	}
	failed, summary, batch := "-", k.Status.Summary, k.Status.Batch
	switch {
	case batch != nil: // payloads
		failed = fmt.Sprintf("%d/%d", batch.Failed+batch.Errored, batch.Total)
	case summary != nil: // rules
		failed = fmt.Sprintf("%d/%d", summary.Fail+summary.Error, k.Status.RuleCount)
	}
	phase := k.Status.Phase
	if !finished(k) {
		phase = v1alpha1.PhasePending
	}
	row = append(row, string(phase), k.Name, failed, duration.HumanDuration(p.now().Sub(k.CreationTimestamp.Time)), worst(&k.Status.Verdict))
	if p.format == "wide" {
		by, text := k.Annotations[v1alpha1.AcknowledgedByAnnotation], headline(&k.Status.Verdict)
		if !finished(k) {
			text = waitsFor(k)
		}
		row = append(row, clip(by, maxLastCell), text)
	}
	return row
}

// object prints a Check as YAML or JSON: an item of a list, or a document of a stream.
func (p *listPrinter) object(k *v1alpha1.Check) error {
	k.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Check"))
	k.ManagedFields = nil
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	first := !p.begun
	p.begun = true
	if p.format == "json" {
		switch {
		case p.stream:
			_, err = fmt.Fprintf(p.out, "%s\n", text)
		case first:
			_, err = fmt.Fprintf(p.out, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n%s", text)
		default:
			_, err = fmt.Fprintf(p.out, ",\n%s", text)
		}
		return err
	}
	if text, err = toYAML(text); err != nil {
		return err
	}
	switch {
	case p.stream:
		_, err = fmt.Fprintf(p.out, "---\n%s", text)
		return err
	case first:
		if _, err := p.out.WriteString("apiVersion: v1\nkind: List\nitems:\n"); err != nil {
			return err
		}
	}
	_, err = p.out.WriteString("- " + strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n  ") + "\n")
	return err
}

// toYAML makes YAML of JSON. Its reader takes no raw control characters, which JSON may have.
func toYAML(text []byte) ([]byte, error) {
	var escaped bytes.Buffer
	if _, err := reporting.JSONWriter(&escaped).Write(text); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(escaped.Bytes())
}

// flush shows what was printed so far.
func (p *listPrinter) flush() error {
	if p.table != nil {
		if err := p.table.flush(); err != nil {
			return err
		}
	}
	return p.out.Flush()
}

// end closes the list.
func (p *listPrinter) end() error {
	if !p.stream {
		switch {
		case p.format == "json" && p.begun:
			_, _ = p.out.WriteString("\n]}\n") // Flush tells what went wrong
		case p.format == "json":
			_, _ = p.out.WriteString("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[]}\n")
		case p.format == "yaml" && !p.begun:
			_, _ = p.out.WriteString("apiVersion: v1\nkind: List\nitems: []\n")
		}
	}
	return p.flush()
}
