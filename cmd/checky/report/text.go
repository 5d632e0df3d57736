package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

// textWidth is where lines are wrapped, in code points.
const textWidth = 100

var colors = map[v1alpha1.Phase]string{
	v1alpha1.PhaseSuccess: "\x1b[1;32m",
	v1alpha1.PhaseFailure: "\x1b[1;31m",
	v1alpha1.PhaseError:   "\x1b[1;33m",
}

const colorOff = "\x1b[0m"

// writeText writes one block for each input:
//
//	Failure  order.json: of 5 rules, 1 failed, 4 passed.
//	  - orders/amount-range (error) failed at /amount: expected a number at most 10000, found 99999
//	    What that means, and what to do. [rag-content.txt:42]
//
// and, where there are several, how many came to which verdict.
func writeText(w io.Writer, r *Report, o Options) error {
	var b strings.Builder
	counts := map[v1alpha1.Phase]int{}
	for i := range r.Inputs {
		in := &r.Inputs[i]
		phase := in.Verdict.Phase
		counts[phase]++
		explanation := strings.TrimPrefix(in.Verdict.Explanation, string(phase)+": ")
		head, rest, more := strings.Cut(program.Printable(explanation), "\n")
		b.WriteString(colored(phase, o) + strings.Repeat(" ", max(1, 9-len(phase))))
		wrap(&b, program.Printable(in.Name)+": "+head, 9, 2)
		for more {
			head, rest, more = strings.Cut(rest, "\n")
			text := strings.TrimLeft(head, " ")
			indent := 2 + len(head) - len(text)
			hang := indent
			if strings.HasPrefix(text, "- ") {
				hang += 2
			}
			b.WriteString(strings.Repeat(" ", indent))
			wrap(&b, text, indent, hang)
		}
		if i < len(r.Inputs)-1 && strings.Contains(explanation, "\n") {
			b.WriteByte('\n')
		}
	}
	if len(r.Inputs) > 1 {
		b.WriteString(total(len(r.Inputs), counts))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func colored(phase v1alpha1.Phase, o Options) string {
	if o.Color {
		return Colored(phase)
	}
	return string(phase)
}

// Colored is a phase in its color, for terminals.
func Colored(phase v1alpha1.Phase) string {
	if color := colors[phase]; color != "" {
		return color + string(phase) + colorOff
	}
	return string(phase)
}

// total is the last line: "3 checked: 2 Success, 1 Failure".
func total(n int, counts map[v1alpha1.Phase]int) string {
	var parts []string
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure, v1alpha1.PhaseError} {
		if counts[phase] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[phase], phase))
		}
	}
	return fmt.Sprintf("\n%d checked: %s\n", n, strings.Join(parts, ", "))
}

// wrap writes a line broken between words. It begins at a column, and goes on at hang. Longer words stand out.
func wrap(b *strings.Builder, line string, column, hang int) {
	first := true
	for word := range strings.FieldsSeq(line) {
		size := utf8.RuneCountInString(word)
		switch {
		case first:
		case column+1+size > textWidth:
			b.WriteString("\n" + strings.Repeat(" ", hang))
			column = hang
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += size
		first = false
	}
	b.WriteByte('\n')
}
