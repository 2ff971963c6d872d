package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// maxRemoved is how many names of removed tasks are kept at the least: the last ones, of
// jobs only where others leave room.
const maxRemoved = 1000

// moreRemoved is how many more there may be: the oldest are not looked for at each commit.
const moreRemoved = 250

// Removed is when the task called name was removed. It is zero if there was none, if
// its removal is not noted, and after very many other removals.
func (s *Store) Removed(name string) task.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removed[name].At
}

// removedChange is what a commit changes of the removed names.
type removedChange struct {
	put    map[string]task.Removed
	delete map[string]bool
}

// removedBy is what batch changes of now.
func removedBy(now map[string]task.Removed, batch []change) removedChange {
	c := removedChange{put: make(map[string]task.Removed), delete: make(map[string]bool)}
	for i := range batch {
		switch name := batch[i].name; {
		case batch[i].bucket != recordsBucket:
		case batch[i].value != nil:
			delete(c.put, name)
			if _, there := now[name]; there {
				c.delete[name] = true
			}
		case batch[i].removed != (task.Removed{}):
			c.put[name] = batch[i].removed
			delete(c.delete, name)
		}
	}
	if len(now)+len(c.put) > maxRemoved+moreRemoved {
		c.trim(now)
	}
	return c
}

// trim deletes what is beyond maxRemoved.
func (c *removedChange) trim(now map[string]task.Removed) {
	after := maps.Clone(now)
	c.apply(after)
	expendable := slices.SortedFunc(maps.Keys(after), func(a, b string) int {
		one, other := after[a], after[b]
		switch {
		case one.Job && !other.Job:
			return -1
		case other.Job && !one.Job:
			return 1
		}
		return cmp.Or(one.At.Compare(other.At.Time), strings.Compare(a, b))
	})
	for _, name := range expendable[:max(0, len(after)-maxRemoved)] {
		delete(c.put, name)
		c.delete[name] = true
	}
}

// apply makes the change in names.
func (c *removedChange) apply(names map[string]task.Removed) {
	for name := range c.delete {
		delete(names, name)
	}
	maps.Copy(names, c.put)
}

// write makes the change in tx.
func (c *removedChange) write(tx *bbolt.Tx) error {
	bucket := tx.Bucket([]byte(removedBucket))
	for name := range c.delete {
		if err := bucket.Delete([]byte(name)); err != nil {
			return err
		}
	}
	for name, removed := range c.put {
		value, err := encodeRemoved(removed)
		if err == nil {
			err = bucket.Put([]byte(name), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
