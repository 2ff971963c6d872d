package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"go.etcd.io/bbolt"

	"tasks/internal/safeopen"
)

// The database counts its commits, and a run's processes carry the number that was
// durable when they were forked: no process has a higher one than the database, unless
// that is an older file of it that was put back. bbolt's own number is of no use: in
// a copy it starts again. The number is written beside the database too, where an older
// file that is put back leaves it: a run may begin before the commit after a backup.

// countPath is where the number of commits of the database path is noted.
func countPath(path string) string { return path + ".count" }

// Commits is how many commits the database has had; 0 where none were counted.
func (s *Store) Commits() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Older reports whether the file has fewer commits than there were of this database:
// it was put back in place of a newer one.
func (s *Store) Older() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits < s.latest
}

// Renew makes an older file the one that counts: it continues after the number of the
// newer.
func (s *Store) Renew() error {
	if err := s.submit(change{bucket: recordsBucket}); err != nil { // no record has this name
		return fmt.Errorf("cannot continue with an older database: %w", err)
	}
	return nil
}

// nextCommit is the number of the next commit.
func (s *Store) nextCommit() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.commits, s.latest) + 1
}

func putCommits(tx *bbolt.Tx, n uint64) error {
	return tx.Bucket([]byte(metaBucket)).Put([]byte(commitsKey), seal(strconv.AppendUint(nil, n, 10)))
}

// maxCommits is more than a database can have had: 10,000 years at a million per second.
const maxCommits = 1 << 58

// The line has one length, so that it can be written over.
const countLine = "%s %020d\n"

// readCount is the number that is noted of the database with the id; 0 where none is.
// One that cannot be read is an error: the database could be an older one.
func readCount(path, id string) (uint64, error) {
	f, err := safeopen.OpenPrivate(countPath(path), os.O_RDONLY)
	if err = safeopen.Dangling(countPath(path), err); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var b [64]byte
	n := 0
	if err == nil {
		defer f.Close()
		n, err = f.ReadAt(b[:], 0)
	}
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("cannot tell whether an older database was put back: %w: remove that file if none was", err)
	}
	var of string
	var count uint64
	if _, err := fmt.Sscanf(string(b[:n]), countLine, &of, &count); err != nil || of != id || count > maxCommits {
		return 0, nil
	}
	return count, nil
}

// writeCount notes the number of a commit that is durable. Without it nobody is answered:
// nothing would distinguish an older file from this one. The file stays open, so that it
// costs no descriptor that there may not be. It is not synced: no process that it tells of
// outlives the machine.
func (s *Store) writeCount(n uint64) error {
	path := countPath(s.path)
	if s.count == nil || safeopen.InPlace(s.count, path, path) != nil {
		f, err := safeopen.OpenOwn(path, os.O_WRONLY|os.O_CREATE)
		if err != nil {
			return fmt.Errorf("cannot note the change beside the database: %w", err)
		}
		s.count.Close() // of none it is an error, and nothing else
		s.count = f
	}
	if _, err := s.count.WriteAt(fmt.Appendf(nil, countLine, s.id, n), 0); err != nil {
		return fmt.Errorf("cannot note the change beside the database: %w", err)
	}
	return nil
}
