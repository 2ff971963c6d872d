package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tasks/internal/logs"
	"tasks/pkg/task"
)

// following is the logs of tasks that are shown as they grow.
type following struct {
	env    *env
	sel    task.Selector
	lines  int  // of each to begin with
	served bool // by a supervisor
	open   bool // sel selects also tasks that come later
	router *router

	follower *logs.Follower
	selects  func(*task.Info) bool
	ended    chan *source
	active   map[string]chan task.Info // the news of what is shown
	pending  map[string]bool           // have not ended, and have begun no run to be shown
	shown    map[string]int            // the newest run of what was shown to its end
	removed  map[string]bool           // what is shown and does not exist any more
	left     []error                   // what was not followed to its end
}

// open reports whether sel selects tasks that do not exist yet.
func open(sel task.Selector) bool {
	return sel.All || len(sel.InGroups()) > 0 || slices.ContainsFunc(sel.Names, func(name string) bool { return strings.ContainsAny(name, "*?[") })
}

// itself reports whether this process belongs to the present run of t: to follow
// that would repeat its lines without an end.
func (d *dialer) itself(t *task.Info) bool {
	return t.Name == os.Getenv("TASKS_NAME") && os.Getenv("TASKS_SOCKET") == d.client.Socket &&
		strings.HasSuffix(os.Getenv("TASKS_RUN_ID"), "/"+t.Name+"/"+strconv.Itoa(t.Run))
}

// followLogs writes what the tasks write until all have ended, from the given sources where
// they have logs.
func (e *env) followLogs(f *following, tasks []task.Info, sources []*source) error {
	e.endWithReader()
	ctx, done := untilInterrupt(unchanged)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.follower = logs.NewFollower()
	defer f.follower.Close()
	f.ended, f.active = make(chan *source), make(map[string]chan task.Info)
	f.pending, f.shown, f.removed = make(map[string]bool), make(map[string]int), make(map[string]bool)
	for _, t := range tasks {
		if f.open && !t.State.Ended() {
			f.pending[t.Name] = true
		}
	}
	var names []string
	for _, s := range sources {
		names = append(names, s.name)
		f.show(ctx, cancel, s, f.lines, nil)
	}
	if !f.open {
		f.sel = task.Selector{Names: names}
	}
	f.selects = f.sel.Matcher()
	events := make(chan task.Event)
	var watching sync.WaitGroup
	if f.served {
		watching.Go(func() { e.watch(ctx, toWatch(f.sel), events) })
	} else {
		e.remark("tasks: no supervisor answers: following what runs without one")
		watching.Go(func() { e.watchSurvivors(ctx, names, events) })
	}
	f.loop(ctx, cancel, events)
	err := context.Cause(ctx)
	cancel(nil)
	for len(f.active) > 0 {
		delete(f.active, (<-f.ended).name)
	}
	watching.Wait()
	if errors.Is(err, errInterrupted) {
		return exitCode(interrupted)
	}
	if err == nil && f.left != nil {
		err = errors.Join(append([]error{exitCode(ownFailure)}, f.left...)...)
	}
	return err
}

// loop passes on what becomes of the tasks until all have ended.
func (f *following) loop(ctx context.Context, fail func(error), events <-chan task.Event) {
	for len(f.active) > 0 || len(f.pending) > 0 {
		select {
		case ev, ok := <-events:
			if ok {
				f.note(ctx, fail, ev)
				continue
			}
			events = nil
			f.endWithSupervisor()
			for name, news := range f.active { // its log is shown to its end
				pass(news, task.Info{Name: name, State: task.Lost})
			}
			clear(f.pending)
		case s := <-f.ended:
			delete(f.active, s.name)
			if f.shown[s.name] = s.last.Run; f.removed[s.name] { // its name may have a first run again
				delete(f.shown, s.name)
				delete(f.removed, s.name)
			}
		case <-ctx.Done():
			return
		}
	}
}

// endWithSupervisor notes which of the tasks run on though nobody tells of them.
func (f *following) endWithSupervisor() {
	f.env.remark("tasks: the supervisor has ended")
	alive, err := f.env.survivors()
	for _, name := range slices.Sorted(maps.Keys(f.active)) {
		switch {
		case err != nil:
			f.left = append(f.left, fmt.Errorf("%s may run on: %w", name, err))
		case slices.Contains(alive, name):
			f.left = append(f.left, fmt.Errorf("%s runs on: 'tasks serve' takes it back", name))
		}
	}
}

// note passes on what has become of a task, or begins to show it.
func (f *following) note(ctx context.Context, fail func(error), ev task.Event) {
	t := ev.Task
	if f.env.itself(&t) { // which continues with others to come
		return
	}
	delete(f.pending, t.Name)
	selected := f.selects(&t)
	if news, ok := f.active[t.Name]; ok {
		switch {
		case ev.Removed:
			f.removed[t.Name] = true
			t.State = task.Stopped
		case !selected: // any more: what it has written so far is shown
			t = task.Info{Name: t.Name, State: task.Stopped}
		}
		pass(news, t)
		return
	}
	switch {
	case !f.open || !selected:
	case ev.Removed:
		delete(f.shown, t.Name)
	case hasOutput(&t) && t.Run > f.shown[t.Name]:
		if s, err := f.env.source(t, ""); err == nil {
			f.router.route(s)
			f.show(ctx, fail, s, -1, &t)
		}
	case !t.State.Ended():
		f.pending[t.Name] = true
	}
}

// show follows one source from now on; of what has just come it knows the state.
func (f *following) show(ctx context.Context, fail func(error), s *source, lines int, now *task.Info) {
	news := make(chan task.Info, 1)
	if now != nil {
		news <- *now
	}
	delete(f.pending, s.name)
	f.active[s.name] = news
	go func() {
		if err := s.followRuns(ctx, f.follower, lines, news); err != nil {
			fail(err)
		}
		f.ended <- s
	}()
}

// pass has news hold the newest state; an older one that was not taken yet is
// replaced.
func pass(news chan task.Info, t task.Info) {
	select {
	case <-news:
	default:
	}
	news <- t
}

// watch sends what becomes of the tasks, under one supervisor after the other, and
// closes events when there is none any more.
func (d *dialer) watch(ctx context.Context, sel task.Selector, events chan<- task.Event) {
	known := make(map[string]task.Info)
	send := func(ev task.Event) error {
		if known[ev.Task.Name] = ev.Task; ev.Removed {
			delete(known, ev.Task.Name)
		}
		select {
		case events <- ev:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.withSuccessors(ctx, func(bool) error {
		now, more, err := d.client.Observe(ctx, sel)
		if err != nil {
			return err
		}
		gone := maps.Clone(known)
		for _, t := range now {
			delete(gone, t.Name)
			if err := send(task.Event{Task: t}); err != nil {
				return err
			}
		}
		for _, t := range gone { // removed without an event
			if err := send(task.Event{Task: t, Removed: true}); err != nil {
				return err
			}
		}
		for ev, err := range more {
			if err == nil && ev.Missed > 0 {
				err = errMissed
			}
			if err == nil {
				err = send(ev)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if ctx.Err() == nil {
		close(events)
	}
}

// watchSurvivors tells which tasks have no process any more, where there is no
// supervisor to tell.
func (d *dialer) watchSurvivors(ctx context.Context, names []string, events chan<- task.Event) {
	for {
		alive, err := d.survivors()
		has := func(name string) bool { return err != nil || slices.Contains(alive, name) } // or could not look
		for _, name := range names {
			if has(name) {
				continue
			}
			select {
			case events <- task.Event{Task: task.Info{Name: name, State: task.Lost}}:
			case <-ctx.Done():
				return
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !has(name) })
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// followRuns writes the task's runs, from the present one on, as they grow.
func (s *source) followRuns(ctx context.Context, f *logs.Follower, lines int, news <-chan task.Info) error {
	run := s.last.Run
	defer func() { s.last.Run = run }()
	state, newest := task.State(""), run
	for {
		over := make(chan struct{})
		result := s.followRun(ctx, f, run, lines, over)
		var missing <-chan struct{} // ctx.Done while the log is yet to be made
		shown := false              // to its end: what is in memory may end before the news of it comes
		for newest == run && !shown && !state.Ended() && state != task.BackingOff {
			select {
			case t := <-news:
				state, newest = t.State, max(newest, t.Run)
				if result == nil { // it may be there by now
					result, missing = s.followRun(ctx, f, run, lines, over), nil
				}
			case err := <-result:
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				result = nil
				if shown = err == nil; !shown {
					missing = ctx.Done()
				}
			case <-missing:
				return nil
			}
		}
		close(over)
		if !shown {
			err := error(fs.ErrNotExist)
			if result != nil {
				err = <-result
			}
			if errors.Is(err, fs.ErrNotExist) { // or it was made since
				err = <-s.followRun(ctx, f, run, lines, over)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := s.end(); err != nil {
			return err
		}
		for newest == run { // it has ended, or will be started again
			if state.Ended() {
				return nil
			}
			select {
			case t := <-news:
				state, newest = t.State, max(newest, t.Run)
			case <-ctx.Done():
				return nil
			}
		}
		run, lines = run+1, -1
	}
}

// followRun writes the last lines of one run, and on as it grows, until over is closed.
func (s *source) followRun(ctx context.Context, f *logs.Follower, run, lines int, over <-chan struct{}) <-chan error {
	result := make(chan error, 1)
	go func() {
		if s.kept != nil {
			result <- s.fetch(ctx, run, lines, true)
			return
		}
		result <- f.Follow(ctx, s.dir.Path(s.name, run), lines, &followed{Writer: s.out, source: s, run: run}, over)
	}()
	return result
}

// followed is where the lines of a run go that is followed. It says, once, that some were
// discarded first.
type followed struct {
	io.Writer
	source *source
	run    int
	said   bool
}

// Missed implements [logs.Misser].
func (f *followed) Missed(int64) {
	if f.said {
		return
	}
	f.said = true
	how := "raise --log-max-size"
	if f.source.kept != nil {
		how = "its program keeps the newest 64 KiB of each task"
	}
	f.source.remark("tasks: lines of %s, run %d, were discarded before they could be shown: %s", f.source.name, f.run, how)
}
