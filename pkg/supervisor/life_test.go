package supervisor_test

import (
	"context"
	"errors"
	"sync"
	"syscall"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// errDead is what a supervisor gets of everything once it is dead: it answers whoever
// it likes, but changes nothing any more.
var errDead = errors.New("dead")

// A life is what one supervisor has of the world: the engine, and the disk. It ends
// before or after any effect on either.
type life struct {
	fake *enginetest.Fake
	disk *memory
	dies chan struct{} // closed when it ends

	mu    sync.Mutex
	steps int // until it ends; negative: it does not
	full  int // saves that fail, from now on
	ended bool
}

// step is called before and after each effect, and reports whether the life has ended.
func (l *life) step() (dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.steps == 0 && !l.ended {
		l.ended = true
		close(l.dies)
	}
	l.steps--
	return l.ended
}

func (l *life) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// end ends the life now.
func (l *life) end() {
	l.mu.Lock()
	l.steps = 0
	l.mu.Unlock()
	l.step()
}

// isFull uses up one of the saves that fail.
func (l *life) isFull() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full > 0 {
		l.full--
		return true
	}
	return false
}

// durable does a change of the disk, unless the life ends before; the error is also that
// it has ended after.
func (l *life) durable(change func() error) error {
	switch {
	case l.step():
		return errDead
	case l.isFull():
		return errDisk
	}
	if err := change(); err != nil {
		return err
	}
	if l.step() {
		return errDead
	}
	return nil
}

func (l *life) Save(r task.Record) error { return l.durable(func() error { return l.disk.Save(r) }) }

func (l *life) SaveGroup(g task.Group) error {
	return l.durable(func() error { return l.disk.SaveGroup(g) })
}

func (l *life) DeleteGroup(name string) error {
	return l.durable(func() error { return l.disk.DeleteGroup(name) })
}

func (l *life) Delete(name string, removed task.Removed) error {
	return l.durable(func() error { return l.disk.Delete(name, removed) })
}

func (l *life) SaveChange(c task.Change) error {
	return l.durable(func() error { return l.disk.SaveChange(c) })
}

func (l *life) DeleteChange(file string) error {
	return l.durable(func() error { return l.disk.DeleteChange(file) })
}

func (l *life) Removed(name string) task.Time { return l.disk.Removed(name) }

func (l *life) Start(ctx context.Context, launch engine.Launch) (engine.Process, error) {
	if l.step() {
		return nil, errDead
	}
	p, err := l.fake.Start(ctx, launch)
	if l.step() && err == nil { // it exists, and nobody knows
		return nil, errDead
	}
	return l.see(p), err
}

func (l *life) Adopt(ctx context.Context, launch engine.Launch, ref task.Ref) (engine.Process, error) {
	if l.step() {
		return nil, errDead
	}
	p, err := l.fake.Adopter().Adopt(ctx, launch, ref)
	return l.see(p), err
}

// see is p as it is seen in this life: at its end, all has ended for it.
func (l *life) see(p engine.Process) engine.Process {
	if p == nil {
		return nil
	}
	s := seen{p.(pausable), l, make(chan struct{}), make(chan struct{})}
	go func() {
		select {
		case <-p.Exited():
			select { // as the engine has it: who sees the one sees at once whether the other is so
			case <-p.Gone():
				close(s.gone)
				close(s.exited)
				return
			default:
			}
			close(s.exited)
			select {
			case <-p.Gone():
			case <-l.dies:
			}
		case <-l.dies:
			close(s.gone)
			close(s.exited)
			return
		}
		close(s.gone)
	}()
	return s
}

type pausable interface {
	engine.Process
	engine.Pauser
}

type seen struct {
	pausable
	life         *life
	exited, gone chan struct{}
}

func (s seen) Exited() <-chan struct{} { return s.exited }
func (s seen) Gone() <-chan struct{}   { return s.gone }

func (s seen) Exit() task.Exit {
	if s.life.dead() {
		return task.Exit{Lost: true}
	}
	return s.pausable.Exit()
}

func (s seen) Stop(sig syscall.Signal) {
	if !s.life.step() {
		s.pausable.Stop(sig)
	}
	s.life.step()
}

func (s seen) Signal(sig syscall.Signal) error {
	if s.life.step() {
		return errDead
	}
	return s.pausable.Signal(sig)
}

func (s seen) Pause() error  { return s.pause(s.pausable.Pause) }
func (s seen) Resume() error { return s.pause(s.pausable.Resume) }

func (s seen) pause(do func() error) error {
	if s.life.step() {
		return errDead
	}
	err := do()
	s.life.step()
	return err
}
