package records

import "slices"

// Lines tells on which line each payload of a file begins, by its place. Payloads on lines that follow each other take no room: a
// blank line, or a cell of several lines, begins a run. After maxRuns of them the lines of further payloads are not told.
type Lines struct {
	runs []run
	n    int // payloads
	last int // the line of the last one
	end  int // the first place that is not told, where runs are full
}

type run struct{ index, line int }

// Add appends the line of the next payload.
func (l *Lines) Add(line int) {
	if l.end == 0 && (l.n == 0 || line != l.last+1) {
		if len(l.runs) == maxRuns {
			l.end = l.n
		} else {
			l.runs = append(l.runs, run{l.n, line})
		}
	}
	l.last = line
	l.n++
}

// Len is how many payloads there are.
func (l *Lines) Len() int { return l.n }

// Last is the line of the last one; 0 where there is none.
func (l *Lines) Last() int { return l.last }

// Of is the line of a payload; 0 where it is not told.
func (l *Lines) Of(index int) int {
	if index < 0 || index >= l.n || l.end > 0 && index >= l.end {
		return 0
	}
	at, found := slices.BinarySearchFunc(l.runs, index, func(r run, index int) int { return r.index - index })
	if !found {
		at--
	}
	return l.runs[at].line + index - l.runs[at].index
}
