package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// TestSimulation has engines start, stop, pause and take back runs, and stop what those leave, on a simulated
// machine, in fake time. A seed chooses everything; SIM says for how long to play (by
// default at most 300 seeds, within some seconds), and SIM_SEED plays one again, with each
// system call in its log.
//
// The engine of a program is one, and so is the kernel: it is played in a process of its
// own, without the kernel of all other tests.
func TestSimulation(t *testing.T) {
	if onMachine(t) {
		playSimulation(t)
	}
}

// onMachine reports whether this process is there for simulated machines. If not it runs
// the test in one that is.
func onMachine(t *testing.T) bool {
	if os.Getenv("PROCESS_TEST_HELPER") == "simulate" {
		return true
	}
	t.Parallel()
	h := helper(t, "simulate")
	h.Command = append(h.Command, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=0")
	h.Env = env(t, map[string]string{
		"PROCESS_TEST_HELPER": "simulate", "SIM": os.Getenv("SIM"), "SIM_SEED": os.Getenv("SIM_SEED"), "PATH": "/usr/bin:/bin", "GOMAXPROCS": "1",
	})
	s := start(t, h)
	<-s.Exited()
	if e := s.Exit(); e != (task.Exit{}) {
		t.Errorf("%+v", e)
	}
	t.Log(s.log(t))
	return false
}

// runSimulation runs a test of machines, without the engine that others share.
func runSimulation(m *testing.M) int {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCHLD) // begins a goroutine outside any bubble
	signal.Stop(c)
	return m.Run()
}

func playSimulation(t *testing.T) {
	seeds, lasts := uint64(300), 8*time.Second
	first := uint64(0)
	if d, err := time.ParseDuration(os.Getenv("SIM")); err == nil {
		seeds, lasts, first = 1<<62, d, rand.Uint64()>>2
	}
	step := uint64(1)
	if n, err := fmt.Sscan(os.Getenv("SIM_SEED"), &first); n == 1 && err == nil {
		seeds, step = 20, 0 // of two events at the same instant, Go chooses the first
	}
	all := make(map[string]int)
	played, began := 0, time.Now()
	defer func() { t.Logf("%d seeds in %v: %v", played, time.Since(began).Round(time.Millisecond), all) }()
	for seed := first; uint64(played) < seeds && time.Since(began) < lasts; seed += step {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed, all) })
		if t.Failed() {
			return
		}
		played++
	}
}

// sim is a world of one seed: a machine, and a supervisor after the other.
type sim struct {
	t *testing.T
	r *rand.Rand
	m *machine

	first    *FirstThread
	requests sync.WaitGroup
	names    []string
	numbers  map[string]int
	runs     []*simRun
	log      []string
}

// simRun is a run, as it is, and as a supervisor knows it. The machine's mutex guards it.
type simRun struct {
	name   string
	number int
	id     string
	log    uint64
	main   *simProc
	group  *simGroup
	procs  []*simProc // that ever descended from the main process
	status syscall.WaitStatus

	proc     engine.Process // of the supervisor that lives
	r        *run
	ref      task.Ref // as it is recorded
	recorded bool
	leave    bool
	starting bool
	asked    bool // to end
	killed   bool // was sent KILL
	pausing  bool // may be stopped, and resumed
	paused   bool
	busy     bool       // a pause or a resume is under way
	over     bool       // nothing is left
	unseen   bool       // no supervisor has seen its end
	descent  []*simProc // of its main process, as a stop was begun
}

func (r *simRun) living() (n int) {
	for _, p := range r.procs {
		if !p.zombie {
			n++
		}
	}
	return n
}

func simulate(t *testing.T, seed uint64, hits map[string]int) {
	r := rand.New(rand.NewPCG(seed, 5))
	kind := kernelKind{
		cgroups: r.IntN(2) == 0, groupKill: r.IntN(4) > 0, pidfdGroup: r.IntN(3) > 0, pidfdExit: r.IntN(3) > 0, children: r.IntN(2) == 0,
	}
	if r.IntN(2) == 0 {
		kind.faults = 2 + r.IntN(30)
	}
	s := newSim(t, seed, kind)
	s.r = r
	s.startEngine()
	for range 10 + s.r.IntN(30) {
		s.act()
		if s.wrong() {
			break
		}
	}
	if !s.wrong() {
		s.finish()
	}
	for what, n := range s.close() {
		hits[what] += n
	}
}

func newSim(t *testing.T, seed uint64, kind kernelKind) *sim {
	s := &sim{t: t, r: rand.New(rand.NewPCG(seed, 5)), names: []string{"a", "b", "c"}, numbers: make(map[string]int)}
	began := time.Now()
	s.m = newMachine(seed, kind, func(format string, args ...any) {
		s.log = append(s.log, fmt.Sprintf("%10v %10v ", time.Since(began), s.m.current)+fmt.Sprintf(format, args...))
	})
	eachRun = func(runs map[*run]bool) iter.Seq[*run] {
		return slices.Values(slices.SortedFunc(maps.Keys(runs), func(a, b *run) int { return cmp.Compare(a.id, b.id) }))
	}
	f := s.m.call
	intercept.Store(&f)
	return s
}

// close ends the machine. What was wrong fails the test.
func (s *sim) close() (hits map[string]int) {
	s.end()
	intercept.Store(nil)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	close(s.m.quit)
	if s.m.wrong != nil {
		s.t.Errorf("%+v:\n%s\n%s\nplay it again with SIM_SEED=%d", s.m.kind, strings.Join(s.log, "\n"), strings.Join(s.m.wrong, "\n"), s.m.seed)
	}
	return s.m.hits
}

func (s *sim) wrong() bool {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.wrong != nil
}

// act does something, and lets some time go by.
func (s *sim) act() {
	if s.dead() {
		s.end()
		if s.r.IntN(10) == 0 {
			s.inMachine((*machine).endOrphanage)
		}
		s.startEngine()
		return
	}
	switch s.r.IntN(16) {
	case 0, 1, 2, 3:
		s.start(s.names[s.r.IntN(len(s.names))])
	case 4, 5, 6:
		s.stop(s.any())
	case 7, 8:
		s.pauseOrResume(s.any())
	case 9:
		s.inMachine(func(m *machine) {
			var logs []uint64
			for _, r := range s.runs {
				logs = append(logs, r.log)
			}
			m.stranger(s.r, logs)
		})
	case 10, 11:
		calls := s.r.IntN(150)
		s.inMachine(func(m *machine) { m.left, m.after = calls, s.r.IntN(2) == 0 })
	case 12:
		lasts := time.Duration(s.r.IntN(300)) * time.Millisecond
		s.inMachine(func(m *machine) { m.faulty = m.now + lasts })
	case 13:
		s.inMachine(func(m *machine) {
			if m.limit = enough; s.r.IntN(2) == 0 {
				m.limit = len(m.fds) + s.r.IntN(4)
			}
		})
	case 14:
		e := s.m.life.engine
		var r *run
		if any := s.any(); any != nil {
			s.inMachine(func(*machine) { r = any.r })
		}
		s.ask(func() {
			e.Strays()
			if r != nil {
				r.Remaining()
			}
		})
	case 15:
		r := s.any()
		switch s.r.IntN(4) {
		case 0:
			s.inMachine((*machine).endOrphanage)
		case 1: // somebody freezes a run
			s.inMachine(func(m *machine) {
				if r != nil && r.group != nil {
					m.say("  %s is frozen by somebody", r.name)
					r.group.freeze(m, true)
				}
			})
		}
	}
	switch s.r.IntN(4) {
	case 0:
		s.pass(time.Duration(s.r.IntN(300)) * time.Microsecond)
	case 1:
		s.pass(time.Duration(s.r.IntN(5000)) * time.Microsecond)
	case 2:
		s.pass(time.Duration(s.r.IntN(100)) * time.Millisecond)
	case 3:
		s.pass(time.Duration(s.r.IntN(1000)) * time.Millisecond)
	}
}

func (s *sim) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.m.life.died:
	}
	synctest.Wait()
}

func (s *sim) inMachine(f func(m *machine)) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.catchUp()
	f(s.m)
}

func (s *sim) say(format string, args ...any) {
	s.inMachine(func(m *machine) { m.say(format, args...) })
}

func (s *sim) dead() bool {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.life.dead
}

// ask has somebody ask the engine for something, which may take a while.
func (s *sim) ask(f func()) {
	s.requests.Go(f)
	synctest.Wait()
}

// any is a run that has not ended, or nil.
func (s *sim) any() *simRun {
	var all []*simRun
	s.inMachine(func(*machine) {
		for _, r := range s.runs {
			if r.proc != nil && !r.over {
				all = append(all, r)
			}
		}
	})
	if len(all) == 0 {
		return nil
	}
	return all[s.r.IntN(len(all))]
}

// startEngine begins a supervisor, which ends what is in no record, and takes back the rest.
func (s *sim) startEngine() {
	spare.mu.Lock()
	spare.held, spare.lent = nil, nil
	spare.mu.Unlock()
	memory.mu.Lock()
	memory.slow, memory.hung = make(map[memoryFile]*memoryRead), make(map[proc]bool)
	memory.mu.Unlock()
	s.inMachine((*machine).beginSupervisor)
	s.inMachine(func(m *machine) { m.hold(false) })
	o := Options{ID: "sim", Home: "/", MayReap: func(pid int, start uint64) bool {
		return s.m.reapers[proc{pid, start}]
	}}
	s.first = nil
	if s.m.kind.children {
		s.first = &FirstThread{make(chan func())}
		o.First = s.first
		go func(t *FirstThread) {
			for do := range t.ask {
				do()
			}
		}(s.first)
	}
	e, err := New(o)
	if err != nil {
		panic(fmt.Sprintf("no engine: %v, seed %d: %s", err, s.m.seed, strings.Join(s.log, "\n")))
	}
	s.inMachine(func(m *machine) {
		m.life.engine, m.life.endsUnknown = e, true
		if s.r.IntN(4) == 0 {
			m.left = s.r.IntN(300)
		}
		if s.r.IntN(4) == 0 {
			m.faulty = m.now + time.Duration(s.r.IntN(100))*time.Millisecond
		}
	})
	s.killUnknown(e)
	for _, r := range s.runs {
		if r.recorded && !r.over && !s.dead() {
			s.adopt(e, r)
		}
	}
	s.inMachine(func(m *machine) { m.mark() })
}

func (s *sim) killUnknown(e *Engine) {
	known := func(name string, run int) bool {
		return slices.ContainsFunc(s.runs, func(r *simRun) bool { return r.recorded && r.name == name && r.number == run })
	}
	s.inMachine((*machine).mark)
	for range 3 {
		killed, err := e.KillUnknown(Database{Known: known})
		if s.dead() {
			return
		}
		s.say("killed as unknown: %v, %v", killed, err)
		if err == nil {
			break
		}
		s.inMachine(func(m *machine) { m.faulty = 0 })
	}
	s.inMachine(func(m *machine) {
		m.mark()
		m.life.endsUnknown = false
		for _, r := range s.runs {
			if r.recorded || r.over || r.main == nil {
				continue
			}
			r.over = true
			for _, p := range r.procs {
				if !p.zombie && !p.leaps && !p.doomed() && !p.uncovered {
					m.fail("%v, of a run without a record, lives on", p)
				}
			}
		}
	})
}

func (s *sim) adopt(e *Engine, r *simRun) {
	l := engine.Launch{Spec: s.spec(r), Run: r.number, Log: s.open(r)}
	l.Spec.LeaveChildren = r.leave && !r.asked
	p, err := e.Adopt(context.Background(), l, r.ref)
	if s.dead() {
		return
	}
	s.inMachine(func(m *machine) { m.hits["adopted"]++ })
	if err != nil {
		s.inMachine(func(m *machine) { m.fail("%s is not taken back: %v", r.name, err) })
		return
	}
	s.say("%s is taken back", r.name)
	s.know(r, p)
	s.inMachine(func(*machine) { r.unseen = r.main.gone && r.r.over.Load() == 0 })
	if r.pausing && !r.paused {
		s.resume(r)
	}
	if r.asked {
		s.signal(r, syscall.SIGTERM)
	}
}

func (s *sim) spec(r *simRun) *task.Spec {
	return &task.Spec{Name: r.name, Command: []string{program}, LeaveChildren: r.leave}
}

// open opens something in the place of the run's log.
func (s *sim) open(r *simRun) *os.File {
	f, err := os.Open(os.DevNull)
	if err != nil {
		s.t.Fatal(err)
	}
	s.inMachine(func(m *machine) { m.logs[int(f.Fd())] = r.log })
	return f
}

// start starts a run of the task, if there is none.
func (s *sim) start(name string) {
	busy := false
	s.inMachine(func(*machine) {
		busy = slices.ContainsFunc(s.runs, func(r *simRun) bool { return r.name == name && !r.over })
	})
	if busy {
		return
	}
	s.numbers[name]++
	r := &simRun{name: name, number: s.numbers[name], leave: s.r.IntN(6) == 0, starting: true, log: uint64(1000 + len(s.runs))}
	r.id = runID("sim", name, fmt.Sprint(r.number))
	s.runs = append(s.runs, r)
	s.inMachine(func(m *machine) { m.runs[r.id] = r })
	l, e := s.m.life, s.m.life.engine
	launch := engine.Launch{Spec: s.spec(r), Run: r.number, Log: s.open(r)}
	s.say("start %s %d", r.name, r.number)
	s.ask(func() {
		p, err := e.Start(context.Background(), launch)
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		switch r.starting = false; {
		case l.dead:
			r.over = r.main == nil
		case err != nil:
			s.m.say("%s has not started: %v", r.name, err)
			s.m.judge(r)
			r.over = true
		default:
			r.recorded, r.ref = true, p.Ref()
			if r.main.start != r.ref.Start || r.main.pid != r.ref.PID {
				s.m.fail("%s is %d, which began at %d, and not %+v", r.name, r.main.pid, r.main.start, r.ref)
			}
			s.knowLocked(r, p)
		}
	})
}

func (s *sim) know(r *simRun, p engine.Process) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.knowLocked(r, p)
}

// knowLocked has a supervisor know of a run: how it ends is recorded, and what that
// leaves is stopped.
func (s *sim) knowLocked(r *simRun, p engine.Process) {
	l := s.m.life
	r.proc, r.r = p, p.(*run)
	s.requests.Go(func() {
		select {
		case <-p.Exited():
		case <-l.died:
			return
		}
		exit := p.Exit() // takes the engine's mutex, which comes before the machine's
		s.m.mu.Lock()
		if l.dead {
			s.m.mu.Unlock()
			return
		}
		s.exited(r, p, exit)
		again := !closed(p.Gone()) && !r.leave
		s.m.mu.Unlock()
		if again {
			s.signal(r, syscall.SIGTERM)
		}
		select {
		case <-p.Gone():
		case <-l.died:
			return
		}
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		if !l.dead {
			s.m.say("%s is gone", r.name)
			s.m.judge(r)
			r.over, r.proc = true, nil
		}
	})
}

// exited notes how a run has ended. The caller holds the machine's mutex.
func (s *sim) exited(r *simRun, p engine.Process, exit task.Exit) {
	s.m.say("%s has ended: %+v", r.name, exit)
	r.ref, r.paused = p.Ref(), false
	r.unseen = r.ref.Over == 0
	want := task.Exit{Code: r.status.ExitStatus()}
	if r.status.Signaled() {
		want = task.Exit{Signal: r.status.Signal()}
	}
	if exit.LeftBehind = 0; !r.main.zombie {
		s.m.fail("%s is said to have ended, and has not", r.name)
	} else if exit.Lost && r.r.adopted {
		s.m.hits["lost"]++
	} else if exit != want {
		s.m.fail("%s is said to have ended with %+v, and not %+v", r.name, exit, want)
	}
}

// judge sees that nothing is left of a run that is said to be gone. The caller holds the
// mutex.
func (m *machine) judge(r *simRun) {
	m.catchUp()
	m.mark()
	for _, p := range r.procs {
		outruns := p.leaps && r.r != nil && r.r.adopted && r.group == nil
		if !p.zombie && !p.uncovered && !outruns && (!r.leave || r.asked) {
			m.fail("%s is gone, and %v is not", r.name, p)
		}
	}
}

// mark marks what nothing ties to its run any more: it is not covered, whatever becomes
// of it, and of what it begins. The caller holds the mutex.
func (m *machine) mark() {
	m.dirty = false
	if m.life.dead {
		return // who comes next sees what there is by then
	}
	for _, r := range m.runs {
		for _, p := range r.procs {
			if !r.over && !p.zombie && !p.uncovered && !m.covered(p) {
				p.uncovered = true
				m.hits["uncovered"]++
				m.say("  nothing ties %v to its run", p)
			}
		}
	}
}

// covered reports whether a process can be found as part of its run: in its cgroup, or by
// its eldest ancestor. As unknown runs are ended only what that shows counts: what a living
// process has begun that shows nothing may be a daemon's job.
func (m *machine) covered(p *simProc) bool {
	r := p.of
	if r.group != nil && p.group.within(r.group) {
		return true
	}
	top := p.eldest()
	if m.life.endsUnknown {
		return r.recorded || !top.hidden && top.blindUntil < m.current && top.tells("TASKS_RUN_ID")
	}
	if top == r.main || top.noted {
		return true
	}
	if top.session == r.main && m.holdsSession(r) {
		return true
	}
	if top.hidden {
		return false
	}
	if top.tells("TASKS_RUN_ID") && !(top.execing && top.blindUntil > m.current) {
		return true
	}
	adopted := r.r == nil && !r.starting || r.r != nil && r.r.adopted
	for fd, f := range top.files {
		if f.ino == r.log && (r.r == nil || r.r.log.ino == r.log) && f.flags&logMark != 0 && (fd == 1 || !adopted) {
			return true
		}
	}
	return false
}

// eldest is who of the run a process descends from, and has no parent in it.
func (p *simProc) eldest() *simProc {
	for p != p.of.main && p.parent.of == p.of {
		p = p.parent
	}
	return p
}

// canLook reports whether no look fails.
func (m *machine) canLook() bool { return m.kind.faults == 0 && m.limit == enough }

// noteDescent notes who still descends from the main process as the first signal of a stop
// is sent: the engine has looked at them before.
func (m *machine) noteDescent(r *simRun) {
	for _, p := range r.descent {
		if m.canLook() && !p.zombie && p.eldest() == r.main {
			p.noted = true
			m.hits["noted"]++
		}
	}
	r.descent = nil
}

// holdsSession reports whether the run's session is known to be its own: its leader is
// there, or somebody who was when that ended.
func (m *machine) holdsSession(r *simRun) bool {
	if r.r == nil {
		return true // it has not been started, or not been taken back yet
	}
	over := r.r.over.Load()
	if over == 0 {
		return !r.unseen
	}
	for _, p := range m.procs {
		if p.session == r.main && p.start <= over {
			return true
		}
	}
	return false
}

// stop asks a run to end, and kills what has not after a grace.
func (s *sim) stop(r *simRun) {
	if r == nil {
		return
	}
	sig := syscall.SIGTERM
	if s.r.IntN(3) == 0 {
		sig = syscall.SIGKILL
	}
	s.ask(func() { s.signal(r, sig) })
}

func (s *sim) signal(r *simRun, sig syscall.Signal) {
	s.m.mu.Lock()
	p, l := r.proc, s.m.life
	if p == nil || l.dead || r.killed {
		s.m.mu.Unlock()
		return
	}
	s.m.say("%v to %s", sig, r.name)
	r.asked, r.paused = true, false
	r.killed = sig == syscall.SIGKILL
	grace := time.Duration(100+s.m.hash(r.id, "grace")%2000) * time.Millisecond
	began := s.m.now
	r.descent = nil
	if s.m.canLook() && r.group == nil {
		for _, p := range r.procs {
			if !p.zombie && p.eldest() == r.main {
				r.descent = append(r.descent, p)
			}
		}
	}
	s.m.mu.Unlock()
	p.Stop(sig)
	if p.(engine.StopReporter).StopErr() == nil {
		s.inMachine(func(m *machine) {
			for _, p := range r.procs {
				if !l.dead && !p.zombie && m.restsSince(p.group, began) {
					m.fail("%s is asked to end, and %v is frozen", r.name, p)
				}
			}
		})
	}
	if sig == syscall.SIGKILL {
		return
	}
	s.requests.Go(func() {
		select {
		case <-p.Gone():
		case <-l.died:
		case <-time.After(grace):
			s.signal(r, syscall.SIGKILL)
		}
	})
}

func (s *sim) pauseOrResume(r *simRun) {
	if r == nil {
		return
	}
	busy, paused := false, false
	var p engine.Process
	s.inMachine(func(*machine) { busy, paused, p = r.busy || r.asked, r.pausing, r.proc })
	if busy || p == nil {
		return
	}
	if paused {
		s.resume(r)
		return
	}
	l := s.m.life
	s.inMachine(func(*machine) { r.busy, r.pausing = true, true })
	s.say("pause %s", r.name)
	s.ask(func() {
		err := p.(engine.Pauser).Pause()
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		r.busy = false
		if l.dead {
			return
		}
		s.m.say("%s is paused: %v", r.name, err)
		r.paused = err == nil && !r.asked && !r.main.zombie
		for _, p := range r.procs {
			if r.paused && !p.zombie && !p.uncovered && !p.leaps && !p.stopped && !s.m.rests(p) && !p.halts() {
				s.m.fail("%s is paused, and %v keeps running", r.name, p)
			}
		}
		if r.paused {
			s.m.hits["paused"]++
		}
		r.pausing = r.paused
	})
}

func (s *sim) resume(r *simRun) {
	var p engine.Process
	l := s.m.life
	s.inMachine(func(*machine) {
		if p = r.proc; p != nil {
			r.busy, r.paused = true, false
		}
	})
	if p == nil {
		return
	}
	var began time.Duration
	s.inMachine(func(m *machine) { began = m.now })
	s.say("resume %s", r.name)
	s.ask(func() {
		err := p.(engine.Pauser).Resume()
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		r.busy = false
		if l.dead {
			return
		}
		s.m.say("%s is resumed: %v", r.name, err)
		r.pausing = err != nil
		for _, p := range r.procs {
			if err == nil && !p.zombie && p.group.within(r.group) && s.m.restsSince(r.group, began) {
				s.m.fail("%s is resumed, and %v is not", r.name, p)
			}
		}
	})
}

// finish has all end, with nothing in the way.
func (s *sim) finish() {
	for s.dead() {
		s.end()
		s.startEngine()
	}
	s.inMachine(func(m *machine) { m.left, m.faulty, m.limit = -1, 0, enough })
	s.pass(time.Second) // what was asked for has begun
	for _, r := range s.runs {
		s.ask(func() { s.signal(r, syscall.SIGKILL) })
	}
	s.pass(30 * time.Second)
	if left := s.any(); left != nil {
		var r *run
		s.inMachine(func(*machine) { r = left.r })
		err := r.StopErr()
		s.inMachine(func(m *machine) { m.fail("%s is not gone: %v", left.name, err) })
	}
}

// end ends the supervisor, in order if it is not dead.
func (s *sim) end() {
	l := s.m.life
	if err := l.engine.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		s.t.Error(err)
	}
	s.inMachine(func(m *machine) {
		if !l.dead {
			if m.wrong == nil {
				for fd, f := range l.fds {
					if f.p != nil && f.p.uncovered && !f.p.zombie {
						continue // its end is awaited
					}
					m.fail("descriptor %d is left: %s", fd, f.path)
				}
			}
			m.die()
		}
		for _, r := range s.runs {
			r.proc, r.r, r.busy, r.killed = nil, nil, false, false
		}
	})
	time.Sleep(time.Minute) // for its goroutines to end
	synctest.Wait()
	s.requests.Wait()
	if s.first != nil {
		close(s.first.ask)
	}
}
