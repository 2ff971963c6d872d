package process

import (
	"cmp"
	"container/heap"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A machine is a small Linux of its own: processes that follow scripts, their groups,
// sessions, cgroups and signals. What the engine sees of it is in simkernel_linux_test.go.
// Its time is the bubble's, but for what system calls take with a lock held.
type machine struct {
	mu       sync.Mutex
	seed     uint64
	kind     kernelKind
	say      func(format string, args ...any)
	trace    bool             // each call is logged
	scripted func(*simProc)   // what a process does; nil: as its key decides
	before   func(call) error // is about to be answered

	began   time.Time     // in the bubble
	behind  time.Duration // of the bubble, for which the machine stood still
	now     time.Duration // since boot
	current time.Duration // of what happens just now
	held    bool          // it stands still
	dirty   bool          // a process has ended, or was reaped
	events  events
	seq     int
	kick    chan struct{} // there is an event, or there is time
	quit    chan struct{}

	procs     map[int]*simProc // by pid, with the zombies
	lastPID   int
	maxPID    int
	tids      map[int]bool   // of second threads
	lastUse   map[int]uint64 // of a pid, in ticks
	init      *simProc
	orphanage *simProc      // begins the supervisors: a subreaper, or init once all others have ended
	reapers   map[proc]bool // have been ancestors of a supervisor
	contained bool          // the supervisor is init
	root      *simGroup

	*life
	runs  map[string]*simRun // by TASKS_RUN_ID
	wrong []string           // what must not be
	hits  map[string]int     // what was met, to see that the simulation is worth something
	calls map[callKey]uint64 // how often each call was made
}

// kernelKind is what a kernel can, and may.
type kernelKind struct {
	cgroups    bool // may be made
	groupKill  bool // cgroup.kill, Linux 5.14
	pidfdGroup bool // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
	pidfdExit  bool // PIDFD_INFO_EXIT, Linux 6.15
	children   bool // the engine has the first thread, whose children are listed
	faults     int  // a call in so many fails, while faulty; 0: none
}

// life is a supervisor's process.
type life struct {
	self        *simProc
	engine      *Engine // once it is made
	fds         map[int]*simFile
	limit       int
	left        int // calls until it dies; negative: it does not
	after       bool
	dead        bool
	died        chan struct{}
	faulty      time.Duration // until when calls fail
	endsUnknown bool          // it ends what is in no record
	logs        map[int]uint64
}

type simProc struct {
	pid              int
	key              uint64 // tells it from all others, whatever the order of things
	parent           *simProc
	pgrp, session    *simProc // the leaders, dead or not
	start            uint64
	zombie, gone     bool // gone: reaped
	stopped          bool
	status           syscall.WaitStatus
	ended            chan struct{}
	reaps, subreaper bool
	of               *simRun // which it descends from; nil: none
	group            *simGroup
	program          string
	env              []string
	execs            int
	execing          bool          // between two programs
	blindUntil       time.Duration // shows no environment before, for longer than the engine may wait
	spawner          *simProc      // that waits until this has executed a program, vfork(2); nil: nobody
	inKernel         byte          // its state while it is there: what is sent is pending; 0: it is not
	killable         bool          // there, by a signal that is fatal
	hidden           bool          // may not be read
	locked           chan struct{} // its memory is, until this is closed; nil: it is not
	thread           int           // keeps running without the first thread, if not 0
	files            map[int]descriptor
	ignores          bool          // TERM
	resists          time.Duration // what it takes to act on TERM
	heir             bool          // begins another as it does
	pending          []syscall.Signal
	later            []func() // what it does once it is resumed
	forks            int
	noted            bool // descended from the main process when a stop was begun
	uncovered        bool // has been where nothing ties it to its run
	depth            int
	leaps            bool // forks and ends, again and again, or descends from what does
}

// openFile is an open file description, open(2): descriptors that were inherited or
// duplicated share it, with its flags, also over an exec.
type openFile struct {
	ino   uint64
	flags int
}

type descriptor struct {
	*openFile
	closeOnExec bool // fcntl(2), F_SETFD: each has its own
}

type simGroup struct {
	path     string
	parent   *simGroup
	below    map[string]*simGroup
	procs    map[int]*simProc
	freezing bool          // cgroup.freeze
	asked    time.Duration // when that was written
	rest     time.Duration // from when on it is at rest
}

type event struct {
	at  time.Duration
	seq int
	p   *simProc // who does it; nil: nobody
	do  func()
}

type events []*event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(e[i].at, e[j].at), e[i].seq-e[j].seq) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(*event)) }
func (e *events) Pop() any     { last := (*e)[len(*e)-1]; *e = (*e)[:len(*e)-1]; return last }

const (
	bootTicks = 1000
	enough    = 64 // descriptors
)

func newMachine(seed uint64, kind kernelKind, say func(string, ...any)) *machine {
	m := &machine{
		seed: seed, kind: kind, say: say, began: time.Now(), now: bootTicks * tick, kick: make(chan struct{}, 1), quit: make(chan struct{}),
		procs: make(map[int]*simProc), tids: make(map[int]bool), reapers: make(map[proc]bool), lastUse: make(map[int]uint64), runs: make(map[string]*simRun),
		hits: make(map[string]int), calls: make(map[callKey]uint64), trace: os.Getenv("SIM_SEED") != "", life: &life{dead: true},
	}
	m.behind = -m.now
	r := m.random("machine")
	m.maxPID = 40 + r.IntN(100)
	m.root = &simGroup{below: make(map[string]*simGroup), procs: make(map[int]*simProc)}
	m.init = &simProc{pid: 1, ended: make(chan struct{}), reaps: true, group: m.root, files: make(map[int]descriptor), execs: 1, key: 1, start: 1}
	m.init.pgrp, m.init.session, m.init.parent = m.init, m.init, m.init
	m.procs[1], m.root.procs[1], m.lastPID = m.init, m.init, 1
	m.current = m.now
	m.orphanage = m.init
	for range 1 + r.IntN(2) {
		m.orphanage = m.fork(m.orphanage)
		m.orphanage.subreaper, m.orphanage.reaps = true, r.IntN(4) > 0
		m.setsid(m.orphanage)
	}
	go m.live()
	return m
}

// beginSupervisor begins the process of a supervisor.
func (m *machine) beginSupervisor() {
	m.current = m.now
	self := m.init
	if !m.contained {
		self = m.fork(m.orphanage)
		self.program, self.env = "tasks", []string{"HOME=/"}
		self.subreaper = true
		m.setsid(self)
	}
	own := m.root.below[ownGroup]
	if own == nil {
		own = m.newGroup(m.root, ownGroup)
	}
	own.move(self)
	m.life = &life{self: self, fds: make(map[int]*simFile), limit: enough, left: -1, died: make(chan struct{}), logs: make(map[int]uint64)}
	ownPID = self.pid
	for p := self; p != m.init; p = p.parent {
		m.reapers[proc{p.parent.pid, p.parent.start}] = true
	}
	m.say("supervisor %d begins", self.pid)
}

// random is what belongs to the key: the same whenever it is asked for.
func (m *machine) random(key ...any) *rand.Rand {
	return rand.New(rand.NewPCG(m.seed, m.hash(key...)))
}

func (m *machine) hash(key ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, m.seed, key)
	return h.Sum64()
}

// live has what is due happen.
func (m *machine) live() {
	for {
		m.mu.Lock()
		m.catchUp()
		var wait <-chan time.Time
		if len(m.events) > 0 && !m.held {
			wait = time.After(m.events[0].at - m.now)
		}
		m.mu.Unlock()
		select {
		case <-wait:
		case <-m.kick:
		case <-m.quit:
			return
		}
	}
}

// catchUp has all happen that was to happen by now.
func (m *machine) catchUp() {
	if m.held {
		return
	}
	m.now = max(m.now, time.Since(m.began)-m.behind)
	for len(m.events) > 0 && m.events[0].at <= m.now {
		e := heap.Pop(&m.events).(*event)
		m.current = max(m.current, e.at)
		m.happen(e.p, e.do)
		if m.dirty {
			m.mark()
		}
	}
	m.current = m.now
}

func (m *machine) happen(p *simProc, do func()) {
	switch {
	case p == nil:
	case p.zombie || p.gone:
		return
	case p.stopped || p.inKernel != 0 || m.rests(p):
		p.later = append(p.later, do)
		return
	case p.of != nil && p.of.paused && !p.uncovered && !p.leaps:
		m.fail("%v keeps running, and its run is paused", p)
	}
	do()
}

func (m *machine) hold(on bool) {
	if on {
		m.catchUp()
	} else {
		m.behind = time.Since(m.began) - m.now
	}
	m.held = on
	m.wake()
}

func (m *machine) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

func (m *machine) at(d time.Duration, p *simProc, do func()) {
	m.seq++
	heap.Push(&m.events, &event{m.current + d, m.seq, p, do})
	m.wake()
}

func (m *machine) fail(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
	m.say("WRONG: "+format, args...)
}

func (p *simProc) String() string {
	if p.of == nil {
		return fmt.Sprintf("process %d", p.pid)
	}
	return fmt.Sprintf("process %d (of %s, started at %d, parent %d, session %d, env %d, files %d)", p.pid, p.of.name, p.start, p.parent.pid, p.session.pid, len(p.env), len(p.files))
}

func (m *machine) ticks() uint64 { return uint64(m.current / tick) }

// nextPID is one that nothing has, nor had a moment ago: no process, thread, group or session.
func (m *machine) nextPID() int {
	used := maps.Clone(m.tids)
	for pid, p := range m.procs {
		used[pid], used[p.pgrp.pid], used[p.session.pid] = true, true, true
	}
	for range 2 * m.maxPID {
		if m.lastPID++; m.lastPID > m.maxPID {
			m.lastPID = 2
		}
		if !used[m.lastPID] && m.lastUse[m.lastPID] < m.ticks() {
			return m.lastPID
		}
	}
	m.maxPID *= 2
	return m.nextPID()
}

func (m *machine) fork(parent *simProc) *simProc {
	parent.forks++
	p := &simProc{
		pid: m.nextPID(), key: m.hash(parent.key, parent.forks), parent: parent, pgrp: parent.pgrp, session: parent.session, start: m.ticks(),
		ended: make(chan struct{}), reaps: true, of: parent.of, group: parent.group, env: parent.env, program: parent.program, execs: parent.execs, hidden: parent.hidden,
		files: maps.Clone(parent.files), ignores: parent.ignores, uncovered: parent.uncovered, leaps: parent.leaps, depth: parent.depth + 1,
	}
	if p.group == nil {
		p.group = m.root
	}
	m.lastUse[p.pid] = p.start
	m.procs[p.pid] = p
	p.group.procs[p.pid] = p
	if p.of != nil {
		p.of.procs = append(p.of.procs, p)
	}
	return p
}

// becomeSibling makes of a child one that was begun with CLONE_PARENT, clone(2): its parent is
// the caller's, which is informed of its end. Init cannot begin one.
func (m *machine) becomeSibling(child, caller *simProc) {
	m.hits["sibling"]++
	child.parent = caller.parent
}

func (m *machine) setsid(p *simProc) {
	if p.pgrp != p {
		p.session, p.pgrp = p, p
	}
}

// endOrphanage ends the process that has begun the supervisors: what it has taken in goes to
// the next subreaper above it, or to init.
func (m *machine) endOrphanage() {
	if m.orphanage == m.init {
		return
	}
	m.hits["orphanage ends"]++
	ended := m.orphanage
	m.orphanage = m.heir(ended)
	m.say("  the orphanage %d ends: %d has its children", ended.pid, m.orphanage.pid)
	m.end(ended, 0)
}

// heir is who takes in the children of p: the nearest living ancestor that is a subreaper,
// PR_SET_CHILD_SUBREAPER, prctl(2), or init. No ancestor is dead: its children have another
// parent.
func (m *machine) heir(p *simProc) *simProc {
	heir := p.parent
	for !heir.subreaper && heir != m.init {
		heir = heir.parent
	}
	return heir
}

// end ends a process.
func (m *machine) end(p *simProc, status syscall.WaitStatus) {
	if p.zombie || p.gone || p == m.init {
		return
	}
	m.dirty = true
	p.zombie, p.status, p.stopped, p.later, p.pending = true, status, false, nil, nil
	m.endThread(p)
	delete(p.group.procs, p.pid)
	heir := m.heir(p)
	for _, c := range m.children(p) {
		c.parent = heir
		if c.zombie {
			m.told(heir, c)
		}
	}
	close(p.ended)
	m.release(p)
	if p.of != nil && p.of.main == p {
		p.of.status = status
		m.say("  the main process of %s, %d, ends: %v", p.of.name, p.pid, status)
	}
	m.told(p.parent, p)
}

// The parent is informed that a child has ended.
func (m *machine) told(parent, child *simProc) {
	if parent == m.self {
		m.childEnded()
		return
	}
	if parent.reaps {
		wait := time.Duration(m.hash(child.key, "reap")%3000) * time.Microsecond
		if m.hash(child.key, "at once")%2 == 0 {
			wait = 10 * time.Microsecond
		}
		m.at(wait, parent, func() {
			if child.parent == parent && !child.gone {
				m.reap(child)
			}
		})
	}
}

func (m *machine) reap(p *simProc) {
	p.gone, m.dirty = true, true
	delete(m.procs, p.pid)
	m.lastUse[p.pid] = m.ticks() + 1 // that it ended may be seen in the next tick
}

// children are those of p, the oldest first.
func (m *machine) children(p *simProc) (all []*simProc) {
	for _, c := range m.procs {
		if c.parent == p && c != p {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *simProc) int { return cmp.Or(cmp.Compare(a.start, b.start), a.pid-b.pid) })
	return all
}

func (m *machine) sorted() []*simProc {
	return slices.SortedFunc(maps.Values(m.procs), func(a, b *simProc) int { return a.pid - b.pid })
}

// rests reports whether the process is in a cgroup that is frozen.
func (m *machine) rests(p *simProc) bool { return p.group.frozenBy(m.current) != nil }

// restsSince reports whether the group is frozen, and has been since the time.
func (m *machine) restsSince(g *simGroup, at time.Duration) bool {
	by := g.frozenBy(m.current)
	return by != nil && by.asked <= at
}

// frozenBy is the cgroup by whose setting this one is at rest at that time: its own, or one above
// it, cgroups(7) and the kernel's cgroup-v2.rst; nil: none.
func (g *simGroup) frozenBy(at time.Duration) *simGroup {
	for ; g != nil; g = g.parent {
		if g.freezing && g.rest <= at {
			return g
		}
	}
	return nil
}

// signal is what a process gets, from whomever.
func (m *machine) signal(p *simProc, sig syscall.Signal) {
	switch {
	case p.zombie || p.gone || p == m.init || sig == 0:
	case m.fatal(p, sig):
		m.end(p, syscall.WaitStatus(sig))
	case sig == syscall.SIGCONT: // takes a STOP back that the process has not acted on, signal(7)
		p.stopped = false
		p.pending = slices.DeleteFunc(p.pending, func(s syscall.Signal) bool { return s == syscall.SIGSTOP })
		m.goOn(p)
	case p.stopped || p.inKernel != 0 || m.rests(p):
		p.pending = append(p.pending, sig)
	case sig == syscall.SIGSTOP:
		p.stopped = true
	default:
		m.act(p, sig)
	}
}

// fatal reports whether the signal ends the process at once, wherever that is. KILL is so also
// to one that is stopped, or frozen in a cgroup of version 2. So is any other that would end
// it, unless it is stopped: the kernel makes KILL of it as it is sent (complete_signal). In
// uninterruptible sleep, state D of proc_pid_stat(5), both are pending, but where that is
// killable, as the wait of vfork(2).
func (m *machine) fatal(p *simProc, sig syscall.Signal) bool {
	switch {
	case p.inKernel != 0 && !p.killable:
		return false
	case sig == syscall.SIGKILL:
		return true
	default:
		return sig != syscall.SIGSTOP && sig != syscall.SIGCONT && !p.stopped && !p.ignores && p.resists == 0
	}
}

// goOn has a process do what it could not do while it was stopped, frozen or in the kernel.
func (m *machine) goOn(p *simProc) {
	for _, sig := range p.pending {
		if m.fatal(p, sig) {
			m.end(p, syscall.WaitStatus(sig))
			return
		}
	}
	if p.stopped || p.inKernel != 0 || m.rests(p) {
		return
	}
	pending, later := p.pending, p.later
	p.pending, p.later = nil, nil
	for _, sig := range pending {
		m.signal(p, sig)
	}
	for i, do := range later {
		m.at(time.Duration(i+1)*5*time.Microsecond, p, do)
	}
}

// act is what a process does upon TERM and the like.
func (m *machine) act(p *simProc, sig syscall.Signal) {
	switch {
	case p.zombie || p.gone || p.ignores:
	case p.resists == 0:
		m.end(p, syscall.WaitStatus(sig))
	default:
		m.at(p.resists, p, func() {
			if p.heir {
				m.follow(m.fork(p))
			}
			m.end(p, 0)
		})
	}
}

func (m *machine) newGroup(parent *simGroup, name string) *simGroup {
	g := &simGroup{path: parent.path + "/" + name, parent: parent, below: make(map[string]*simGroup), procs: make(map[int]*simProc)}
	parent.below[name] = g
	return g
}

// all is every process in the group and those below it, by pid.
func (g *simGroup) all() (all []*simProc) {
	for _, p := range g.procs {
		all = append(all, p)
	}
	for _, b := range g.below {
		all = append(all, b.all()...)
	}
	slices.SortFunc(all, func(a, b *simProc) int { return a.pid - b.pid })
	return all
}

func (g *simGroup) freeze(m *machine, on bool) {
	g.freezing = on
	if on {
		g.asked = m.current
		g.rest = m.current + time.Duration(m.hash(g.path, "rest")%200)*time.Microsecond
		return
	}
	for _, p := range g.all() {
		m.goOn(p)
	}
}

// freezeBelow has a process put its youngest child in a cgroup of its own and freeze that, as
// podman-pause(1) does.
func (m *machine) freezeBelow(p *simProc) {
	children := m.children(p)
	if p.of == nil || p.of.group == nil || !p.group.within(p.of.group) || len(children) == 0 {
		return
	}
	m.hits["cgroup of its own frozen"]++
	child := children[len(children)-1]
	name := fmt.Sprint("below", p.pid)
	g := p.group.below[name]
	if g == nil {
		g = m.newGroup(p.group, name)
	}
	if !child.zombie {
		g.move(child)
	}
	g.freeze(m, true)
}

func (g *simGroup) move(p *simProc) {
	delete(p.group.procs, p.pid)
	p.group = g
	g.procs[p.pid] = p
}

func (g *simGroup) within(above *simGroup) bool {
	for ; g != nil; g = g.parent {
		if g == above {
			return true
		}
	}
	return false
}

// follow has a process follow a script, which its key decides.
func (m *machine) follow(p *simProc) {
	if m.scripted != nil {
		m.scripted(p)
		return
	}
	r := m.random(p.key, "script")
	p.reaps = r.IntN(4) > 0
	switch r.IntN(8) {
	case 0:
		p.ignores = true
	case 1, 2:
		p.resists, p.heir = time.Duration(r.IntN(20_000))*time.Microsecond, r.IntN(3) == 0
	}
	after := time.Duration(0)
	later := func() time.Duration {
		switch r.IntN(3) {
		case 0:
			after += time.Duration(1+r.IntN(300)) * time.Microsecond
		case 1:
			after += time.Duration(1+r.IntN(3000)) * time.Microsecond
		default:
			after += time.Duration(1+r.IntN(40)) * time.Millisecond
		}
		return after
	}
	if p.depth > 3 && r.IntN(6) == 0 {
		m.leap(p, r.IntN(20), time.Duration(20+r.IntN(300))*time.Microsecond)
		return
	}
	for range r.IntN(7) {
		m.at(later(), p, m.step(p, r.IntN(22)))
	}
	switch r.IntN(5) {
	case 0, 1:
		code := syscall.WaitStatus(r.IntN(4) << 8)
		m.at(later(), p, func() { m.end(p, code) })
	case 2:
		code := syscall.WaitStatus(r.IntN(4) << 8)
		m.at(later()+time.Duration(r.IntN(2000))*time.Millisecond, p, func() { m.end(p, code) })
	}
}

// leap has a process fork and end, then its child the same, again and again.
func (m *machine) leap(p *simProc, times int, each time.Duration) {
	if times == 0 || p.of != nil && len(p.of.procs) > 100 {
		return
	}
	m.at(each, p, func() {
		m.hits["leap"]++
		p.leaps = true
		m.leap(m.fork(p), times-1, each)
		m.end(p, 0)
	})
}

func (m *machine) step(p *simProc, n int) func() {
	const most = 16 // of a run
	begin := func() *simProc {
		if p.depth > 9 || p.of != nil && p.of.living() >= most {
			return nil
		}
		return m.fork(p)
	}
	change := func(what string, do func()) func() {
		return func() {
			m.say("  %d: %s", p.pid, what)
			do()
			m.mark()
		}
	}
	switch n {
	default: // a child, which may do anything
		return func() {
			if c := begin(); c != nil {
				m.say("  %d begins %d", p.pid, c.pid)
				m.follow(c)
			}
		}
	case 3: // a child in a session of its own
		return func() {
			if c := begin(); c != nil {
				m.say("  %d begins %d, in a session of its own", p.pid, c.pid)
				m.setsid(c)
				m.follow(c)
			}
		}
	case 4: // a daemon: forked twice
		return func() {
			c := begin()
			if c == nil {
				return
			}
			m.hits["daemon"]++
			c.reaps = false
			wait := time.Duration(m.hash(c.key, "daemon")%400) * time.Microsecond
			m.at(wait, c, func() {
				m.setsid(c)
				d := m.fork(c)
				m.say("  %d has begun %d, a daemon", p.pid, d.pid)
				m.follow(d)
				m.at(wait, c, func() { m.end(c, 0) })
			})
		}
	case 18:
		return func() {
			if c := begin(); c != nil {
				m.say("  %d begins its sibling %d", p.pid, c.pid)
				m.becomeSibling(c, p)
				if m.hash(c.key, "session")%2 == 0 {
					m.setsid(c)
				}
				m.follow(c)
			}
		}
	case 19:
		return change("becomes a subreaper", func() { p.subreaper = true })
	case 20:
		r := m.random(p.key, "block")
		takes := []time.Duration{time.Millisecond, 40 * time.Millisecond, 3 * time.Second}[r.IntN(3)]
		return change("waits in the kernel", func() { m.block(p, time.Duration(r.Int64N(int64(takes))), r.IntN(3) == 0) })
	case 21:
		return change("freezes a cgroup of its own", func() { m.freezeBelow(p) })
	case 5:
		return change("leaves its session", func() { m.setsid(p) })
	case 6:
		return change("leads a process group", func() {
			if p.session != p {
				p.pgrp = p
			}
		})
	case 7:
		return change("executes another program, without its environment", func() { m.exec(p, nil) })
	case 8:
		return change("executes another program", func() { m.exec(p, p.env) })
	case 9:
		return change("closes its log", func() { clear(p.files) })
	case 10:
		return change("opens its log by its path", func() {
			for fd, f := range p.files {
				p.files[fd] = descriptor{&openFile{f.ino, syscall.O_WRONLY | syscall.O_APPEND}, false}
			}
		})
	case 15:
		return func() {
			if c := begin(); c != nil {
				m.spawn(p, c)
			}
		}
	case 14:
		return change("clears the flags of its log", func() { // fcntl(2), F_SETFL: for all who share it
			if f, ok := p.files[1]; ok && m.hash(p.key, "flags")%4 == 0 {
				f.flags = syscall.O_WRONLY
			}
		})
	case 16:
		return change("has its log closed upon an exec", func() {
			for fd, f := range p.files {
				p.files[fd] = descriptor{f.openFile, true}
			}
		})
	case 17:
		return change("keeps its log elsewhere than at its output", func() {
			if f, ok := p.files[1]; ok {
				delete(p.files, 1)
				p.files[7] = f
			}
		})
	case 11:
		return change("ignores TERM", func() { p.ignores = true })
	case 12:
		return change("stops", func() { m.signal(p, syscall.SIGSTOP) })
	case 13:
		switch m.hash(p.key, "thirteen") % 3 {
		case 0:
			return change("may not be read", func() { p.hidden = true })
		case 1:
			return change("ends its first thread", func() {
				if p.thread == 0 {
					p.thread = m.nextPID()
					m.tids[p.thread] = true
				}
			})
		}
		return change("makes a cgroup", func() {
			if p.group == m.root || !m.kind.cgroups || p.of == nil || p.of.group == nil || !p.group.within(p.of.group) {
				return
			}
			name := fmt.Sprint("below", p.pid)
			g := p.group.below[name]
			if g == nil {
				g = m.newGroup(p.group, name)
			}
			g.move(p)
		})
	}
}

// exec has a process execute another program, execve(2): pid, parent, session and start stay,
// and what it ignores. Its other threads end, descriptors are closed (FD_CLOEXEC), and
// whether it may be read depends on the new program (PR_SET_DUMPABLE, prctl(2)). For a while
// it shows no environment; where the file system is slow, long enough to be seen waiting.
func (m *machine) exec(p *simProc, env []string) {
	p.execs++
	r := m.random(p.key, p.execs, "exec")
	takes := time.Duration(r.IntN(500)) * time.Microsecond
	p.inKernel, p.killable = 'R', true
	if r.IntN(20) == 0 {
		takes = time.Duration(r.IntN(2500)) * time.Millisecond
		p.inKernel = 'D'
		m.hits["slow exec"]++
	}
	p.program, p.env = []string{"sh", "worker", "a) (tool"}[r.IntN(3)], env
	p.execing, p.hidden = true, r.IntN(20) == 0
	p.resists, p.heir = 0, false // what caught a signal is gone
	maps.DeleteFunc(p.files, func(_ int, f descriptor) bool { return f.closeOnExec })
	m.endThread(p)
	m.release(p)
	if takes > 900*time.Millisecond {
		p.blindUntil = m.current + takes
	}
	m.at(takes, nil, func() {
		p.execing = false
		m.leaveKernel(p)
	})
}

// spawn has p begin c as posix_spawn(3) does, and wait until that executes a program.
func (m *machine) spawn(p, c *simProc) {
	takes := time.Duration(m.hash(c.key, "spawn")%500) * time.Microsecond
	if m.hash(c.key, "slow")%10 == 0 {
		takes *= 1000
	}
	m.say("  %d spawns %d", p.pid, c.pid)
	p.inKernel, p.killable, c.spawner = 'D', true, p
	m.at(takes, c, func() {
		m.exec(c, c.env)
		m.follow(c)
	})
}

// block has p wait in the kernel for a disk or a server: KILL, too, is pending until it leaves
// that. Its memory may be locked meanwhile, as where it maps a file of that server: who reads
// its environment or arguments waits for as long.
func (m *machine) block(p *simProc, takes time.Duration, locked bool) {
	m.hits["uninterruptible"]++
	p.inKernel, p.killable = 'D', false
	if locked {
		m.hits["locked"]++
		p.locked = make(chan struct{})
		if takes > unknownTimeout-time.Second/2 {
			p.blindUntil = m.current + takes
		}
	}
	m.at(takes, nil, func() {
		if locked {
			close(p.locked)
			p.locked = nil
		}
		m.leaveKernel(p)
	})
}

// release has whoever waits in vfork(2) for p continue.
func (m *machine) release(p *simProc) {
	if p.spawner != nil {
		m.leaveKernel(p.spawner)
		p.spawner = nil
	}
}

// leaveKernel has a process act on what came while it was in the kernel.
func (m *machine) leaveKernel(p *simProc) {
	p.inKernel = 0
	m.goOn(p)
}

func (m *machine) endThread(p *simProc) {
	if p.thread != 0 {
		delete(m.tids, p.thread)
		p.thread = 0
	}
}

// stranger begins a process that belongs to no run: it may look into the log of one.
func (m *machine) stranger(r *rand.Rand, logs []uint64) {
	parent := m.init
	if r.IntN(3) == 0 {
		parent = m.orphanage
	}
	p := m.fork(parent)
	if r.IntN(2) == 0 {
		m.setsid(p)
	}
	if parent == m.orphanage && r.IntN(2) == 0 {
		m.becomeSibling(p, parent)
	}
	if len(logs) > 0 && r.IntN(2) == 0 {
		p.files[5] = descriptor{&openFile{logs[r.IntN(len(logs))], []int{syscall.O_RDONLY, syscall.O_WRONLY | syscall.O_APPEND}[r.IntN(2)]}, false}
	}
	m.say("  a stranger begins: %d", p.pid)
	m.at(time.Duration(r.IntN(500))*time.Millisecond, p, func() { m.end(p, 0) })
	m.lastPID += r.IntN(8) // others have come and gone
}

func (p *simProc) tells(name string) bool {
	return slices.ContainsFunc(p.env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// doomed reports whether the process ends before it does anything else.
func (p *simProc) doomed() bool {
	return p.inKernel != 0 && slices.Contains(p.pending, syscall.SIGKILL)
}

// halts reports whether the process stops before it does anything else.
func (p *simProc) halts() bool { return p.inKernel != 0 && slices.Contains(p.pending, syscall.SIGSTOP) }

// freezesLater reports whether the process is not frozen with its cgroup before it leaves the
// kernel. One that waits in vfork(2) is.
func (p *simProc) freezesLater() bool { return p.inKernel != 0 && (p.execing || !p.killable) }
