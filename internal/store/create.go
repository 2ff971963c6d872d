package store

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"tasks/internal/failpoint"
)

// create makes an empty database.
func create(path string) (*Store, error) {
	c := empty()
	c.id = newID()
	f, db, err := build(path, c)
	if err == nil {
		err = publish(db, path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot create database %s: %w", path, err)
	}
	return start(path, f, db, c), nil
}

// repair replaces the damaged file at path by a database with what could be read
// of it. The damaged file has its new name before path changes: no crash in
// between can lose it. The new one has an id of its own: runs that it does not
// know and that have the old one may be what was forgotten.
func repair(path string, c *contents) (*Store, string, error) {
	c.id = newID()
	f, db, err := build(path, c)
	if err != nil {
		return nil, "", fmt.Errorf("cannot replace damaged database %s: %w", path, err)
	}
	failpoint.At("copied")
	aside, err := setAside(path, "damaged")
	if err != nil {
		discard(db, path)
		return nil, "", fmt.Errorf("cannot set damaged database aside: %w", err)
	}
	failpoint.At("aside")
	if err := publish(db, path); err != nil {
		return nil, "", fmt.Errorf("cannot replace damaged database, now %s: %w", aside, err)
	}
	left := "nothing of it could be read"
	if n := len(c.records); n > 0 {
		left = fmt.Sprintf("%d of its tasks could be read and stay", n)
	}
	return start(path, f, db, c), fmt.Sprintf("the database %s is damaged (%s): it was set aside as %s; %s",
		path, c.damage, aside, left), nil
}

// next is where the new database at path is built, so that path itself is always whole.
func next(path string) string { return path + ".new" }

// build makes a database with c at next(path).
func build(path string, c *contents) (*os.File, *bbolt.DB, error) {
	f, err := createNext(path)
	if err != nil {
		return nil, nil, err
	}
	db, err := attach(f)
	if err != nil {
		os.Remove(next(path))
		return nil, nil, err
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return fill(tx, c) }); err != nil {
		discard(db, path)
		return nil, nil, err
	}
	return f, db, nil
}

func discard(db *bbolt.DB, path string) {
	db.Close()
	os.Remove(next(path))
}

func fill(tx *bbolt.Tx, c *contents) error {
	for _, name := range []string{metaBucket, envsBucket, recordsBucket} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := migrate(tx); err != nil {
		return err
	}
	c.format, c.minReader = max(c.format, Format), max(c.minReader, minReader) // unknown parts of a later version stay
	if err := putFormat(tx, c.format, c.minReader); err != nil {
		return err
	}
	if err := tx.Bucket([]byte(metaBucket)).Put([]byte(idKey), seal([]byte(c.id))); err != nil {
		return err
	}
	if err := putCommits(tx, c.commits); err != nil {
		return err
	}
	for _, r := range c.records {
		ch, err := put(r)
		if err == nil {
			err = ch.apply(tx)
		}
		if err != nil {
			return err
		}
	}
	for _, g := range c.groups {
		ch, err := putGroup(g)
		if err == nil {
			err = ch.apply(tx)
		}
		if err != nil {
			return err
		}
	}
	for _, change := range c.changes {
		ch, err := putChange(change)
		if err == nil {
			err = ch.apply(tx)
		}
		if err != nil {
			return err
		}
	}
	if err := (&removedChange{put: c.removed}).write(tx); err != nil {
		return err
	}
	for name, values := range c.unknown {
		bucket, err := tx.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return err
		}
		for key, value := range values {
			if err := bucket.Put([]byte(key), value); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish gives the database at next(path) its name, durably. It closes db
// where it fails.
func publish(db *bbolt.DB, path string) error {
	err := os.Rename(next(path), path)
	if err != nil {
		discard(db, path)
		return err
	}
	failpoint.At("published")
	if err := syncDir(path); err != nil {
		db.Close()
		return err
	}
	return nil
}

// setAside gives the file at path a second name that nothing has, and where
// the file system knows no links, that one alone.
func setAside(path, why string) (string, error) {
	base := path + "." + why + "-" + time.Now().Format("20060102-150405")
	for i, name := 2, base; ; i, name = i+1, base+"-"+strconv.Itoa(i) {
		err := os.Link(path, name)
		if err == nil {
			return name, nil
		}
		if _, statErr := os.Lstat(name); statErr == nil {
			continue
		}
		return name, os.Rename(path, name)
	}
}
