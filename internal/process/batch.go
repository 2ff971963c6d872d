package process

import (
	"runtime"
	"sync"
)

// A batch is who asks the same of their runs. Callers that ask while a look at all
// processes is under way are answered by the next: for thousands of runs it takes one look,
// or two, and not thousands.
type batch[T any] struct {
	asked []ask[T]   // guarded by the engine's mutex
	turn  sync.Mutex // held by the look under way
	looks int        // guarded by turn
}

type ask[T any] struct {
	run   *run
	reply chan answer[T]
}

type answer[T any] struct {
	found T
	err   error
}

// of is what look finds of r, in a look that begins after the call does.
func (b *batch[T]) of(r *run, look func(runs map[*run]bool) (map[*run]T, error)) (T, error) {
	e := r.engine
	a := ask[T]{r, make(chan answer[T], 1)}
	e.mu.Lock()
	b.asked = append(b.asked, a)
	first := len(b.asked) == 1
	e.mu.Unlock()
	if first {
		runtime.Gosched() // with one processor, concurrent callers ask only now
		b.turn.Lock()
		b.looks++
		b.answer(e, look)
		b.turn.Unlock()
	}
	got := <-a.reply
	return got.found, got.err
}

// answer answers all who ask by now.
func (b *batch[T]) answer(e *Engine, look func(runs map[*run]bool) (map[*run]T, error)) {
	e.mu.Lock()
	asked := b.asked
	b.asked = nil
	e.mu.Unlock()
	runs := make(map[*run]bool, len(asked))
	for _, a := range asked {
		runs[a.run] = true
	}
	found, err := look(runs)
	for _, a := range asked {
		a.reply <- answer[T]{found[a.run], err}
	}
}

// membership is what is part of a run. The error is that something else may be, and cannot be
// read.
type membership struct {
	members []stat
	unsure  error
}
