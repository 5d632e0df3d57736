package rag

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/utils/lru"
)

const (
	// DefaultThreshold is the confidence that the first hit needs. docs/retrieval.md tells how it was calibrated.
	DefaultThreshold = 0.20
	// DefaultCacheSize is how many answers are kept.
	DefaultCacheSize = 1024
)

// Options are the choices that a Library leaves open. Their zero value is a good one.
type Options struct {
	// Threshold is the confidence that the first hit needs: 0 means DefaultThreshold, and a negative one that any
	// passage which has a word of the query will do.
	Threshold float64
	// CacheSize is how many answers are kept: 0 means DefaultCacheSize, and a negative one none.
	CacheSize int
	// Compiled is the index of the content at first, as Compile gives it. It saves the time to build it; one of another content is
	// not used.
	Compiled []byte
	// Observer hears of reloads.
	Observer Observer
}

// Observer is told what Run does, so that it can be logged, counted and made an event of. Its functions must be
// safe for concurrent use, and must not close the library; those that are nil are left out.
type Observer struct {
	// Reloaded tells that the file has changed and is in use, or that it is as it was before a failed reload.
	Reloaded func(Stats)
	// ReloadFailed tells why a changed file is not in use, once for each failure in a row that differs from the
	// one before. The last good version stays in use.
	ReloadFailed func(error)
}

// Stats tells what a Library holds and did.
type Stats struct {
	// File is the base name of the knowledge file.
	File string
	// Version is the digest of the content in use, as sha256:HEX.
	Version string
	// Entries is how many lines can be cited.
	Entries int
	// Bytes is the size of the file.
	Bytes int
	// Reloads and FailedReloads count what Run did.
	Reloads, FailedReloads uint64
	// CacheHits and CacheMisses count the queries that were answered from the cache, and the others.
	CacheHits, CacheMisses uint64
}

// Library is the Retriever over one knowledge file. It is safe for concurrent use.
type Library struct {
	path      string
	threshold float64
	observer  Observer
	current   atomic.Pointer[index]
	// cache is nil where none is wanted. Its keys are cacheKeys, its values []Hit.
	cache *lru.Cache

	reloads, failedReloads, cacheHits, cacheMisses atomic.Uint64

	// reloading guards the file's way into current, and failure.
	reloading sync.Mutex
	// failure is the message of the last reload, if it failed.
	failure string
	closed  bool
}

// cacheKey names an answer. It holds the version of the index, not the index, so that the cache keeps none alive.
type cacheKey struct {
	version string
	query   Query
	limit   int
}

// Open reads the knowledge file at path. Run then follows its changes.
//
// An error is a *ParseError where the content is at fault, else one of the file system.
func Open(path string, options Options) (*Library, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	library, err := New(path, content, options)
	if err != nil {
		return nil, err
	}
	library.path = path
	return library, nil
}

// New makes a Library of content that does not change. Passages are named after name's last element.
func New(name string, content []byte, options Options) (*Library, error) {
	ix, err := newIndex(filepath.Base(name), content, options.Compiled)
	if err != nil {
		return nil, err
	}
	l := &Library{threshold: options.Threshold, observer: options.Observer}
	if l.threshold == 0 {
		l.threshold = DefaultThreshold
	}
	switch size := options.CacheSize; {
	case size == 0:
		l.cache = lru.New(DefaultCacheSize)
	case size > 0:
		l.cache = lru.New(size)
	}
	l.current.Store(ix)
	return l, nil
}

// Retrieve implements Retriever. It gives at most MaxHits hits; ErrClosed after Close; and
// the context's error where that ends before the answer is known.
func (l *Library) Retrieve(ctx context.Context, q Query, limit int) ([]Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, nil
	}
	ix := l.current.Load()
	if ix == nil {
		return nil, ErrClosed
	}
	q = Query{Text: bounded(q.Text), Names: bounded(q.Names), Hints: bounded(q.Hints)}
	limit = min(limit, MaxHits)
	if l.cache == nil {
		l.cacheMisses.Add(1)
		return ix.search(ctx, q, limit, l.threshold)
	}
	key := cacheKey{version: ix.version, query: q, limit: limit}
	if cached, ok := l.cache.Get(key); ok {
		l.cacheHits.Add(1)
		return slices.Clone(cached.([]Hit)), nil
	}
	l.cacheMisses.Add(1)
	hits, err := ix.search(ctx, q, limit, l.threshold)
	if err != nil {
		return nil, err
	}
	l.cache.Add(key, slices.Clone(hits))
	return hits, nil
}

// Stats tells what the library holds and did. Once it is closed it holds nothing.
func (l *Library) Stats() Stats {
	s := Stats{
		Reloads: l.reloads.Load(), FailedReloads: l.failedReloads.Load(),
		CacheHits: l.cacheHits.Load(), CacheMisses: l.cacheMisses.Load(),
	}
	if ix := l.current.Load(); ix != nil {
		s.File, s.Version, s.Entries, s.Bytes = ix.file, ix.version, len(ix.entries), ix.bytes
	}
	return s
}

// Close drops the index; queries in flight are answered still. It can be called again.
func (l *Library) Close() error {
	l.reloading.Lock()
	defer l.reloading.Unlock()
	l.closed = true
	l.current.Store(nil)
	return nil
}

// reload brings the file's content into use if it has changed, and tells the observer.
func (l *Library) reload() {
	l.reloading.Lock()
	defer l.reloading.Unlock()
	if l.closed {
		return
	}
	changed, err := l.load()
	switch {
	case err != nil && err.Error() != l.failure:
		l.failure = err.Error()
		l.failedReloads.Add(1)
		if l.observer.ReloadFailed != nil {
			l.observer.ReloadFailed(err)
		}
	case err == nil && (changed || l.failure != ""):
		l.failure = ""
		l.reloads.Add(1)
		if l.observer.Reloaded != nil {
			l.observer.Reloaded(l.Stats())
		}
	}
}

// load swaps the index if the file's content is not that of the index in use.
func (l *Library) load() (changed bool, err error) {
	content, err := readFile(l.path)
	if err != nil {
		return false, err
	}
	old := l.current.Load()
	if digest(content) == old.version {
		return false, nil
	}
	ix, err := newIndex(old.file, content, nil)
	if err != nil {
		return false, err
	}
	l.current.Store(ix)
	if l.cache != nil {
		l.cache.Clear()
	}
	return true, nil
}

// readFile reads a regular file of at most MaxFileBytes.
func readFile(path string) ([]byte, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(content) > MaxFileBytes {
		return nil, tooLarge(filepath.Base(path))
	}
	return content, nil
}

// openRegular opens a file, after a look at what it is: to open a pipe could wait for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &ParseError{File: filepath.Base(path), Reason: "it is not a regular file: name a text file"}
	}
	return os.Open(path)
}
