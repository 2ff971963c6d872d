package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// maxRemoved is how many names of removed tasks are kept: the last ones, of jobs only
// where others leave room.
const maxRemoved = 1000

// Removed is when the task called name was removed. It is zero if there was none, if
// its removal is not noted, and after very many other removals.
func (s *Store) Removed(name string) task.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removed[name].At
}

// removedAfter is the removed names once batch is applied to now.
func removedAfter(now map[string]task.Removed, batch []change) map[string]task.Removed {
	after, changed := now, false
	for _, c := range batch {
		_, there := after[c.name]
		switch note := c.value == nil && c.removed != (task.Removed{}); {
		case c.bucket != recordsBucket, !note && (c.value == nil || !there):
			continue
		case !changed:
			after, changed = maps.Clone(now), true
		}
		if c.value == nil {
			after[c.name] = c.removed
		} else {
			delete(after, c.name)
		}
	}
	if len(after) > maxRemoved {
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
		for _, name := range expendable[:len(after)-maxRemoved] {
			delete(after, name)
		}
	}
	return after
}

// putRemoved makes after what tx has of removed names, where it has before.
func putRemoved(tx *bbolt.Tx, before, after map[string]task.Removed) error {
	bucket := tx.Bucket([]byte(removedBucket))
	for name := range before {
		if _, ok := after[name]; !ok {
			if err := bucket.Delete([]byte(name)); err != nil {
				return err
			}
		}
	}
	for name, removed := range after {
		if was, ok := before[name]; ok && was == removed {
			continue
		}
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
