package logs

import (
	"container/heap"
	"errors"
	"io/fs"
	"time"
)

// When a log is looked at.
const (
	soon      = 10 * time.Millisecond  // after the last look, at the least, and after the first write
	late      = 100 * time.Millisecond // after the last look, at the most
	blind     = time.Second            // after a look, if no write would be reported
	active    = time.Second            // a log that was written to in this time is not quiet
	mostTries = 60                     // looks, with blind between, for the process of a log that is gone
	fewData   = 64 << 10               // in bytes: below, a log is not looked at before another write
)

// errNoHoles is what cannot be had of a file system.
var errNoHoles = errors.New("the file system has no holes")

// loop looks at logs that are due, and sleeps while none is.
func (k *Keeper) loop() {
	buf := make([]byte, 16<<10)
	for {
		k.mu.Lock()
		if !k.closed {
			if len(k.due) > 0 {
				k.notes.wake(k.due[0].due)
			} else {
				k.notes.wake(time.Time{})
			}
		}
		k.mu.Unlock()
		written, all, err := k.notes.wait(buf)
		if err != nil {
			return
		}
		k.written(written, all)
		k.lookDue()
	}
}

// written takes the watches that have ended, each with the first write to its
// log; all of them where that is not known.
func (k *Keeper) written(watches []int32, all bool) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, watch := range watches {
		l := k.watched[watch]
		if l == nil {
			continue
		}
		delete(k.watched, watch)
		l.watch = 0
		wait := soon
		if now.Sub(l.seen) < active {
			wait = late
		}
		l.seen = now
		k.schedule(l, now.Add(wait))
	}
	if all {
		for _, l := range k.logs {
			k.schedule(l, now)
		}
	}
}

// lookDue looks at the logs that are due by now.
func (k *Keeper) lookDue() {
	by := time.Now().Add(time.Millisecond) // the ones due together in one look
	for {
		k.mu.Lock()
		if len(k.due) == 0 || k.due[0].due.After(by) || k.closed {
			k.mu.Unlock()
			return
		}
		l := heap.Pop(&k.due).(*kept)
		most, squeeze, last := l.max, l.squeeze, l.ended
		lost := k.lost() != nil
		switch {
		case !lost:
			l.squeeze = 0
		case last:
			k.drop(l)
		default: // until it is there again
			k.schedule(l, time.Now().Add(blind))
		}
		k.mu.Unlock()
		if !lost {
			k.trim(l, most, squeeze, last)
		}
	}
}

// trim discards the oldest output of a log that takes up more than most, or squeeze, and
// says when to look again; after the last look, begun once the run was over, never.
func (k *Keeper) trim(l *kept, most, squeeze int64, last bool) {
	k.looks.Add(1)
	now := time.Now()
	info, err := statLog(l.path)
	data, grown, elapsed := l.data, info.size-l.size, now.Sub(l.seen)
	if err == nil && !k.rememberFile(l, info) {
		err = errOther
	}
	if errors.Is(err, errOther) {
		k.noteOther(l)
	}
	var f *opened // the log, where it is not at its path
	if astray(err) && !last {
		if f = k.reach(l, err); f != nil {
			defer f.Close()
			info, err = f.info, nil
			if grown = info.size - l.size; grown != 0 {
				l.grew = now
			}
		}
	}
	if err == nil {
		if info.size < max(l.freed, l.size) {
			l.freed, grown = 0, fewData
			k.noteEmptied(l, f, now)
		}
		data = min(info.disk, info.size-l.freed) // a file system may reserve some more, or pack it
		keep := data
		if most > 0 && data > most {
			keep = most / 4 * 3 // so that it is not soon to be done again
		}
		if squeeze > 0 {
			keep = min(keep, squeeze)
		}
		if keep < data {
			data, err = k.free(l, f, info, data, keep)
		}
		l.size, l.seen = info.size, now
	}
	if errors.Is(err, errOther) {
		data = 0
		k.noteOther(l)
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	k.sum += data - l.data
	l.data = data
	if k.limits.Total > 0 && k.sum > int64(k.limits.Total) {
		k.bound()
	}
	switch {
	case k.logs[l.key] != l: // removed meanwhile
	case errors.Is(err, fs.ErrNotExist) && !last && 0 < l.tries && l.tries < mostTries:
		k.schedule(l, now.Add(blind)) // it is yet to begin, or to be taken back
	case errors.Is(err, fs.ErrNotExist):
		k.sum -= l.data
		k.drop(l)
	case last:
		k.drop(l)
	case errors.Is(err, errOther):
		k.schedule(l, now.Add(blind)) // the other may come back
	case f != nil && err == nil && grown < fewData: // no write to it is reported
		if now.Sub(l.grew) < active {
			k.schedule(l, now.Add(late))
		} else {
			k.schedule(l, now.Add(blind))
		}
	case err != nil:
		k.warnOnce("cannot bound a log", err)
		k.schedule(l, now.Add(blind))
	case grown >= fewData && l.max > 0:
		k.schedule(l, now.Add(untilFull(most-data, grown, elapsed)))
	case grown >= fewData && k.limits.Total > 0:
		k.schedule(l, now.Add(late))
	default:
		k.await(l)
		// Nobody reports what was written before the watch was there.
		if again, err := statLog(l.path); err == nil && again.size != l.size {
			k.schedule(l, now.Add(late))
		}
	}
}

// noteEmptied says, once, that a log is shorter than it was.
func (k *Keeper) noteEmptied(l *kept, f *opened, now time.Time) {
	if l.emptied {
		return
	}
	l.emptied = true
	if f == nil {
		markEmptied(l.path, now)
	}
	k.log.Warn("a log was emptied or replaced while its run wrote to it", "task", l.name, "run", l.run)
	k.tellOf(l, false)
}

// untilFull is how long a log that has grown so much in the time elapsed needs
// for what room it has, within bounds.
func untilFull(room, grown int64, elapsed time.Duration) time.Duration {
	d := float64(room) / float64(grown) * float64(elapsed)
	return time.Duration(min(max(d, float64(soon)), float64(late)))
}

// free frees the head of a log but for its last keep bytes, in whole blocks, and
// returns what the log then takes up.
func (k *Keeper) free(l *kept, f *opened, info logInfo, data, keep int64) (int64, error) {
	end := (info.size - keep) / info.block * info.block
	if end <= l.freed {
		return data, nil
	}
	var err error
	if f != nil {
		err = free(f.File, end)
	} else {
		err = k.punch(l.path, info.id, end)
	}
	if errors.Is(err, errNoHoles) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.warnOnce("logs are bounded by the number of runs alone: their oldest output cannot be discarded", err)
		l.max = 0
		return data, nil
	}
	if err != nil {
		return data, err
	}
	l.freed = end
	return info.size - end, nil
}
