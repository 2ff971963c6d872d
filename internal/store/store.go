// Package store keeps the supervisor's records on disk: one bbolt database, in
// which saves that come at the same time share one commit.
//
// The database has six buckets: meta holds the format, the id and the number of
// commits, envs each distinct environment once, by its SHA-256, records a record per
// task, groups what was set of a group, removed the names of tasks that were removed,
// and changes the last change of each tasks file.
package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// lockTimeout is how long Open waits for another process to release the file.
const lockTimeout = time.Second

// ErrClosed is what a store answers after Close.
var ErrClosed = errors.New("the database is closed")

// Store is an open database. Its methods may be called from several goroutines.
type Store struct {
	path      string
	id        string
	minReader int
	owned     func() error // whether this process may write to path, see Require

	count *os.File // of the number of commits; the committer's, nil until the first

	old  bool          // it is of an earlier format; the committer's, once Open has returned
	wake chan struct{} // has a token while changes wait for the committer
	done chan struct{} // closed when the committer has closed the database

	mu       sync.Mutex
	file     *os.File  // of path; db's
	db       *bbolt.DB // changed by the committer
	queue    []change
	closed   bool
	kept     bool                    // the file stays open
	broken   error                   // reading the file failed half-way: the database must not be touched again
	closeErr error                   // set before done is closed
	loaded   []task.Record           // what Open read, until it is asked for or outdated
	groups   []task.Group            // what Open read
	changes  []task.Change           // what Open read
	removed  map[string]task.Removed // names of removed tasks; changed by the committer
	commits  uint64                  // how many the file at path has had
	latest   uint64                  // how many a file of this database was seen to have, perhaps another one
}

// Open opens the database file path, or creates it; its mode is 0600 whatever
// the umask. A damaged database is set aside under another name, and what can be read is
// kept; notice says so in a sentence for people; else it is "". It is an error if the file
// is for later programs only, which leaves it untouched, if another process holds it, or if
// it cannot be read. At most one store may have path open.
func Open(path string) (s *Store, notice string, err error) {
	return open(path, lockTimeout)
}

func open(path string, timeout time.Duration) (*Store, string, error) {
	f, err := safeopen.OpenFile(path, os.O_RDWR, 0)
	if err = safeopen.Dangling(path, err); errors.Is(err, fs.ErrNotExist) {
		s, err := create(path)
		return s, "", err
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot open database: %w", err)
	}
	if err := lock(f, timeout); err != nil {
		f.Close()
		return nil, "", fmt.Errorf("cannot lock database %s: %w", path, err)
	}
	return openFile(f, path)
}

// Inherit is Open of the file called path that the program before this one in the same
// process has handed over, unless another file has its place now.
func Inherit(f *os.File, path string) (s *Store, notice string, err error) {
	if safeopen.InPlace(f, path, path) != nil {
		syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		f.Close()
		return Open(path)
	}
	return openFile(f, path)
}

// openFile is Open of the locked f, which it takes over.
func openFile(f *os.File, path string) (*Store, string, error) {
	c, err := readFile(f)
	if err != nil {
		f.Close()
		return nil, "", fmt.Errorf("cannot read database %s: %w", path, err)
	}
	latest, err := readCount(path, c.id)
	if err != nil {
		f.Close()
		return nil, "", err
	}
	// A copy that a crash has left may have environments of tasks that were removed since.
	if err := os.Remove(next(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.Close()
		return nil, "", fmt.Errorf("cannot remove the rest of a copy of the database: %w", err)
	}
	if c.damage != nil {
		defer f.Close()
		return repair(path, c)
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, "", fmt.Errorf("cannot protect database: %w", err)
	}
	db, err := attach(f)
	if err != nil {
		return nil, "", fmt.Errorf("cannot open database %s: %w", path, err)
	}
	s := start(path, f, db, c)
	s.latest = latest
	// What fails of this is done later: a full disk must not keep a supervisor from starting.
	if s.old || c.unused() {
		if err := s.guard(func() error { return s.compact(c) }); err != nil && s.file != f { // the copy has its place, maybe not for good
			s.Close()
			return nil, "", fmt.Errorf("cannot copy database %s: %w", path, err)
		}
	}
	return s, "", nil
}

func readFile(f *os.File) (*contents, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(f, info.Size())
}

// attach hands f, which it takes over, to bbolt.
func attach(f *os.File) (*bbolt.DB, error) {
	return bbolt.Open(f.Name(), 0o600, &bbolt.Options{
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		Timeout:  lockTimeout,
		// The list of free pages is kept on disk, though leaving it out would
		// save one page per commit: without it bbolt walks the whole tree after
		// each failed commit, in a goroutine of its own, where a page that
		// cannot be read is the end of the program.
		NoFreelistSync: false,
		FreelistType:   bbolt.FreelistMapType, // allocates in constant time
		NoStatistics:   true,
	})
}

// lock waits until this process alone has f.
func lock(f *os.File, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return err
		case time.Now().After(deadline):
			if who := safeopen.LockedBy(f); who != "" {
				return fmt.Errorf("%s has it open: end that first: %w", who, err)
			}
			return fmt.Errorf("another process has it open, a second supervisor or a bbolt tool: find it with 'fuser %s': %w", f.Name(), err)
		}
	}
}

// start begins to serve db, which has file open and holds c.
func start(path string, file *os.File, db *bbolt.DB, c *contents) *Store {
	s := &Store{
		path: path, id: c.id, file: file, db: db, minReader: max(c.minReader, minReader), old: c.format < Format,
		loaded: c.records, groups: c.groups, changes: c.changes, removed: c.removed, commits: c.commits,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go s.run()
	return s
}

// newID makes the identity of a state directory.
func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ID is 16 random hex digits, made when the file was created, and again when a damaged
// one was replaced: it identifies the state that the records belong to.
func (s *Store) ID() string { return s.id }

// Groups is what was set of each group when the database was opened, sorted by name.
func (s *Store) Groups() []task.Group { return s.groups }

// Records is every record that was saved, sorted by name, with its environment.
func (s *Store) Records() ([]task.Record, error) {
	s.mu.Lock()
	loaded, closed := s.loaded, s.closed
	s.loaded = nil
	s.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("cannot read records: %w", ErrClosed)
	}
	if loaded != nil { // a supervisor asks once, right after Open, which had to decode them all
		return loaded, nil
	}
	var records []task.Record
	err := s.guard(func() error {
		s.mu.Lock()
		db := s.db
		s.mu.Unlock()
		return db.View(func(tx *bbolt.Tx) (err error) {
			records, err = load(tx)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read records: %w", err)
	}
	return records, nil
}

func load(tx *bbolt.Tx) ([]task.Record, error) {
	envs := make(map[string]task.Env)
	if err := tx.Bucket([]byte(envsBucket)).ForEach(func(k, v []byte) error {
		envs[string(k)] = task.EnvBlock(string(v))
		return nil
	}); err != nil {
		return nil, err
	}
	var records []task.Record
	err := tx.Bucket([]byte(recordsBucket)).ForEach(func(k, v []byte) error {
		r, _, err := decode(string(k), v, envs)
		records = append(records, r)
		return err
	})
	return sorted(records), err
}

func sorted(records []task.Record) []task.Record {
	slices.SortFunc(records, func(a, b task.Record) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return records
}

// Close saves what was given to save, and closes the file. Saves after it fail
// with [ErrClosed]; another Close answers as the first.
func (s *Store) Close() error {
	s.end(false)
	return s.closeErr
}

// HandOver is Close, but for the file: it stays locked, for a program that is executed in
// the place of this one, and has [Inherit] of it. Whoever waits for the lock would
// have it in between.
func (s *Store) HandOver() *os.File {
	s.end(true)
	return s.file
}

// end ends the committer, which leaves the file open if it is kept.
func (s *Store) end(kept bool) {
	s.mu.Lock()
	if !s.closed {
		s.closed, s.kept = true, kept
		close(s.wake)
	}
	s.mu.Unlock()
	<-s.done
}
