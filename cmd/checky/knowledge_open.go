package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

// openKnowledge reads the knowledge file that a flag names. Its errors name the flag and say what to do.
func openKnowledge(flag, path string, options rag.Options) (*rag.Library, error) {
	library, err := rag.Open(path, options)
	fault, other := (*rag.ParseError)(nil), (*fs.PathError)(nil)
	switch {
	case err == nil:
		return library, nil
	case errors.As(err, &fault):
		return nil, fmt.Errorf("%s: %w", flag, err) // it names the file's line, and the fix
	case errors.As(err, &other):
		err = other.Err // the path stands before it already
	}
	return nil, fmt.Errorf("%s %s: %w: name a text file of one entry a line, or leave the flag out to use the one built in", flag, path, err)
}

// builtinKnowledge searches the knowledge file that ships. Its index is read when something is first searched for, which a run
// whose rules pass does not. The zero value is ready.
type builtinKnowledge struct {
	once    sync.Once
	library *rag.Library
	err     error
}

// Retrieve implements rag.Retriever.
func (k *builtinKnowledge) Retrieve(ctx context.Context, q rag.Query, limit int) ([]rag.Hit, error) {
	k.once.Do(func() {
		k.library, k.err = rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{Compiled: checky.KnowledgeIndex})
	})
	if k.err != nil {
		return nil, k.err
	}
	return k.library.Retrieve(ctx, q, limit)
}

// Close frees the index, if there is one. Nothing may be searched for after it.
func (k *builtinKnowledge) Close() error {
	k.once.Do(func() { k.err = rag.ErrClosed })
	if k.library == nil {
		return nil
	}
	return k.library.Close()
}
