package supervisor

import (
	"context"
	"slices"
	"sync"

	"tasks/pkg/task"
)

// hub passes the changes of all tasks on to those who watch. A slow watcher
// never holds up a task: what it cannot take is dropped, counted, and told.
type hub struct {
	mu       sync.Mutex
	seq      uint64
	watchers []*Watcher
	over     bool
}

// Watcher receives events. It must be closed.
type Watcher struct {
	hub   *hub
	match func(*task.Info) bool
	room  int
	ready chan struct{} // has an element while queue has
	queue []task.Event
	over  bool
}

// Watch begins to collect the events of the tasks that match (nil: all). Up to
// room events wait for the reader (0: 1024). A match is called while a task
// changes: it must be quick, and not call the supervisor.
func (s *Supervisor) Watch(room int, match func(*task.Info) bool) *Watcher {
	if room <= 0 {
		room = 1024
	}
	w := &Watcher{hub: &s.hub, match: match, room: room, ready: make(chan struct{}, 1)}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	w.over = s.hub.over
	if !w.over {
		s.hub.watchers = append(s.hub.watchers, w)
	}
	w.wake()
	return w
}

func (w *Watcher) wake() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// Next waits for events and returns all that there are; ok is false when the
// watcher or the supervisor was closed, or ctx ended.
func (w *Watcher) Next(ctx context.Context) (events []task.Event, ok bool) {
	for {
		select {
		case <-w.ready:
		case <-ctx.Done():
			return nil, false
		}
		w.hub.mu.Lock()
		events, over := w.queue, w.over
		w.queue = nil
		w.hub.mu.Unlock()
		switch {
		case over:
			w.wake()
			return events, len(events) > 0
		case len(events) > 0:
			return events, true
		}
	}
}

// Close ends the watcher; Next then returns.
func (w *Watcher) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.over = true
	w.hub.watchers = slices.DeleteFunc(w.hub.watchers, func(x *Watcher) bool { return x == w })
	w.wake()
}

func (h *hub) publish(info task.Info, removed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	for _, w := range h.watchers {
		if w.match != nil && !w.match(&info) {
			continue
		}
		e := task.Event{Seq: h.seq, Removed: removed, Task: info}
		if n := len(w.queue); n == w.room { // the newest stays, so that a count is never left untold
			e.Missed = w.queue[n-1].Missed + 1
			w.queue[n-1] = e
		} else {
			w.queue = append(w.queue, e)
		}
		w.wake()
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	for _, w := range h.watchers {
		w.over = true
		w.wake()
	}
	h.watchers = nil
}
