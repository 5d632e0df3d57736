package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// maxLine bounds an entry's line, in bytes: the largest is a rule set.
const maxLine = 1 << 20

// Log is a history that is being written. Its methods can be called concurrently.
type Log struct {
	began time.Time

	mu      sync.Mutex
	file    *os.File
	out     *bufio.Writer
	entries []Entry
	failed  error
}

// Begin begins a history in a new file.
func Begin(path string, seed uint64) (*Log, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	l := &Log{began: time.Now(), file: file, out: bufio.NewWriter(file)}
	l.Add(Entry{Start: &Start{Seed: seed, Wall: l.began}})
	return l, nil
}

// Now is the time since the run began.
func (l *Log) Now() time.Duration { return time.Since(l.began) }

// Since is a wall clock's time, as one since the run began.
func (l *Log) Since(wall time.Time) time.Duration { return wall.Sub(l.began.Round(0)) }

// Add appends an entry, with the time of now where it has none, and writes it.
func (l *Log) Add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.At == 0 {
		e.At = l.Now()
	}
	l.entries = append(l.entries, e)
	text, err := json.Marshal(e)
	if err == nil {
		_, err = l.out.Write(append(text, '\n'))
	}
	if err == nil {
		err = l.out.Flush()
	}
	l.failed = errors.Join(l.failed, err)
}

// Entries are those so far.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Close ends the file, and tells whether all of it was written.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.failed, l.out.Flush(), l.file.Close())
}

// Read reads a history that was written before.
func Read(from io.Reader) ([]Entry, error) {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, maxLine)
	var entries []Entry
	for number := 1; scanner.Scan(); number++ {
		var e Entry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("history: line %d: %w", number, err)
		}
		entries = append(entries, e)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return entries, nil
}
