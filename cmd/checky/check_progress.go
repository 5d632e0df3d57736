package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/checky-dev/checky/cmd/checky/records"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// barWidth is how wide the bar itself is, in characters.
	barWidth = 24
	// barInterval is how often it is drawn anew, so that a terminal over a slow line keeps up.
	barInterval = 100 * time.Millisecond
)

// progress shows on a terminal how much of a file is checked, and takes it away at the end. On anything else it shows nothing.
type progress struct {
	bar   *progressbar.ProgressBar // nil: nothing is shown
	name  string
	began time.Time
}

func newProgress(errOut io.Writer, file *records.File) *progress {
	if !program.Terminal(errOut) {
		return &progress{}
	}
	p := &progress{name: program.Printable(file.Name), began: time.Now()}
	p.bar = progressbar.NewOptions64(file.Size,
		progressbar.OptionSetWriter(errOut),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(barInterval),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own: it turns as payloads are checked
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription(p.name),
	)
	return p
}

// at says how many bytes were read, and how many payloads checked.
func (p *progress) at(bytes int64, payloads int) {
	if p.bar == nil {
		return
	}
	rate := float64(payloads) / max(time.Since(p.began).Seconds(), 1e-3)
	p.bar.Describe(fmt.Sprintf("%s  %d payloads, %.0f/s", p.name, payloads, rate))
	_ = p.bar.Set64(bytes) // a terminal that is gone keeps nothing from its verdict
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
}
