package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is all that was found.
type Report struct {
	Run      Run
	Sections []*Section
	// Failures are the sections that ended with an error: "TITLE: ERROR".
	Failures []string
	// Quick says that the sizes were small: the figures report and prove nothing.
	Quick bool
}

// Markdown is the page. Pictures is the folder of the charts as the page links to it, with a slash at its end.
func (r *Report) Markdown(pictures string) string {
	var b strings.Builder
	b.WriteString("<!-- Written by make bench. Do not edit. -->\n# Benchmarks\n\n")
	fmt.Fprintf(&b, "What `%s` measured. It starts everything that it measures, on one machine, and ends by itself. Each figure stands next to what it is compared with, "+
		"measured in the same run; take the ratios from here, and the times from a run of your own.\n\n", r.Run.Command)
	if r.Quick {
		b.WriteString("This was a quick run of small sizes, which proves nothing.\n\n")
	}
	if len(r.Failures) > 0 {
		b.WriteString("What failed, so that its figures are missing here:\n\n")
		for _, failure := range r.Failures {
			b.WriteString("- " + inline(short(failure)) + "\n")
		}
		b.WriteString("\n")
	}
	if r.hasTargets() {
		b.WriteString("## Targets\n\n" + r.Headline() + "\n")
	}
	b.WriteString("## The machine and the run\n\n" + r.runTable())
	for _, s := range r.Sections {
		b.WriteString("\n" + s.markdown(pictures))
	}
	return b.String()
}

func (r *Report) hasTargets() bool {
	return slices.ContainsFunc(r.Sections, func(s *Section) bool { return len(s.Targets) > 0 })
}

// Headline is the table of all targets, as the README has it.
func (r *Report) Headline() string {
	var rows [][]string
	for _, s := range r.Sections {
		for _, t := range s.Targets {
			rows = append(rows, []string{t.Name, t.Want, t.got(), t.met()})
		}
	}
	return table([]Column{{Name: "what"}, {Name: "target"}, {Name: "measured", Number: true}, {Name: "met"}}, rows)
}

func (t Target) got() string {
	if t.Unmeasured {
		return "not measured"
	}
	return Figure(t.Got, t.Unit)
}

func (t Target) met() string {
	if t.Met {
		return "yes"
	}
	return "**no**"
}

func (r *Report) runTable() string {
	rows := [][]string{
		{"processor", fmt.Sprintf("%s, %d cores", r.Run.CPU, r.Run.Cores)},
		{"memory", Bytes(r.Run.Memory)},
		{"kernel", r.Run.Kernel},
		{"Go", r.Run.Go},
		{"load before", Number(r.Run.Load)},
		{"commit", r.Run.Commit},
		{"command", "`" + r.Run.Command + "`"},
		{"began", r.Run.Began.UTC().Format("2006-01-02 15:04 UTC")},
		{"took", r.Run.Took.Round(time.Second).String()},
	}
	var versions []string
	for _, s := range r.Sections {
		versions = append(versions, s.Versions...)
	}
	slices.Sort(versions)
	if versions = slices.Compact(versions); len(versions) > 0 {
		rows = append(rows, []string{"compared with", strings.Join(versions, ", ")})
	}
	return table([]Column{{Name: "what"}, {Name: "value"}}, rows)
}

func (s *Section) markdown(pictures string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", s.Title)
	if s.Intro != "" {
		b.WriteString("\n" + s.Intro + "\n")
	}
	if !s.Began.IsZero() {
		fmt.Fprintf(&b, "\nMeasured on %s, in %s, at commit %s.\n", s.Began.UTC().Format("2006-01-02 15:04 UTC"), s.Took.Round(time.Second), s.Commit)
	}
	if len(s.Targets) > 0 {
		var rows [][]string
		for _, t := range s.Targets {
			rows = append(rows, []string{t.Name, t.Want, t.got(), t.met(), t.Note})
		}
		b.WriteString("\n" + table([]Column{{Name: "what"}, {Name: "target"}, {Name: "measured", Number: true}, {Name: "met"}, {Name: "remarks"}}, rows))
	}
	for _, c := range s.Charts {
		fmt.Fprintf(&b, "\n![%s. %s](%s%s)\n", inline(c.Title), inline(c.Alt), pictures, c.file(s))
	}
	for _, t := range s.Tables {
		fmt.Fprintf(&b, "\n### %s\n\n%s", t.Title, table(t.Columns, t.Rows))
		if t.Caption != "" {
			b.WriteString("\n" + t.Caption + "\n")
		}
	}
	if len(s.Notes) > 0 {
		b.WriteString("\n")
		for _, note := range s.Notes {
			b.WriteString("- " + strings.TrimSpace(note) + "\n")
		}
	}
	return b.String()
}

// maxFailure is how much is told of a failure, in bytes. All of it was printed.
const maxFailure = 300

func short(text string) string {
	if len(text) > maxFailure {
		text = strings.ToValidUTF8(text[:maxFailure], "") + "..."
	}
	return text
}

// inline makes one line of a text that is not ours, without what Markdown would take for its own.
func inline(text string) string {
	return strings.NewReplacer("\n", " ", "[", "(", "]", ")", "<", "(", ">", ")", "`", "'").Replace(text)
}

// table is a table of Markdown. A | in a cell is escaped.
func table(columns []Column, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) {
		b.WriteString("|")
		for i := range columns {
			cell := ""
			if i < len(cells) {
				cell = strings.ReplaceAll(strings.ReplaceAll(cells[i], "\n", " "), "|", `\|`)
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	names, rules := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], rules[i] = c.Name, "---"
		if c.Number {
			rules[i] = "---:"
		}
	}
	line(names)
	line(rules)
	for _, row := range rows {
		line(row)
	}
	return b.String()
}
