package controlplane

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// maxLogBytes bounds a server's log file; when it is full it becomes FILE.1, in place of the one before.
// A server's logs thus take at most twice as much.
const maxLogBytes = 4 << 20

// maxTailBytes bounds how much of a log an error quotes.
const maxTailBytes = 2 << 10

// boundedLog is a log file that keeps between one and two times maxLogBytes of what was written last.
type boundedLog struct {
	mu   sync.Mutex
	path string
	file *os.File
	size int64
}

func openBoundedLog(path string) (*boundedLog, error) {
	l := &boundedLog{path: path}
	return l, l.open(os.O_APPEND)
}

func (l *boundedLog) open(mode int) error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|mode, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	l.file, l.size = f, info.Size()
	return nil
}

// Write appends p, after making room where it would not fit.
func (l *boundedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(p)) > maxLogBytes {
		if err := l.file.Close(); err != nil {
			return 0, err
		}
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return 0, err
		}
		if err := l.open(os.O_TRUNC); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *boundedLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// tail returns the last whole lines of a log file, at most maxTailBytes, indented for an error.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Sprintf("  (no log: %v)", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Sprintf("  (no log: %v)", err)
	}
	start := max(0, info.Size()-maxTailBytes)
	text := make([]byte, info.Size()-start)
	n, err := f.ReadAt(text, start)
	if err != nil && err != io.EOF { //nolint:errorlint // ReadAt returns io.EOF itself
		return fmt.Sprintf("  (no log: %v)", err)
	}
	text = text[:n]
	if cut := bytes.IndexByte(text, '\n'); start > 0 && cut >= 0 {
		text = text[cut+1:]
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "  (the log is empty)"
	}
	return "  " + string(bytes.ReplaceAll(text, []byte("\n"), []byte("\n  ")))
}
