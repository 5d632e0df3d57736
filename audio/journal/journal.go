package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

// The defaults of Options.
const (
	DefaultMaxEntries  = 50_000
	DefaultLockTimeout = 5 * time.Second
)

// maxFileBytes is how large the file may get: five times what the default number of entries needs at their longest. An Apply that
// would have it grow further fails; a file that is larger when it is opened is taken for damaged.
const maxFileBytes = 256 << 20

// ErrInUse is that another process has the journal.
var ErrInUse = errors.New("it is in use by another process")

// Options are a Journal's. The zero value is good.
type Options struct {
	// MaxEntries is how many entries are kept. 0: DefaultMaxEntries.
	MaxEntries int
	// LockTimeout is how long Open waits for another process to let the file go. 0: DefaultLockTimeout.
	LockTimeout time.Duration
}

// Journal is an open journal.
type Journal struct {
	path string
	o    Options

	file      *os.File // what db has open; its lock is the journal's
	db        *bbolt.DB
	recovered error
	broken    error // bbolt has failed in a way after which it can't be used any more

	// The entries as they are to be, those in waiting included, with what their order goes by.
	entries map[types.UID]stamp
	stored  map[types.UID]struct{} // those that the file has
	waiting map[types.UID][]byte   // what the next transaction writes; nil: deletes
	length  atomic.Int64           // of entries
}

// stamp is what decides how early an entry goes.
type stamp struct {
	state dispatch.EntryState
	at    time.Time
}

// Open opens the journal in a file, or begins one, and returns what it holds in the order of the UIDs. The file is created with mode
// 0600, in a folder that exists; this process alone has it until Close, or until its end. A file that is damaged is no error:
// see Recovered.
func Open(path string, o Options) (*Journal, []dispatch.Entry, error) {
	o.MaxEntries = cmp.Or(o.MaxEntries, DefaultMaxEntries)
	o.LockTimeout = cmp.Or(o.LockTimeout, DefaultLockTimeout)
	j := &Journal{
		path: path, o: o,
		entries: make(map[types.UID]stamp), stored: make(map[types.UID]struct{}), waiting: make(map[types.UID][]byte),
	}
	entries, err := j.open()
	if err != nil {
		return nil, nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return j, entries, nil
}

// Recovered tells what was lost when the journal was opened: the whole of a file that was damaged, or records that could not be
// read. It is nil where nothing was.
func (j *Journal) Recovered() error { return j.recovered }

// Len is how many entries there are, those included that could not be written yet. It may be called from anywhere.
func (j *Journal) Len() int { return int(j.length.Load()) }

// Apply keeps entries, in place of earlier ones of the same UIDs, and then drops others. When it returns nil, this and all that was
// applied before is on disk. When it fails, the file is as it was; what was to be written is kept, and written by the next
// Apply that succeeds. An entry without a UID or key, or with an overlong one, is refused together with all that it came with.
func (j *Journal) Apply(remember []dispatch.Entry, forget []types.UID) error {
	if err := j.apply(remember, forget); err != nil {
		return fmt.Errorf("journal %s: %w", j.path, err)
	}
	return nil
}

func (j *Journal) apply(remember []dispatch.Entry, forget []types.UID) error {
	records := make([][]byte, len(remember))
	for i := range remember {
		var err error
		if records[i], err = encode(&remember[i]); err != nil {
			return err
		}
	}
	for i := range remember {
		j.entries[remember[i].UID] = stamp{remember[i].State, remember[i].At}
		j.waiting[remember[i].UID] = records[i]
	}
	for _, uid := range forget {
		j.drop(uid)
	}
	j.evict()
	j.length.Store(int64(len(j.entries)))
	return j.flush()
}

// drop has an entry gone.
func (j *Journal) drop(uid types.UID) {
	delete(j.entries, uid)
	if _, stored := j.stored[uid]; stored {
		j.waiting[uid] = nil
	} else {
		delete(j.waiting, uid)
	}
}

// candidate is an entry that may have to go.
type candidate struct {
	uid types.UID
	stamp
}

// before tells which of two goes first.
func before(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), a.at.Compare(b.at), cmp.Compare(a.uid, b.uid))
}

// few is how many entries are looked for one by one; for more, all are sorted.
const few = 8

// evict drops what is too much.
func (j *Journal) evict() {
	excess := len(j.entries) - j.o.MaxEntries
	if excess <= 0 {
		return
	}
	candidates := make([]candidate, 0, len(j.entries))
	for uid, s := range j.entries {
		candidates = append(candidates, candidate{uid, s})
	}
	if excess > few {
		slices.SortFunc(candidates, before)
	}
	for i := range excess {
		for n := i + 1; excess <= few && n < len(candidates); n++ {
			if before(candidates[n], candidates[i]) < 0 {
				candidates[i], candidates[n] = candidates[n], candidates[i]
			}
		}
		j.drop(candidates[i].uid)
	}
}

// rank puts what was announced before what was not.
func (s stamp) rank() int {
	if s.state == dispatch.Announced {
		return 0
	}
	return 1
}

// flush writes what waits, in one transaction.
func (j *Journal) flush() error {
	if j.broken != nil {
		return fmt.Errorf("it has failed before, and is not written any more until the daemon is restarted: %w", j.broken)
	}
	if len(j.waiting) == 0 {
		return nil
	}
	err := guard(func() error {
		return j.db.Update(func(tx *bbolt.Tx) error { return write(tx, j.waiting) })
	})
	if err != nil {
		var p *panicError
		if errors.As(err, &p) {
			j.broken = err
		}
		return fmt.Errorf("not written (make room or mend the filesystem, or give another folder as --state-dir; "+
			"until then, what is announced may be announced again after a restart): %w", cause(err))
	}
	for uid, record := range j.waiting {
		if record == nil {
			delete(j.stored, uid)
		} else {
			j.stored[uid] = struct{}{}
		}
	}
	clear(j.waiting)
	return nil
}

// cause is an error without the path in it: that is the one under which the file was created.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return err
}

// write puts records in and deletes those that are nil, in the order of their keys, as a B+ tree likes it.
func write(tx *bbolt.Tx, records map[types.UID][]byte) error {
	bucket, err := tx.CreateBucketIfNotExists(bucketName)
	if err != nil {
		return err
	}
	for _, uid := range slices.Sorted(maps.Keys(records)) {
		if record := records[uid]; record == nil {
			err = bucket.Delete([]byte(uid))
		} else {
			err = bucket.Put([]byte(uid), record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read is all that the database holds.
func read(db *bbolt.DB) (map[types.UID][]byte, error) {
	records := make(map[types.UID][]byte)
	err := db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketName)
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(key, value []byte) error {
			records[types.UID(key)] = bytes.Clone(value)
			return nil
		})
	})
	return records, err
}

// Close lets the file go. All that Apply has returned nil for is in it.
func (j *Journal) Close() error {
	db, broken := j.db, j.broken
	if db == nil {
		return nil
	}
	j.db, j.broken = nil, errors.New("it is closed")
	if broken != nil {
		// bbolt may have kept locks of its own, and would wait for them. So its mapping stays; it would keep the file's lock.
		return errors.Join(unlock(j.file), j.file.Close())
	}
	return db.Close()
}
