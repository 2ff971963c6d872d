package supervisor

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"tasks/pkg/task"
)

// sharedRoom is how many events may wait for all the readers that ask for no room
// of their own, and maxRoom, minRoom for one of them: clients come in any number.
const (
	sharedRoom = 16 << 10
	maxRoom    = 1024
	minRoom    = 8

	sharedBytes = 64 << 20 // of their tasks, as they were then
)

// hub sends the changes of all tasks to the watchers. A slow watcher
// never holds up a task: what it cannot take is dropped, and it gets the count.
type hub struct {
	mu       sync.Mutex
	seq      uint64
	watchers []*Watcher
	sharing  int // watchers that share room
	over     bool
}

// bytes is how much of sharedBytes each of those has that share it.
func (h *hub) bytes() int { return sharedBytes / max(h.sharing, 1) }

// share is the room of each watcher that shares it.
func (h *hub) share() int { return min(max(sharedRoom/max(h.sharing, 1), minRoom), maxRoom) }

// Watcher receives events. It must be closed.
type Watcher struct {
	hub   *hub
	match func(*task.Info) bool
	room  int           // 0: its share
	ready chan struct{} // has an element while queue has
	queue []change
	size  int // of queue, in bytes
	over  bool
}

// change is an event whose task is shared by all who wait for it.
type change struct {
	seq, missed uint64
	removed     bool
	size        int // in bytes, about
	task        *task.Info
}

func (c *change) event() task.Event {
	return task.Event{Seq: c.seq, Missed: c.missed, Removed: c.removed, Task: *c.task}
}

// Watch begins to collect the events of the tasks that match (nil: all). Up to
// room events wait for the reader; 0 or less: 1024, or fewer where many such watchers
// share the room there is. A match is called while a task changes: it must be quick, and
// not call the supervisor.
func (s *Supervisor) Watch(room int, match func(*task.Info) bool) *Watcher {
	w := &Watcher{hub: &s.hub, match: match, room: max(room, 0), ready: make(chan struct{}, 1)}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	w.over = s.hub.over
	if !w.over {
		s.hub.add(w)
	}
	w.wake()
	return w
}

// Changes says when the task called name has changed, until stop: changed has an element
// then. It costs less than a Watcher.
func (s *Supervisor) Changes(name string) (changed <-chan struct{}, stop func()) {
	news := make(chan struct{}, 1)
	w := s.Watch(1, func(t *task.Info) bool {
		if t.Name == name {
			select {
			case news <- struct{}{}:
			default:
			}
		}
		return false
	})
	return news, w.Close
}

// add gives w its room: the watchers that share it have less from now on.
func (h *hub) add(w *Watcher) {
	h.watchers = append(h.watchers, w)
	if w.room > 0 {
		return
	}
	h.sharing++
	room, bytes := h.share(), h.bytes()
	for _, other := range h.watchers {
		if other.room == 0 {
			other.trim(room, bytes)
		}
	}
}

// trim drops events beyond room or bytes: the newest stays, and has the count of the
// dropped.
func (w *Watcher) trim(room, bytes int) {
	n := len(w.queue)
	if n <= room && w.size <= bytes || n <= 1 {
		return
	}
	last := w.queue[n-1]
	size, stay := last.size, 0
	for stay < min(room, n)-1 && size+w.queue[stay].size <= bytes {
		size += w.queue[stay].size
		stay++
	}
	for _, c := range w.queue[stay : n-1] {
		last.missed += c.missed + 1
	}
	w.queue, w.size = append(slices.Clone(w.queue[:stay]), last), size
}

// sizeOf is about how many bytes a task takes up.
func sizeOf(info *task.Info) int {
	spec := &info.Spec
	size := 1<<10 + len(spec.Cwd) + len(spec.File) + len(spec.OnExit) + len(spec.OnFailure)
	for _, texts := range [][]string{spec.Command, spec.EnvNames, spec.After, spec.AfterEnded} {
		for _, text := range texts {
			size += 16 + len(text)
		}
	}
	return size
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
	changes, ok := w.next(ctx)
	if len(changes) > 0 {
		events = make([]task.Event, len(changes))
	}
	for i := range changes {
		events[i] = changes[i].event()
	}
	return events, ok
}

// next is Next, with the tasks as they are shared.
func (w *Watcher) next(ctx context.Context) (changes []change, ok bool) {
	for {
		select {
		case <-w.ready:
		case <-ctx.Done():
			return nil, false
		}
		w.hub.mu.Lock()
		changes, over := w.queue, w.over
		w.queue, w.size = nil, 0
		w.hub.mu.Unlock()
		if over {
			w.wake()
		}
		if over || len(changes) > 0 {
			return changes, len(changes) > 0
		}
	}
}

// First is Next for the oldest event alone: what its reader has no time for yet
// stays in the watcher's room.
func (w *Watcher) First(ctx context.Context) (e task.Event, ok bool) {
	for {
		select {
		case <-w.ready:
		case <-ctx.Done():
			return task.Event{}, false
		}
		w.hub.mu.Lock()
		if ok = len(w.queue) > 0; ok {
			e = w.queue[0].event()
			w.size -= w.queue[0].size
			w.queue[0] = change{}
			w.queue = w.queue[1:]
		}
		over := w.over
		if len(w.queue) > 0 || over {
			w.wake()
		}
		w.hub.mu.Unlock()
		if ok || over {
			return e, ok
		}
	}
}

// Close ends the watcher; Next then returns.
func (w *Watcher) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.over = true
	before := len(w.hub.watchers)
	w.hub.watchers = slices.DeleteFunc(w.hub.watchers, func(x *Watcher) bool { return x == w })
	if w.room == 0 {
		w.hub.sharing -= before - len(w.hub.watchers)
	}
	w.wake()
}

// publish passes info on; nobody changes it any more.
func (h *hub) publish(info *task.Info, removed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	share, bytes, size := h.share(), h.bytes(), sizeOf(info)
	for _, w := range h.watchers {
		if w.match != nil && !w.match(info) {
			continue
		}
		c := change{seq: h.seq, removed: removed, size: size, task: info}
		room := cmp.Or(w.room, share)
		w.size += size
		if n := len(w.queue); n >= room || n > 0 && w.room == 0 && w.size > bytes { // the newest stays, so that a count is never left untold
			w.size -= w.queue[n-1].size
			c.missed = w.queue[n-1].missed + 1
			w.queue[n-1] = c
		} else {
			w.queue = append(w.queue, c)
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
