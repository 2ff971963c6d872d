package store

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"

	"tasks/internal/failpoint"
	"tasks/pkg/task"
)

// A change is something to put, or a name to delete, and who waits for it.
type change struct {
	bucket string
	name   string
	value  []byte        // nil: delete
	envs   []environment // that the value names

	removed task.Removed // of the task of a deleted record; zero: not to be noted

	rewrite *string // no change but Rewrite: has its notice
	done    chan<- error
}

// Save puts r in place of the record of its name, and returns when that is
// durable. Saves that come at the same time share one commit, and its error,
// which says by [errors.Is] what the system answered, such as ENOSPC; a later
// Save may succeed again. Where several of one name wait, the last one stays.
func (s *Store) Save(r task.Record) error {
	if err := task.CheckName(r.Spec.Name); err != nil {
		return fmt.Errorf("cannot save record: %w", err)
	}
	c, err := put(r)
	if err == nil {
		err = s.submit(c)
	}
	if err != nil {
		return fmt.Errorf("cannot save task %s: %w", r.Spec.Name, err)
	}
	return nil
}

// put is the change that saves r.
func put(r task.Record) (change, error) {
	c := change{bucket: recordsBucket, name: r.Spec.Name}
	var key []byte
	if r.Spec.Env.Given() {
		env := newEnvironment(r.Spec.Env)
		key, c.envs = env.key, []environment{env}
	}
	var err error
	c.value, err = encode(r, key)
	return c, err
}

// Delete forgets the record of name, as durably as Save; it succeeds if there is none.
// Unless removed is zero, it is noted.
func (s *Store) Delete(name string, removed task.Removed) error {
	if task.CheckName(name) != nil { // no task can have had it
		removed = task.Removed{}
	}
	if err := s.submit(change{bucket: recordsBucket, name: name, removed: removed}); err != nil {
		return fmt.Errorf("cannot forget task %s: %w", name, err)
	}
	return nil
}

// SaveGroup puts what is set of g in place of what was, as durably as Save.
func (s *Store) SaveGroup(g task.Group) error {
	if err := task.CheckName(g.Name); err != nil { // it would fail all that share the commit
		return fmt.Errorf("cannot save group: %w", err)
	}
	c, err := putGroup(g)
	if err == nil {
		err = s.submit(c)
	}
	if err != nil {
		return fmt.Errorf("cannot save group %s: %w", g.Name, err)
	}
	return nil
}

// putGroup is the change that saves g.
func putGroup(g task.Group) (change, error) {
	value, err := encodeGroup(g)
	return change{bucket: groupsBucket, name: g.Name, value: value}, err
}

// DeleteGroup forgets what was set of the group called name, as durably as Save.
func (s *Store) DeleteGroup(name string) error {
	if err := s.submit(change{bucket: groupsBucket, name: name}); err != nil {
		return fmt.Errorf("cannot forget group %s: %w", name, err)
	}
	return nil
}

// submit hands c over to the committer and waits for its answer.
func (s *Store) submit(c change) error {
	done := make(chan error, 1)
	c.done = done
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.loaded = nil
	s.queue = append(s.queue, c)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	s.mu.Unlock()
	return <-done
}

// run is the committer. What comes while it commits waits for the next commit:
// no delay is needed to gather a batch, and a lone change waits for nobody.
func (s *Store) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for batch := range batches(queue) {
			err := s.commit(batch)
			failpoint.At("committed")
			for _, c := range batch {
				c.done <- err
			}
		}
	}
	s.count.Close() // of none it is an error, and nothing else
	s.mu.Lock()
	broken, kept := s.broken, s.kept
	s.mu.Unlock()
	switch {
	case kept:
	case broken != nil: // a lock inside may be held for ever
		s.closeErr = fmt.Errorf("cannot close database: %w", broken)
	default:
		if err := s.db.Close(); err != nil {
			s.closeErr = fmt.Errorf("cannot close database: %w", err)
		}
	}
}

// batches yields the changes of each commit: a rewrite is by itself.
func batches(queue []change) iter.Seq[[]change] {
	return func(yield func([]change) bool) {
		for len(queue) > 0 {
			n := slices.IndexFunc(queue, func(c change) bool { return c.rewrite != nil })
			switch n {
			case -1:
				n = len(queue)
			case 0:
				n = 1
			}
			if !yield(queue[:n]) {
				return
			}
			queue = queue[n:]
		}
	}
}

// commit applies batch in its order, in one transaction, which also migrates what
// is still of an earlier format. It is refused where it would be lost: what is
// answered is in the file that is found.
func (s *Store) commit(batch []change) error {
	if len(batch) == 1 && batch[0].rewrite != nil {
		return s.guard(func() error { return s.rewrite(batch[0].rewrite) })
	}
	if err := s.InPlace(); err != nil {
		return err
	}
	removed, number := removedBy(s.removed, batch), s.nextCommit()
	err := s.guard(func() error {
		if s.old {
			if err := s.keepBefore(); err != nil {
				return err
			}
		}
		return s.db.Update(func(tx *bbolt.Tx) error {
			if s.old {
				if err := migrate(tx); err != nil {
					return err
				}
			}
			if err := removed.write(tx); err != nil {
				return err
			}
			if err := putCommits(tx, number); err != nil {
				return err
			}
			return apply(tx, batch)
		})
	})
	if err != nil {
		return err
	}
	s.old = false
	s.mu.Lock()
	removed.apply(s.removed)
	s.commits = number
	s.mu.Unlock()
	if err := s.InPlace(); err != nil { // it may have gone meanwhile
		return err
	}
	return s.writeCount(number)
}

func apply(tx *bbolt.Tx, batch []change) error {
	for _, c := range batch {
		if err := c.apply(tx); err != nil {
			return err
		}
	}
	failpoint.At("committing")
	return nil
}

func (c *change) apply(tx *bbolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(c.bucket)) // a program of before had fewer
	if err != nil {
		return err
	}
	if c.value == nil {
		return bucket.Delete([]byte(c.name))
	}
	envs := tx.Bucket([]byte(envsBucket))
	for _, env := range c.envs {
		if envs.Get(env.key) != nil {
			continue
		}
		if err := envs.Put(env.key, []byte(env.block)); err != nil {
			return err
		}
	}
	return bucket.Put([]byte(c.name), c.value)
}

// guard calls f, which uses the database. bbolt panics on pages that make no
// sense, and where the file shrank or its disk fails reading the mapped file
// raises SIGBUS: an error to the callers, while the tasks run on.
func (s *Store) guard(f func() error) (err error) {
	s.mu.Lock()
	err = s.broken
	s.mu.Unlock()
	if err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the database %s was damaged while it was in use: %v", s.path, r)
			s.mu.Lock()
			s.broken = err
			s.mu.Unlock()
		}
	}()
	return asErrno(s.named(f()))
}

// named gives an error of the file the name that it has now.
func (s *Store) named(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == next(s.path) {
		path.Path = s.path
	}
	return err
}

// asErrno gives an error of bbolt its errno: some errors are only text.
func asErrno(err error) error {
	for _, errno := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if err != nil && !errors.Is(err, errno) && strings.HasSuffix(err.Error(), ": "+errno.Error()) {
			return fmt.Errorf("%s%w", strings.TrimSuffix(err.Error(), errno.Error()), errno)
		}
	}
	return err
}
