package store

import (
	"errors"
	"fmt"
	"os"

	"tasks/internal/safeopen"
)

// Require has every change refused while owned reports an error, before it is
// made or after. Call it before the first change.
func (s *Store) Require(owned func() error) { s.owned = owned }

// InPlace reports why changes are refused: what is written would not be found, or
// would be in the way of others.
func (s *Store) InPlace() error {
	if s.owned != nil {
		if err := s.owned(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	file := s.file
	s.mu.Unlock()
	return safeopen.InPlace(file, s.path, "the database "+s.path)
}

// Rewrite writes the database to its path again where it was removed or replaced.
// The file that has its place is set aside, and notice says so in a sentence for
// people; else it is "".
func (s *Store) Rewrite() (notice string, err error) {
	if err := s.submit(change{rewrite: &notice}); err != nil {
		return "", fmt.Errorf("cannot write the database again: %w", err)
	}
	return notice, nil
}

// rewrite is Rewrite, in the committer.
func (s *Store) rewrite(notice *string) error {
	if s.owned != nil {
		if err := s.owned(); err != nil {
			return err
		}
	}
	if safeopen.InPlace(s.file, s.path, s.path) == nil {
		return nil
	}
	if _, err := os.Lstat(s.path); err == nil {
		aside, err := setAside(s.path, "replaced")
		if err != nil {
			return fmt.Errorf("cannot set the file that is there aside: %w", err)
		}
		*notice = fmt.Sprintf("the database %s had been replaced: that file was set aside as %s, and the database was written again", s.path, aside)
	}
	c, err := readFile(s.file)
	if err == nil {
		err = c.damage
	}
	if err != nil {
		return err
	}
	return s.compact(c)
}

// compact replaces the database, whose contents are c, by a copy, and continues with that.
// Nothing is in it but what is in use: of what was deleted, bbolt's free pages have all
// bytes, and environments may be secret.
func (s *Store) compact(c *contents) error {
	if s.old {
		if err := s.keepBefore(); err != nil {
			return err
		}
	}
	f, db, err := build(s.path, c)
	if err != nil {
		return err
	}
	if err := os.Rename(next(s.path), s.path); err != nil {
		discard(db, s.path)
		return err
	}
	s.mu.Lock()
	before := s.db
	s.file, s.db = f, db
	s.mu.Unlock()
	s.old = false
	return errors.Join(syncDir(s.path), before.Close())
}
