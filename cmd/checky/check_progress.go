package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/checky-dev/checky/cmd/checky/records"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// barWidth is how wide the bar itself is, and barRest what stands around it besides the text before it, in characters.
	barWidth = 10
	barRest  = 18
	// barInterval is how often it is drawn anew, so that a terminal over a slow line keeps up.
	barInterval = 100 * time.Millisecond
	// usualColumns is how wide a terminal is that does not say.
	usualColumns = 80
)

// progress shows on a terminal how much of a file is checked, and takes it away at the end. On anything else it shows nothing:
//
//	orders.ndjson  12/39 MB  96000 payloads, 97092/s  31% |███       | [1s:2s]
type progress struct {
	bar   *progressbar.ProgressBar // nil: nothing is shown
	name  []rune
	size  string
	room  int // for the text before the bar
	began time.Time
}

func newProgress(errOut io.Writer, file *records.File) *progress {
	if !program.Terminal(errOut) {
		return &progress{}
	}
	p := &progress{name: []rune(program.Printable(filepath.Base(file.Name))), room: widthOf(errOut) - barWidth - barRest, began: time.Now()}
	if file.Size > 0 {
		p.size = fmt.Sprintf("/%.0f", megabytes(file.Size))
	}
	p.bar = progressbar.NewOptions64(file.Size,
		progressbar.OptionSetWriter(errOut),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionThrottle(barInterval),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own: it turns as payloads are checked
		progressbar.OptionClearOnFinish(),
	)
	return p
}

// widthOf is how wide a terminal is.
func widthOf(out io.Writer) int {
	if file, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return usualColumns
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// at says how many bytes were read, and how many payloads checked.
func (p *progress) at(bytes int64, payloads int) {
	if p.bar == nil {
		return
	}
	rate := float64(payloads) / max(time.Since(p.began).Seconds(), 1e-3)
	text := fmt.Sprintf("  %.0f%s MB  %d payloads, %.0f/s ", megabytes(bytes), p.size, payloads, rate)
	name := p.name[:max(0, min(len(p.name), p.room-len(text)))]
	p.bar.Describe(string(name) + text)
	_ = p.bar.Set64(bytes) // a terminal that is gone keeps nothing from its verdict
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
}
