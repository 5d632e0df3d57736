package console

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	hereDocument = regexp.MustCompile(`<<([A-Z]+)\n$`)
	consoleBlock = regexp.MustCompile("(?ms)^```console$\n(.*?)^```$")
	namedBlock   = regexp.MustCompile("(?ms)^```yaml$\n(# ([a-z-]+\\.yaml)$.*?)^```$")
)

// Section is what stands below a heading, up to the next of the same level: of "## Backup" for instance, up to the next "## ". It is empty if there is none.
func Section(page, heading string) string {
	_, text, _ := strings.Cut(page, "\n"+heading+"\n")
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ = strings.Cut(text, "\n"+level+" ")
	return text
}

// Files are the contents of a page's files, by name.
func Files(page string) map[string]string {
	files := map[string]string{}
	for _, file := range namedBlock.FindAllStringSubmatch(page, -1) {
		files[file[2]] = file[1]
	}
	return files
}

// Step is one command, and what it is said to print.
type Step struct{ Command, Output string }

// Steps are those of all console blocks of a page.
func Steps(page string) ([]Step, error) {
	var all []Step
	for _, block := range consoleBlock.FindAllStringSubmatch(page, -1) {
		steps, err := stepsOf(block[1])
		if err != nil {
			return nil, err
		}
		all = append(all, steps...)
	}
	return all, nil
}

func stepsOf(block string) ([]Step, error) {
	var steps []Step
	goesOn, document := false, ""
	for line := range strings.Lines(block) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(steps) - 1
		switch {
		case document != "":
			steps[last].Command += line
			if line == document+"\n" {
				document = ""
			}
		case isCommand:
			steps = append(steps, Step{Command: command})
			goesOn = strings.HasSuffix(command, "\\\n")
			if begins := hereDocument.FindStringSubmatch(command); begins != nil {
				document = begins[1]
			}
		case last < 0:
			return nil, fmt.Errorf("a console block begins with output: %s", line)
		case goesOn:
			steps[last].Command += line
			goesOn = strings.HasSuffix(line, "\\\n")
		default:
			steps[last].Output += line
		}
	}
	return steps, nil
}

// Printed tells whether what a command printed is what it is said to print.
func (s Step) Printed(out string) bool { return expected(s.Output).MatchString(out) }

func expected(output string) *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimSpace(output) + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if line == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `[^\n]*`) + `\n`)
	}
	pattern.WriteString(`\z`)
	return regexp.MustCompile(pattern.String())
}
