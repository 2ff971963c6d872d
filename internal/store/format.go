package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"go.etcd.io/bbolt"

	"tasks/internal/safeopen"
)

// Format is the version of what the buckets hold. 2 has groups and tasks that
// wait, 3 the names of removed tasks and min_reader: the oldest version whose
// programs may read and write the file. A later version that only adds fields
// or buckets keeps min_reader, since programs keep what they do not know. A
// bucket that is added has no buckets in it.
//
// A file of an earlier version is migrated as it is opened, or else with the
// first change; it is kept beside, see [Before].
const Format = 3

// minReader is the min_reader of what this program writes.
const minReader = 3

// Before is where the database path is kept as it was before it was migrated to
// format 3.
func Before(path string) string { return path + ".v2" }

// MinReader is the oldest format whose programs can use this database.
func (s *Store) MinReader() int { return s.minReader }

// migrate makes a database of an earlier format one of this.
func migrate(tx *bbolt.Tx) error {
	for _, name := range []string{groupsBucket, removedBucket} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return putFormat(tx, Format, minReader)
}

func putFormat(tx *bbolt.Tx, format, minReader int) error {
	meta := tx.Bucket([]byte(metaBucket))
	return errors.Join(
		meta.Put([]byte(formatKey), seal([]byte(strconv.Itoa(format)))),
		meta.Put([]byte(minReaderKey), seal([]byte(strconv.Itoa(minReader)))),
	)
}

// keepBefore copies the database, in which nothing has changed yet, to
// Before(path). That name is only ever had by a whole copy.
func (s *Store) keepBefore() error {
	if err := copyDurably(s.file, Before(s.path)); err != nil {
		return fmt.Errorf("cannot keep a copy of the database of an earlier version: %w", err)
	}
	return nil
}

func copyDurably(from *os.File, path string) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := createNext(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(from, 0, info.Size()))
	err = errors.Join(err, to.Sync(), to.Close())
	if err == nil {
		err = os.Rename(next(path), path)
	}
	if err != nil {
		os.Remove(next(path))
		return err
	}
	return syncDir(path)
}

// createNext makes the file next(path), empty, for its owner alone.
func createNext(path string) (*os.File, error) {
	if err := os.Remove(next(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return safeopen.OpenPrivate(next(path), os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// syncDir makes the names in the directory of path durable.
func syncDir(path string) error {
	dir, err := safeopen.Dir(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
