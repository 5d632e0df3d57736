package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/checky/records"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/engine"
)

// garbagePercent is how much a run over many payloads lets the heap grow before it is collected. Such a run keeps next to nothing of what
// it makes: the heap stays at some tens of megabytes, and a fifth of the processor's time is saved.
const garbagePercent = 400

// collectLess has garbage collected less often, unless GOGC says how often, until what it returns is called.
func collectLess() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(garbagePercent)
	return func() { debug.SetGCPercent(before) }
}

// cutShort is how far a file was checked when Ctrl-C came.
type cutShort struct {
	file *records.File
	line int
}

func (e *cutShort) Error() string {
	if e.line == 0 {
		return fmt.Sprintf("interrupted: nothing of %s was checked", e.file.Name)
	}
	return fmt.Sprintf("interrupted: %s was checked up to line %d, and nothing of what follows", e.file.Name, e.line)
}

// evaluateAll gives a verdict on each document, and then on each file of many payloads. Its error is an *cutShort.
func (g *gatherer) evaluateAll(ctx context.Context, files []*records.File, errOut io.Writer) ([]reporting.Input, error) {
	var inputs []reporting.Input
	for i := range g.bundle.Targets {
		inputs = append(inputs, g.evaluate(ctx, &g.bundle.Targets[i]))
	}
	if len(files) > 0 {
		defer collectLess()()
	}
	for _, file := range files {
		in, err := g.evaluateMany(ctx, file, errOut)
		if in != nil {
			inputs = append(inputs, *in)
		}
		if err != nil {
			return inputs, err
		}
	}
	return inputs, nil
}

// evaluateMany gives one verdict on all payloads of a file. Its error is an *cutShort: the verdict is then on those before, and absent
// where there are none.
func (g *gatherer) evaluateMany(ctx context.Context, file *records.File, errOut io.Writer) (*reporting.Input, error) {
	in := &reporting.Input{Name: file.Name}
	program, err := g.payloadProgram()
	if err != nil {
		refused := (*refusal)(nil)
		errors.As(err, &refused)
		in.Locate = func(string) (string, int) { return located(file), 0 }
		g.refuseMany(ctx, in, refused.Obstacle)
		return in, nil
	}
	batch := g.engine.NewBatch(engine.BatchOptions{Program: program, Now: g.now, MaskSecrets: true})
	lines := &records.Lines{}
	in.Locate = func(string) (string, int) { return located(file), 0 }
	in.LocateItem = func(index int32, _ string) (string, int) { return located(file), lines.Of(int(index)) }

	err = g.addAll(ctx, batch, file, lines, newProgress(errOut, file))
	stopped := (*cutShort)(nil)
	switch {
	case errors.As(err, &stopped):
		if lines.Len() == 0 {
			return nil, err
		}
	case err != nil:
		g.refuseMany(ctx, in, &engine.Obstacle{Reason: v1alpha1.ReasonInvalidInput, Message: fmt.Sprintf(
			"payload: the file cannot be read behind line %d: %s", lines.Last(), problemOf(err))})
		return in, nil
	}
	outcome := batch.Outcome(context.WithoutCancel(ctx))
	in.Verdict, in.Reason = outcome.Verdict, outcome.Reason
	if len(in.Verdict.RulesApplied) > 0 {
		in.Rules = rulesOf(program)
	}
	return in, err
}

// refuseMany makes a verdict of why a file cannot be evaluated at all.
func (g *gatherer) refuseMany(ctx context.Context, in *reporting.Input, o *engine.Obstacle) {
	outcome := g.engine.Refuse(ctx, o.Reason, o.Message)
	in.Verdict, in.Reason = outcome.Verdict, outcome.Reason
}

// located is a file's name as other programs find it: none for standard input.
func located(file *records.File) string {
	if file.Name == manifest.StandardInput {
		return ""
	}
	return file.Name
}

// problemOf is what is wrong with a file, without its name.
func problemOf(err error) string {
	if known := (*manifest.Error)(nil); errors.As(err, &known) {
		return known.Problem
	}
	return err.Error()
}

// addAll evaluates the payloads of a file, as they are read, until its end or Ctrl-C.
func (g *gatherer) addAll(ctx context.Context, batch *engine.Batch, file *records.File, lines *records.Lines, shown *progress) error {
	defer shown.end()
	chunks := readChunks(ctx, file)
	for {
		select {
		case <-ctx.Done():
			return &cutShort{file, lines.Last()}
		case c := <-chunks.full:
			batch.Add(context.WithoutCancel(ctx), c.items) // what is begun has a verdict
			for _, line := range c.lines {
				lines.Add(line)
			}
			shown.at(c.read, lines.Len())
			switch {
			case errors.Is(c.err, io.EOF):
				return nil
			case c.err != nil:
				return c.err
			}
			chunks.free <- c
		}
	}
}

// What is read ahead while payloads are evaluated. An engine's window is as many.
const (
	chunkItems = 256
	chunkBytes = 1 << 20
	// chunksHeld is one that is evaluated, and one that is read.
	chunksHeld = 2
)

// chunk is some payloads of a file, and what came after them.
type chunk struct {
	items []engine.Item
	lines []int
	text  []byte // of the items
	read  int64  // how many bytes of the file
	err   error  // io.EOF behind the last payload
}

// chunks are read by a goroutine of their own, until the file's end or the context's: a pipe that gives nothing keeps nobody from
// ending.
type chunks struct{ full, free chan *chunk }

func readChunks(ctx context.Context, file *records.File) *chunks {
	c := &chunks{full: make(chan *chunk, chunksHeld), free: make(chan *chunk, chunksHeld)}
	for range chunksHeld {
		c.free <- &chunk{}
	}
	go func() {
		defer file.Close() //nolint:errcheck // it was only read
		for {
			select {
			case <-ctx.Done():
				return
			case next := <-c.free:
				next.fill(file)
				c.full <- next // there is room for all
				if next.err != nil {
					return
				}
			}
		}
	}()
	return c
}

// fill reads payloads until there are enough for a chunk, or no more.
func (c *chunk) fill(file *records.File) {
	c.items, c.lines, c.text = c.items[:0], c.lines[:0], c.text[:0]
	for c.err == nil && len(c.items) < chunkItems && len(c.text) < chunkBytes {
		var item records.Item
		if item, c.err = file.Next(); c.err != nil {
			break
		}
		begin := len(c.text)
		c.text = append(c.text, item.Text...)
		c.items = append(c.items, engine.Item{Name: item.Name, Input: c.text[begin:len(c.text):len(c.text)], Line: item.Line, Problem: item.Problem})
		c.lines = append(c.lines, item.Line)
	}
	c.read = file.Read()
}
