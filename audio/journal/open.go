package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/audio/dispatch"
)

const (
	lockRetry = 50 * time.Millisecond

	// The file is written anew at Open where it is larger than this, and than so many times what it holds.
	compactAbove = 1 << 20
	compactRatio = 4

	// mapBytes is what is mapped from the beginning, so that no Apply of an ordinary journal has to map anew. It is address
	// space, not memory.
	mapBytes = 64 << 20
	// growBytes is by how much the file grows at a time.
	growBytes = 64 << 10

	corruptSuffix   = ".corrupt"
	temporarySuffix = ".new"
)

// open does what Open does. Whoever has the lock of the file that is at the path, has the journal: a file that takes its place is
// complete and locked before it does.
func (j *Journal) open() ([]dispatch.Entry, error) {
	file, err := acquire(j.path, j.o.LockTimeout)
	if err != nil {
		return nil, err
	}
	entries, err := j.take(file)
	if err == nil {
		err = syncFolder(filepath.Dir(j.path))
	}
	if err != nil {
		_ = file.Close() // bbolt mostly has closed it
		return nil, errors.Join(err, j.Close())
	}
	return entries, nil
}

// take goes on with the file that is at the path, or begins a new one in its place.
func (j *Journal) take(file *os.File) ([]dispatch.Entry, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 { // this process has created it, or one that came no further
		return nil, j.begin(file)
	}
	if damage := damageOf(file, info.Size()); damage != nil {
		return nil, j.beginAnew(file, damage)
	}
	var records map[types.UID][]byte
	err = guard(func() (err error) {
		if j.db, err = openDatabase(file); err == nil {
			records, err = read(j.db)
		}
		return err
	})
	var p *panicError
	if errors.As(err, &p) {
		j.db = nil // after a panic, who knows which of its locks are held
		return nil, j.beginAnew(file, err)
	}
	if err != nil { // no memory to map it, for instance
		return nil, err
	}
	j.file = file
	return j.load(records, info.Size()), nil
}

// begin puts an empty journal in the place of a file.
func (j *Journal) begin(old *os.File) error {
	if err := j.replace(nil); err != nil {
		return err
	}
	_ = old.Close() // nothing was written to it
	return nil
}

// beginAnew does so for a damaged file, which is kept.
func (j *Journal) beginAnew(old *os.File, damage error) error {
	j.recovered = fmt.Errorf("the journal %s is damaged (%w); %s", j.path, damage, keep(j.path))
	return j.begin(old)
}

// load takes in what the file holds, and writes the file anew if it is much too large for that.
func (j *Journal) load(records map[types.UID][]byte, size int64) []dispatch.Entry {
	entries := make(map[types.UID]dispatch.Entry, len(records))
	held, skipped := int64(0), 0
	for uid, record := range records {
		j.stored[uid] = struct{}{}
		e, err := decode(uid, record)
		if err != nil {
			skipped++
			j.drop(uid)
			continue
		}
		entries[uid] = e
		j.entries[uid] = stamp{e.State, e.At}
		held += int64(elementSize + len(uid) + len(record))
	}
	if skipped > 0 {
		j.recovered = fmt.Errorf("%d of %d records of the journal %s could not be read, and are dropped", skipped, len(records), j.path)
	}
	j.evict()
	j.length.Store(int64(len(j.entries)))
	for uid := range j.waiting {
		delete(records, uid)
		delete(entries, uid)
	}
	if size > compactAbove && size > compactRatio*held {
		j.compact(records)
	}
	kept := make([]dispatch.Entry, 0, len(entries))
	for _, uid := range slices.Sorted(maps.Keys(entries)) {
		kept = append(kept, entries[uid])
	}
	return kept
}

// compact has the journal go on in a new file. Where there is no room for one, it goes on in the old one.
func (j *Journal) compact(records map[types.UID][]byte) {
	old := j.db
	if err := j.replace(records); err != nil {
		return // the first Apply that has no room says so
	}
	clear(j.stored)
	for uid := range records {
		j.stored[uid] = struct{}{}
	}
	clear(j.waiting)
	_ = old.Close() // nothing was written to it
}

// replace writes records to a new file, puts it in the place of the old one, which is to be locked until then, and has it open.
func (j *Journal) replace(records map[types.UID][]byte) error {
	temporary := j.path + temporarySuffix
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = guard(func() error {
		db, err := openDatabase(file)
		if err != nil {
			return err
		}
		if err = db.Update(func(tx *bbolt.Tx) error { return write(tx, records) }); err == nil {
			err = os.Rename(temporary, j.path)
		}
		if err != nil {
			return errors.Join(err, db.Close())
		}
		j.db, j.file = db, file
		return nil
	})
	if err != nil {
		_ = file.Close() // bbolt mostly has closed it
		return errors.Join(fmt.Errorf("a new file could not be written (make room, or give another folder as --state-dir): %w", err),
			os.Remove(temporary))
	}
	return nil
}

// openDatabase has bbolt take over a file that is open, with its lock.
func openDatabase(file *os.File) (*bbolt.DB, error) {
	db, err := bbolt.Open(file.Name(), 0o600, &bbolt.Options{
		Timeout:         lockRetry, // it is locked already; for a new one there is nobody to wait for
		InitialMmapSize: mapBytes,
		MaxSize:         maxFileBytes,
		NoStatistics:    true,
		OpenFile:        func(string, int, os.FileMode) (*os.File, error) { return file, nil },
	})
	if err != nil {
		return nil, err
	}
	db.AllocSize = growBytes
	return db, nil
}

// acquire opens the file and takes its lock.
func acquire(path string, timeout time.Duration) (*os.File, error) {
	deadline := time.Now().Add(timeout)
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("its folder is missing (create it, or give another one as --state-dir): %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("it has to be a file that this user can read and write, in the folder of --state-dir: %w", err)
		}
		owner, err := lock(file, path)
		if owner && err == nil {
			return file, nil
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w (end the other daemon, or give this one another --state-dir)", ErrInUse)
		}
		time.Sleep(lockRetry)
	}
}

// lock locks a file, and tells whether that went well: nobody else has it, and the file is still the one at the path.
func lock(file *os.File, path string) (owner bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("it is no regular file (%s); remove it, or give another --state-dir", info.Mode().Type())
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	now, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return err == nil && os.SameFile(info, now), nil
}

func unlock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
}

// keep gives a damaged file a second name, under which it stays when a new one takes its place, and says how that went.
func keep(path string) string {
	name := path + corruptSuffix
	err := os.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Link(path, name)
	}
	if err != nil {
		return fmt.Sprintf("a new one is begun, and the damaged one could not be kept: %v", err)
	}
	return "a new one is begun, and the damaged one is kept as " + name
}

// syncFolder has a folder's entries on disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
