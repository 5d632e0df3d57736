//go:build linux

package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
)

// folderPatience is how long a sound of --tones-dir may take to be read. A file on a server that is away is read for ever; a failure is heard as a
// pattern meanwhile.
const folderPatience = 3 * time.Second

var (
	errNoFolder   = errors.New("--tones-dir is not set")
	errFolderSlow = errors.New("--tones-dir: a file in it could not be read in time; see that its volume answers")
)

// folder is where sounds are that policies name. Of it one file is read at a time: a read that hangs leaves one goroutine, and no more.
type folder struct {
	root     *os.Root
	patience time.Duration
	reading  chan struct{} // of one place
	load     func(name string) ([]byte, error)
}

func openFolder(path string) (*folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("--tones-dir: %w", err)
	}
	f := &folder{root: root, patience: folderPatience, reading: make(chan struct{}, 1)}
	f.load = f.file
	return f, nil
}

func (f *folder) close() {
	if f != nil {
		_ = f.root.Close() // it was only read from
	}
}

// read returns a file's content, of at most tone.MaxFileBytes bytes, or gives up.
func (f *folder) read(ctx context.Context, name string) ([]byte, error) {
	if f == nil {
		return nil, errNoFolder
	}
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	select {
	case f.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, errFolderSlow
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := f.load(name)
		<-f.reading
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, errFolderSlow
	}
}

// file reads a regular file, and never one outside of the folder. A pipe is opened without waiting for who writes to it.
func (f *folder) file(name string) ([]byte, error) {
	opened, err := f.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer opened.Close() //nolint:errcheck // it is only read
	if info, err := opened.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", name))
	}
	data, err := io.ReadAll(io.LimitReader(opened, tone.MaxFileBytes+1))
	if err == nil && len(data) > tone.MaxFileBytes {
		err = fmt.Errorf("%s is larger than %d bytes", name, tone.MaxFileBytes)
	}
	return data, err
}
