package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxRecordings is how many files a folder of recordings may hold. Past that nothing more is recorded.
const MaxRecordings = 10000

// Recording is a file that a sound is written to. Its name tells how far it is:
//
//	burst-0001.raw.part   being written, or left by a daemon that was killed
//	burst-0001.raw        whole
//	burst-0001.raw.cut    the player was stopped, or failed, before its end
type Recording struct {
	File *os.File
	path string // when whole
}

const (
	recordingPrefix = "burst-"
	recordingSuffix = ".raw"
	unfinished      = ".part"
	cut             = ".cut"
)

// Record makes the next file of a folder, and the folder where it is missing. Who gets it calls Finish.
func Record(dir string) (*Recording, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	if len(entries) >= MaxRecordings {
		return nil, fmt.Errorf("recording: %s holds %d files, which is as many as may be there: empty it", dir, len(entries))
	}
	next := 1
	for _, entry := range entries {
		next = max(next, recordingNumber(entry.Name())+1)
	}
	// Another program may record in the same place.
	for range MaxRecordings {
		path := filepath.Join(dir, fmt.Sprintf("%s%04d%s", recordingPrefix, next, recordingSuffix))
		file, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return &Recording{File: file, path: path}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("recording: %w", err)
		}
		next++
	}
	return nil, fmt.Errorf("recording: %s has no free number", dir)
}

// recordingNumber is that in a file's name, or 0.
func recordingNumber(name string) int {
	rest, ok := strings.CutPrefix(name, recordingPrefix)
	if !ok {
		return 0
	}
	digits, _, ok := strings.Cut(rest, recordingSuffix)
	number, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return 0
	}
	return int(number)
}

// Finish closes the file, and gives it its last name: a whole recording is there at once or not at all. A file in which nothing is
// gets removed.
func (r *Recording) Finish(whole bool) error {
	info, err := r.File.Stat()
	if closing := r.File.Close(); err == nil {
		err = closing
	}
	if err == nil && info.Size() == 0 {
		return os.Remove(r.path + unfinished)
	}
	name := r.path
	if !whole {
		name += cut
	}
	return errors.Join(err, os.Rename(r.path+unfinished, name))
}
