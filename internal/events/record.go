package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tasks/pkg/task"
)

const (
	pace  = 10 * time.Millisecond // from one write to the next, at the least
	retry = 2 * time.Second       // after a write that failed
	leave = 5 * time.Second       // that a supervisor waits for the last write
)

// Sources are what a Recorder hears of tasks from.
type Sources struct {
	// Watch waits for changes of tasks, and returns all that there are; ok is
	// false when ctx has ended, or there will be none any more. Such is the Next of
	// a supervisor's Watcher.
	Watch func(ctx context.Context) (changes []task.Event, ok bool)
	// List is every task as it now is.
	List func() []task.Info
	// Runs is the last runs of a task.
	Runs func(name string) []task.Run
	// Records are the tasks as the supervisor took them over: their state then is not an
	// event.
	Records []task.Record
	// Owned reports why nothing must be written: the directory may belong to another
	// supervisor. nil: it is always ours.
	Owned func() error
}

// A Recorder writes the history of one supervisor, by one goroutine that sleeps
// while nothing happens. A slow disk costs events, which are counted, and never
// holds up a task.
type Recorder struct {
	from    Sources
	log     *slog.Logger
	w       *writer
	d       *deriver
	batch   []Event
	failing bool
	done    chan struct{}

	mu    sync.Mutex // guards all that is written with: w, d, batch, failing, wrote; held while the disk is
	wrote time.Time
}

// Record begins to write the history in dir, with the supervisor's own event
// first. log hears, once, where it cannot be written. The Recorder must be closed.
func Record(dir string, from Sources, log *slog.Logger, first Event) *Recorder {
	w, err := newWriter(dir)
	if err != nil {
		log.Error("cannot read the history: its numbers start at 1 again", "err", err)
	}
	w.owned = from.Owned
	r := &Recorder{from: from, log: log, w: w, d: newDeriver(from.Records, from.Runs), done: make(chan struct{})}
	first.At = task.Now()
	w.add(first)
	go r.loop()
	return r
}

// Killed is the pid of the supervisor before, if the history has no end of it; else 0.
func (r *Recorder) Killed() int { return r.w.killed }

// Close writes the rest, with the supervisor's own event last. It is called when
// nothing happens any more, and waits at most 5 s for the disk.
func (r *Recorder) Close(last Event) {
	select {
	case <-r.done:
	case <-time.After(leave):
		r.log.Error("the history is not complete: its disk takes too long")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(last)
}

// Note writes an event that no change of a task stands for; after the end of the
// watch it does nothing. It waits for the disk, and may be called from any
// goroutine.
func (r *Recorder) Note(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.done:
	default:
		r.write(e)
	}
}

// write writes e, as of now. The caller holds the mutex.
func (r *Recorder) write(e Event) {
	e.At, e.Reason = task.Now(), clip(e.Reason)
	r.w.add(e)
	r.flush()
}

func (r *Recorder) loop() {
	defer close(r.done)
	due := time.Now() // when what waits is written; zero: nothing does
	for {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if !due.IsZero() {
			ctx, cancel = context.WithDeadline(ctx, due)
		}
		changes, ok := r.from.Watch(ctx)
		over := !ok && ctx.Err() == nil
		cancel()
		if over {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.flush()
			return
		}
		due = r.turn(changes, due)
	}
}

// turn makes events of changes and writes what is due. It returns when the next
// write is due; zero: nothing waits.
func (r *Recorder) turn(changes []task.Event, due time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordChanges(changes)
	now := time.Now()
	if due.IsZero() && r.w.pending.Len() > 0 {
		// A lone event at once; of many, a hundred batches a second.
		if due = r.wrote.Add(pace); due.Before(now) {
			due = now
		}
	}
	if due.IsZero() || now.Before(due) {
		return due
	}
	ok := r.flush()
	if r.wrote = time.Now(); !ok {
		return r.wrote.Add(retry)
	}
	return time.Time{}
}

// recordChanges writes the events of changes.
func (r *Recorder) recordChanges(changes []task.Event) {
	if len(changes) == 0 {
		return
	}
	now, missed := task.Now(), false
	for i := range changes {
		c := &changes[i]
		if c.Missed > 0 {
			r.w.miss(now, c.Missed)
			missed = true
		}
		r.add(r.d.derive(r.batch[:0], now, &c.Task, c.Removed))
	}
	if missed {
		r.catchUp(now)
	}
}

// catchUp makes events of what tasks are, where changes were missed. Changes under way
// meanwhile may be reported twice.
func (r *Recorder) catchUp(now task.Time) {
	gone := make(map[string]bool, len(r.d.known))
	for name := range r.d.known {
		gone[name] = true
	}
	for _, info := range r.from.List() {
		delete(gone, info.Name)
		r.add(r.d.derive(r.batch[:0], now, &info, false))
	}
	for name := range gone {
		r.add(r.d.derive(r.batch[:0], now, &task.Info{Name: name}, true))
	}
}

func (r *Recorder) add(events []Event) {
	for _, e := range events {
		r.w.add(e)
	}
	r.batch = events
}

// flush writes what waits, and reports whether it could.
func (r *Recorder) flush() bool {
	err := r.w.flush()
	switch {
	case err != nil && !r.failing:
		r.log.Error("cannot write the history: events wait for room, and are lost if they become too many", "err", err)
	case err == nil && r.failing:
		r.log.Info("wrote the history at last")
	}
	r.failing = err != nil
	return err == nil
}
