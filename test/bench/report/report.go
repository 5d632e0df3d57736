// Package report holds what a run of the benchmark found, and writes it as Markdown and SVG.
//
//	sections --Report.Write--> docs/benchmarks.md, docs/pictures/benchmarks/SECTION-CHART.svg
//	         --Headline------> the README's table of targets
//
// The layout depends on what was found alone: the same figures give the same bytes. It measures nothing.
package report

import (
	"fmt"
	"math"
	"time"
)

// Section is what was found about one subject.
type Section struct {
	// ID names the section's files and is its anchor: lower-case letters, digits and dashes.
	ID    string
	Title string
	// Intro is Markdown: what was measured, how, and beside what.
	Intro   string
	Targets []Target
	Tables  []Table
	Charts  []Chart
	// Notes are Markdown, a list item each: what a reader has to know to believe the figures.
	Notes []string
	// Versions are the versions of what was compared with, "name version", shown with the machine.
	Versions []string
	// Commit, Began and Took say when it was measured; main fills them.
	Commit string
	Began  time.Time
	Took   time.Duration
}

// Table is one table. Each row has a cell per column; cells are Markdown, and a | in one is escaped.
type Table struct {
	Title   string
	Columns []Column
	Rows    [][]string
	// Caption is a sentence below it. Optional.
	Caption string
}

// Column is a table's column.
type Column struct {
	Name string
	// Number aligns it to the right.
	Number bool
}

// Columns makes the usual table's: the first says what is measured, the others are numbers.
func Columns(first string, numbers ...string) []Column {
	columns := []Column{{Name: first}}
	for _, name := range numbers {
		columns = append(columns, Column{Name: name, Number: true})
	}
	return columns
}

// Kind is a chart's form.
type Kind int

const (
	// Bars shows a value per category and series: Series.Y has one for each of Categories.
	Bars Kind = iota
	// Lines shows points that are joined: Series.X and Series.Y have one each.
	Lines
)

// Chart is one picture.
type Chart struct {
	// ID names the file, SECTION-ID.svg: lower-case letters, digits and dashes.
	ID    string
	Title string
	// Alt says what the picture shows, for who does not see it. It is the caption too.
	Alt  string
	Kind Kind
	// X and Y are the axes; Bars has no X but Categories.
	X, Y       Axis
	Categories []string
	Series     []Series
}

// Axis is a chart's axis.
type Axis struct {
	// Label says what and in which unit: "time per check, µs".
	Label string
	// Log makes it logarithmic; every value has to be above 0 then.
	Log bool
}

// Series is one colour of a chart.
type Series struct {
	Name string
	X, Y []float64
}

// Target is a figure with what it should be.
type Target struct {
	// Name says what is measured, in a few words that stand alone: it is a row of the README's table.
	Name string
	// Want is the target as people read it: "at most 3 µs".
	Want string
	// Got is what was measured, in Unit.
	Got  float64
	Unit string
	Met  bool
	// Unmeasured says that there is no figure; Note tells why. It counts as missed.
	Unmeasured bool
	// Note is a remark in Markdown: the spread, or why it was missed. Optional.
	Note string
}

// AtMost is a target that is met by no more than limit.
func AtMost(name string, limit, got float64, unit string) Target {
	return judged(name, "at most "+Figure(limit, unit), got, unit, got <= limit)
}

// AtLeast is a target that is met by no less than limit.
func AtLeast(name string, limit, got float64, unit string) Target {
	return judged(name, "at least "+Figure(limit, unit), got, unit, got >= limit)
}

func judged(name, want string, got float64, unit string, met bool) Target {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return Missing(name, want, "there is no figure")
	}
	return Target{Name: name, Want: want, Got: got, Unit: unit, Met: met}
}

// Missing is a target for which there is no figure. Want is in words, as "at most 3 µs".
func Missing(name, want, why string) Target {
	return Target{Name: name, Want: want, Unmeasured: true, Note: why}
}

// Noted is the target with a remark.
func (t Target) Noted(format string, args ...any) Target {
	t.Note = fmt.Sprintf(format, args...)
	return t
}
