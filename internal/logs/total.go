package logs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"tasks/internal/safeopen"
)

// A found log is one that is on disk.
type found struct {
	key
	path string
	data int64 // in bytes
	last time.Time
}

// bound has all logs brought below their total, beside the loop: to go through a
// hundred thousand of them takes a while. The caller holds the mutex.
func (k *Keeper) bound() {
	k.sumMore = k.summing
	if k.limits.Total <= 0 || !k.ready || k.summing || k.sumDue || k.closed || k.lost() != nil {
		return
	}
	began := time.Now()
	if wait := k.sumNext.Sub(began); wait > 0 {
		k.sumDue = true
		time.AfterFunc(wait, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.sumDue = false
			k.bound()
		})
		return
	}
	k.summing = true
	k.over.Go(func() {
		live := k.live()
		all, err := k.listLogs()
		deleted := k.deleteOldest(all, live)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.summing = false
		if err != nil && !k.closed {
			k.warnOnce("cannot look at all logs: their total may be exceeded", err)
		}
		// Perhaps nothing more can be discarded.
		k.sumNext = time.Now().Add(max(time.Second, 20*time.Since(began)))
		k.sum = 0
		for _, f := range all {
			if k.logs[f.key] == nil {
				k.sum += f.data
			}
		}
		for _, l := range k.logs {
			k.sum += l.data
		}
		if deleted > 0 {
			k.log.Info("deleted the oldest logs of ended runs: all together were above their total", "logs", deleted, "total", k.limits.Total.String())
		}
		if k.sum > int64(k.limits.Total) && !k.closed {
			k.squeeze()
			if k.sumMore {
				k.bound()
			}
		}
	})
}

// live is what runs may write to at this moment.
func (k *Keeper) live() map[key]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	live := make(map[key]bool, len(k.logs))
	for key := range k.logs {
		live[key] = true
	}
	return live
}

// listLogs lists all logs; other files are left out. The error is the first of what cannot
// be read.
func (k *Keeper) listLogs() (all []found, err error) {
	note := func(e error) {
		if err == nil && !errors.Is(e, fs.ErrNotExist) { // deleted meanwhile
			err = e
		}
	}
	names, e := k.dir.Names()
	note(e)
	for _, name := range names {
		info, e := os.Lstat(string(k.dir) + "/" + name)
		if note(e); e != nil || !info.IsDir() { // a link: not ours to delete from
			continue
		}
		runs, e := k.dir.Runs(name)
		note(e)
		for _, run := range runs {
			f := found{key: key{name, run}, path: k.dir.path(name, run)}
			info, e := statLog(f.path)
			if note(e); e == nil && k.counts(f.key, info) {
				f.data, f.last = info.disk, info.last
				all = append(all, f)
			}
		}
	}
	return all, err
}

// lowered is the size to trim to once the total was exceeded: an eighth below it, so that
// it is not soon exceeded again.
func (k *Keeper) lowered() int64 { return int64(k.limits.Total) / 8 * 7 }

// deleteOldest deletes the logs of ended runs, those first that were written to
// the longest time ago, until all are below their total.
func (k *Keeper) deleteOldest(all []found, live map[key]bool) (deleted int) {
	sum := int64(0)
	for _, f := range all {
		sum += f.data
	}
	if sum <= int64(k.limits.Total) {
		return 0
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.last.Compare(b.last), cmp.Compare(a.run, b.run)) })
	for i := range all {
		f := &all[i]
		if sum <= k.lowered() {
			break
		}
		if live[f.key] || f.data == 0 || k.has(f.key) || written(f.path) {
			continue
		}
		err := safeopen.Unlink(f.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.log.Warn("cannot delete an old log", "err", err)
			continue
		}
		sum -= f.data
		f.data = 0
		deleted++
	}
	return deleted
}

// has reports whether a run may write to the log.
func (k *Keeper) has(key key) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.logs[key] != nil
}

// squeeze trims the largest of the open logs to one size, so that all are below their
// total. The caller holds the mutex.
func (k *Keeper) squeeze() {
	logs := make([]*kept, 0, len(k.logs))
	for _, l := range k.logs {
		logs = append(logs, l)
	}
	slices.SortFunc(logs, func(a, b *kept) int { return cmp.Compare(b.data, a.data) })
	// Each of the n largest gets level; the others are below that.
	over, above, level := k.sum-k.lowered(), int64(0), int64(0)
	n := 0
	for n < len(logs) {
		above += logs[n].data
		n++
		level = max(0, (above-over)/int64(n))
		if n == len(logs) || logs[n].data <= level {
			break
		}
	}
	for _, l := range logs[:n] {
		l.squeeze = max(level, 1)
		k.schedule(l, time.Now())
	}
	k.warnOnce("the logs of runs alone are above the total of all: freeing the heads of the largest", nil)
}
