package daemon

import (
	"sync"
	"syscall"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// way is a way for the supervisor to end.
type way int

const (
	noEnd    way = iota
	exiting      // exit
	shutting     // TERM or INT
	leaving      // exit --keep
	replaced     // serve --replace
)

// String is what becomes of the tasks.
func (w way) String() string {
	switch w {
	case exiting:
		return "tasks are stopped"
	case shutting:
		return "tasks are stopped; the next supervisor restarts those with a restart policy"
	}
	return "tasks run on"
}

// end is what somebody asks for.
type end struct {
	way     way
	signal  syscall.Signal // of shutting
	program string         // of replaced: what takes over
}

// ending is how the supervisor ends: what is asked for first decides. What is asked for later
// joins it, where it does not contradict it, or is refused.
type ending struct {
	over chan struct{} // closed when the tasks were stopped, or left

	mu     sync.Mutex
	first  end
	exits  bool // exit was the first, or has joined
	active int  // ends that have begun and are not done
}

func newEnding() *ending { return &ending{over: make(chan struct{})} }

// accept returns an error where the end is refused: the first decided otherwise. Else the caller
// stops or leaves the tasks, and then calls done.
func (e *ending) accept(asked end) (first way, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.first.way == noEnd:
		e.first = asked
	case asked.way == leaving && e.first.way == leaving:
	case asked.way == exiting && (e.exits || e.first.way == shutting && e.active > 0):
	case e.first.way == replaced:
		return replaced, task.Errorf(task.ErrUnavailable, "", "the supervisor is being replaced, and its tasks keep running: try again")
	default:
		return e.first.way, &supervisor.EndingError{Leaving: e.first.way == leaving}
	}
	e.exits = e.exits || asked.way == exiting
	e.active++
	return e.first.way, nil
}

// done is called by each for whom accept has succeeded.
func (e *ending) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active--
	select {
	case <-e.over: // one has joined since
	default:
		if e.active == 0 {
			close(e.over)
		}
	}
}

// ends reports whether no program takes over from a supervisor that ends.
func (e *ending) ends() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.first.way != noEnd && e.first.way != replaced
}

// why is the reason of the end, once it is over.
func (e *ending) why() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch e.first.way {
	case exiting:
		return "exit"
	case leaving:
		return "exit: " + leaving.String()
	case replaced:
		return "is replaced by " + e.first.program
	}
	got := "got " + task.SignalName(e.first.signal)
	if e.exits {
		return got + ", then exit: " + exiting.String()
	}
	return got + ": " + shutting.String()
}
