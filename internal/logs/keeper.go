package logs

import (
	"container/heap"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/room"
	"tasks/pkg/task"
)

// The limits of a supervisor that is given no others.
const (
	DefaultMaxSize task.Size = 64 << 20
	DefaultKeep              = 10
	DefaultTotal   task.Size = 2 << 30
)

// Limits bound logs.
type Limits struct {
	MaxSize task.Size // what the log of a run may take up on disk, in bytes; 0: no limit
	Keep    int       // how many runs of a task keep their logs; 0: all
	Total   task.Size // what all logs may take up on disk, in bytes; 0: no limit
}

// A Keeper is a Dir that keeps logs within limits, while runs write to them: the oldest
// output of a log that has become too large is discarded, which leaves a hole.
//
// A log that nobody writes to costs nothing but an inotify watch that ends with
// the first write to it. From then on the log is looked at, at least every 100 ms,
// until it is quiet. One goroutine does that for all.
type Keeper struct {
	dir     Dir
	limits  Limits
	log     *slog.Logger
	punch   func(path string, id fileID, end int64) error // frees what the file holds before end
	hear    func(name string, run int, gone bool)         // of logs that were emptied or removed; nil: nobody does
	process func(name string, run int) int                // see Processes; nil: none is known
	owned   func() error                                  // whether dir is this process's; nil: it always is
	notes   *notes
	turns   chan struct{} // a thousand starts or removals at once must not take a thread each
	over    sync.WaitGroup
	looks   atomic.Int64 // at logs, so far

	mu      sync.Mutex
	logs    map[key]*kept
	watched map[int32]*kept // by the number of the watch
	due     queue           // those to be looked at again
	left    int             // runs that are over, but for what they left behind
	sum     int64           // what all logs take up; rather too much
	ready   bool            // all runs that write are known
	summing bool
	sumMore bool      // something has grown since
	sumNext time.Time // the earliest time of the next sum
	sumDue  bool      // it will be, then
	closed  bool
	told    map[string]bool // what was said once and need not be again
}

type key struct {
	name string
	run  int
}

// kept is the log of a run that may yet write to it.
type kept struct {
	key
	path    string
	id      fileID    // of the file that the run was given; zero: not known
	max     int64     // what it may take up; 0: no limit
	squeeze int64     // its size after the next look; 0: as it is
	leaves  bool      // what the run leaves behind may write on
	emptied bool      // and that was said
	gone    bool      // and that was said
	ended   bool      // the next look is the last
	watch   int32     // 0: none
	due     time.Time // of the next look
	pos     int       // in the queue; below 0: not in it
	data    int64     // what it takes up, as of the last look

	// The loop's own.
	size  int64     // as of the last look, with the hole
	freed int64     // where the hole ends
	grew  time.Time // when it was seen to have, of one that is not at its path
	tries int       // to find the process of one that is not at its path
	seen  time.Time
}

// NewKeeper makes a Keeper of the logs in dir, which must be closed. It logs to log
// what it deletes to save space, and what fails. The total is kept from Ready on. It calls hear, unless that is nil, when it notices that a log was
// emptied or replaced, or is gone, while its run wrote to it: once per run, in a
// goroutine of its own. While owned, unless that is nil, reports an error, dir is not touched:
// what is there may be another's.
func NewKeeper(dir Dir, limits Limits, log *slog.Logger, hear func(name string, run int, gone bool), owned func() error) *Keeper {
	k := &Keeper{
		dir: dir, limits: limits, log: log, punch: punch, hear: hear, owned: owned, notes: newNotes(), turns: make(chan struct{}, 4),
		logs: make(map[key]*kept), watched: make(map[int32]*kept), told: make(map[string]bool),
	}
	k.over.Go(k.loop)
	return k
}

// Ready says that all runs that were taken back are watched: from now on the logs of
// other runs may be deleted to save space.
func (k *Keeper) Ready() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ready = true
	k.bound()
}

// Close ends the Keeper. Logs stay as they are.
func (k *Keeper) Close() error {
	k.mu.Lock()
	k.closed = true
	err := k.notes.close()
	k.mu.Unlock()
	k.over.Wait()
	return err
}

// Path is [Dir.Path]; "" while the Dir must not be touched.
func (k *Keeper) Path(name string, run int) string {
	if k.lost() != nil {
		return ""
	}
	return k.dir.Path(name, run)
}

// Create is [Dir.Create], for a run to begin: call Watch and Done after it.
func (k *Keeper) Create(name string, run int) (*os.File, error) {
	if err := k.lost(); err != nil {
		return nil, fmt.Errorf("cannot create the log of run %d: %w", run, room.NotNow(err))
	}
	k.turns <- struct{}{}
	defer func() { <-k.turns }()
	if k.dir.Path(name, run) != "" {
		k.mu.Lock()
		if old := k.logs[key{name, run}]; old != nil { // of a task of this name that was removed
			k.drop(old)
		}
		k.add(name, run) // before the file is there: one that is not known may be deleted
		k.mu.Unlock()
	}
	f, err := k.dir.Create(name, run)
	if err != nil {
		k.Done(name, run)
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.logs[key{name, run}]; l != nil {
		l.id = idOf(f)
	}
	return f, nil
}

// Watch keeps the log of a run within the limits of its spec from now on, and
// deletes the logs of runs that are too old. To be called before the run begins
// to write, and for one that is taken back, which has written already.
func (k *Keeper) Watch(spec *task.Spec, run int) {
	if k.dir.Path(spec.Name, run) == "" {
		return
	}
	keep := k.limits.Keep
	if spec.LogKeep != nil {
		keep = *spec.LogKeep
	}
	k.prune(spec.Name, run, keep)
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := k.logs[key{spec.Name, run}] != nil
	l := k.add(spec.Name, run)
	l.leaves = spec.LeaveChildren
	if spec.LogMaxSize != nil {
		l.max = int64(*spec.LogMaxSize)
	}
	if fresh {
		k.await(l)
	} else {
		k.schedule(l, time.Now())
	}
}

func (k *Keeper) prune(name string, run, keep int) {
	if run <= keep || k.lost() != nil {
		return
	}
	k.turns <- struct{}{}
	defer func() { <-k.turns }()
	if err := k.dir.prune(name, run, keep, k.stays); err != nil {
		k.log.Warn("cannot bound the logs of a task", "task", name, "err", err)
	}
}

// Done forgets the log of a run that is over, after a last look; unless processes that the
// run was allowed to leave behind may still write.
func (k *Keeper) Done(name string, run int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.logs[key{name, run}]
	switch {
	case l == nil || k.closed:
	case l.leaves:
		k.left++
	default:
		l.ended = true
		k.schedule(l, time.Now())
	}
}

// Reserve is [Dir.Ahead] for the run after the given one, which keeps running.
func (k *Keeper) Reserve(name string, run int) error {
	if err := k.lost(); err != nil {
		return fmt.Errorf("cannot create the log of run %d: %w", run+1, err)
	}
	k.turns <- struct{}{}
	defer func() { <-k.turns }()
	return k.dir.Ahead(name, run+1)
}

// Release is [Dir.Release].
func (k *Keeper) Release(name string) {
	if k.lost() == nil {
		k.dir.Release(name)
	}
}

// Remove is [Dir.Remove], for a task that has ended.
func (k *Keeper) Remove(name string) error {
	if err := k.lost(); err != nil {
		return fmt.Errorf("cannot delete logs: %w", err)
	}
	k.mu.Lock()
	if k.left > 0 {
		for _, l := range k.logs {
			if l.name == name {
				k.drop(l)
			}
		}
	}
	k.mu.Unlock()
	k.turns <- struct{}{}
	defer func() { <-k.turns }()
	return k.dir.Remove(name)
}

// lost is why dir must not be touched.
func (k *Keeper) lost() error {
	if k.owned == nil {
		return nil
	}
	return k.owned()
}

// add makes the log of a run known. The caller holds the mutex, as for all that
// follows.
func (k *Keeper) add(name string, run int) *kept {
	l := k.logs[key{name, run}]
	if l == nil {
		path := k.dir.path(name, run)
		name := filepath.Base(filepath.Dir(path)) // a part of path: not held twice
		l = &kept{key: key{name, run}, path: path, max: int64(k.limits.MaxSize), pos: -1}
		k.logs[l.key] = l
	}
	return l
}

// bounds reports whether anything bounds the log.
func (k *Keeper) bounds(l *kept) bool { return l.max > 0 || k.limits.Total > 0 }

// drop forgets the log.
func (k *Keeper) drop(l *kept) {
	if l.leaves && !l.ended && k.left > 0 {
		k.left--
	}
	k.unschedule(l)
	k.unwatch(l)
	delete(k.logs, l.key)
}

// await has the loop woken by the next write to the log.
func (k *Keeper) await(l *kept) {
	if !k.bounds(l) || l.watch != 0 || k.closed {
		return
	}
	watch, err := k.notes.watch(l.path)
	switch {
	case err == nil:
		l.watch = watch
		k.watched[watch] = l
	case errors.Is(err, fs.ErrNotExist):
		k.schedule(l, time.Now()) // it was removed
	default:
		k.warnOnce("cannot be notified of writes to logs: looking at them every second", err)
		k.schedule(l, time.Now().Add(blind))
	}
}

func (k *Keeper) unwatch(l *kept) {
	if l.watch != 0 {
		delete(k.watched, l.watch)
		if !k.closed {
			k.notes.unwatch(l.watch)
		}
		l.watch = 0
	}
}

// schedule has the log looked at, at the given time or before.
func (k *Keeper) schedule(l *kept, at time.Time) {
	switch {
	case l.pos < 0:
		l.due = at
		heap.Push(&k.due, l)
	case at.Before(l.due):
		l.due = at
		heap.Fix(&k.due, l.pos)
	}
	if l.pos == 0 && !k.closed {
		k.notes.wake(at)
	}
}

func (k *Keeper) unschedule(l *kept) {
	if l.pos >= 0 {
		heap.Remove(&k.due, l.pos)
	}
}

// warnOnce logs a warning once.
func (k *Keeper) warnOnce(what string, err error) {
	if !k.told[what] {
		k.told[what] = true
		if err != nil {
			what += ": " + err.Error()
		}
		k.log.Warn(what, "dir", string(k.dir))
	}
}

// A queue is a heap of logs by when they are due.
type queue []*kept

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].pos, q[j].pos = i, j
}

func (q *queue) Push(x any) {
	l := x.(*kept)
	l.pos = len(*q)
	*q = append(*q, l)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last], l.pos = nil, -1
	*q = (*q)[:last]
	return l
}
