package rag

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after a first change the file is read: a change seldom comes as one event.
const settle = 100 * time.Millisecond

// Run follows the file's changes until ctx ends: writes in place, a new file renamed over it, and the swap of the
// ..data symlink with which the kubelet updates a mounted ConfigMap. Each changed content is indexed aside and takes the
// old one's place whole; queries in flight keep the old one. What cannot be read or parsed leaves the last
// good index in use. A Library made by New has no file, and Run only waits.
//
// An error means that the file cannot be watched; the library answers all the same.
func (l *Library) Run(ctx context.Context) error {
	if l.path == "" {
		<-ctx.Done()
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", l.path, err)
	}
	watch := &watch{path: l.path, watcher: watcher}
	err = watch.start()
	if err == nil {
		l.follow(ctx, watch)
	}
	return errors.Join(err, watcher.Close())
}

// follow reloads after each change that matters until ctx ends.
func (l *Library) follow(ctx context.Context, w *watch) {
	timer := time.NewTimer(0) // the file may have changed between Open and here
	defer timer.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.watcher.Events:
			if !armed && w.concerns(event) {
				timer.Reset(settle)
				armed = true
			}
		case <-w.watcher.Errors: //nolint:errcheck // whatever it is, events may have been lost, and the reload makes up for it
			if !armed {
				timer.Reset(settle)
				armed = true
			}
		case <-timer.C:
			armed = false
			w.resolve()
			l.reload()
		}
	}
}

// watch watches the directory of a file, not the file: a file that is replaced is another file. Where the path
// is a symlink, the directory that it leads to is watched too.
type watch struct {
	path    string
	watcher *fsnotify.Watcher
	// real is where the path leads to; its directory is watched if it is another than the path's.
	real string
}

func (w *watch) start() error {
	if err := w.watcher.Add(filepath.Dir(w.path)); err != nil {
		return fmt.Errorf("watch the directory of %s: %w", w.path, err)
	}
	return nil
}

// resolve follows the path anew, and watches where it leads to now.
func (w *watch) resolve() {
	target, err := filepath.EvalSymlinks(w.path)
	if err != nil || target == w.real {
		return // a file that is gone is told of by the reload; its directory's events tell when it is back
	}
	near, err := filepath.EvalSymlinks(filepath.Dir(w.path))
	if err != nil {
		return
	}
	old, now := filepath.Dir(w.real), filepath.Dir(target)
	if w.real != "" && old != near && old != now {
		_ = w.watcher.Remove(old) // fails where the directory is gone, and its watch with it
	}
	if now != near && (w.real == "" || now != old) {
		_ = w.watcher.Add(now) // fails where the directory is gone again, which the path's own directory tells
	}
	w.real = target
}

// concerns tells whether an event may be a change of the file.
func (w *watch) concerns(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		return false
	}
	switch filepath.Base(event.Name) {
	case filepath.Base(w.path), filepath.Base(w.real), "..data":
		return true
	}
	return false
}
