package supervisor_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// TestSimulation has supervisors live and die over one disk and one engine: each dies
// before or after some effect, and another follows. A seed chooses everything; SIM is
// how long to run (600 seeds by default), and SIM_SEED plays one seed again.
func TestSimulation(t *testing.T) {
	t.Parallel()
	seeds, end := uint64(600), time.Time{}
	if d, err := time.ParseDuration(os.Getenv("SIM")); err == nil {
		seeds, end = 1<<62, time.Now().Add(d)
	}
	first := uint64(0)
	if n, err := fmt.Sscan(os.Getenv("SIM_SEED"), &first); n == 1 && err == nil {
		seeds = 1
	} else if !end.IsZero() {
		first = rand.Uint64() >> 2
	}
	var lives, steps, acknowledged atomic.Int64
	for seed := first; seed-first < seeds && (end.IsZero() || time.Now().Before(end)); seed++ {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed, &lives, &steps, &acknowledged) })
		if t.Failed() {
			t.Fatalf("play it again with SIM_SEED=%d", seed)
		}
	}
	t.Logf("%d lives, %d requests, %d of them acknowledged", lives.Load(), steps.Load(), acknowledged.Load())
}

// sim is the world of one seed.
type sim struct {
	t    *testing.T
	r    *rand.Rand
	fake *enginetest.Fake
	disk *memory
	life *life
	sup  *supervisor.Supervisor

	asked    []asked
	unheard  map[*enginetest.FakeRun]bool // that a supervisor died without recording
	given    map[string][]string          // commands, to each name
	ups      []*up                        // that were not answered
	has      map[string]string            // commands of a tasks file, since an up of it was answered that is the last
	begun    map[string]int               // runs of a job, by its command, which nobody asked to run again
	promised map[string]promise
	edited   map[string]*task.Spec // what an edit was answered for that is the last
	runs     []*enginetest.FakeRun
	fails    bool // some saves: a job whose end is in no record may run again
	log      []string
}

// asked is a request that was not answered when it was looked at last.
type asked struct {
	call *supervisor.Call
	op   op
}

// promise is what was acknowledged last of a task, as long as nobody has asked for
// anything else.
type promise int

const (
	unknown promise = iota
	isUp            // and restarts always
	isDown
	isRemoved
	isEnabled // its schedule
	isDisabled
)

func simulate(t *testing.T, seed uint64, lives, steps, acknowledged *atomic.Int64) {
	s := &sim{t: t, r: rand.New(rand.NewPCG(seed, 9)), fake: enginetest.NewFake(), disk: newMemory(), promised: make(map[string]promise), edited: make(map[string]*task.Spec), unheard: make(map[*enginetest.FakeRun]bool), given: make(map[string][]string), begun: make(map[string]int)}
	defer func() {
		if t.Failed() {
			for _, line := range s.log {
				t.Log(line)
			}
		}
	}()
	s.fails = s.r.IntN(2) == 0
	s.startSupervisor()
	lives.Add(1)
	for range 40 + s.r.IntN(80) {
		s.act()
		synctest.Wait()
		steps.Add(1)
		acknowledged.Add(int64(s.hear()))
		if s.life.dead() {
			s.next()
			lives.Add(1)
		}
		s.check()
		if t.Failed() {
			break
		}
	}
	s.finish()
}

func (s *sim) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

// startSupervisor has a supervisor begin, which dies somewhere.
func (s *sim) startSupervisor() {
	s.life = &life{fake: s.fake, disk: s.disk, dies: make(chan struct{}), steps: -1}
	if s.r.IntN(8) > 0 {
		s.life.steps = s.r.IntN(60)
	}
	s.sup = supervisor.New(supervisor.Options{Commands: s.life, Store: s.life})
	s.killUnknown()
	s.say("a supervisor begins, for %d effects", s.life.steps)
	s.sup.Load(s.t.Context(), s.disk.all(), s.disk.allGroups()...)
	s.sup.ResumeChanges(s.disk.allChanges())
	if n := len(s.ups); n > 0 { // the client of the last one continues with this supervisor, or has gone as the others
		if s.ups = s.ups[n-1:]; s.r.IntN(2) == 0 {
			s.ups[0].ask(s)
		}
	}
	synctest.Wait()
}

// killUnknown ends the runs that no record has, as the engine for processes does. A job
// without any record, not even of its end, starts once more.
func (s *sim) killUnknown() {
	s.meet()
	refs, ends := make(map[task.Ref]bool), make(map[string]bool)
	for _, r := range s.disk.all() {
		refs[r.Ref] = true
		for _, run := range r.Runs {
			ends[fmt.Sprint(r.Spec.Name, run.Run)] = run.State != ""
		}
	}
	for _, r := range s.runs {
		if refs[r.Ref()] || s.unheard[r] {
			continue
		}
		if spec := r.Launch.Spec; !ends[fmt.Sprint(spec.Name, r.Launch.Run)] {
			s.unheard[r] = true
			s.begun[spec.Command[0]]--
		}
		r.Exit(task.Exit{Signal: 9}, false)
		r.Vanish(0)
	}
}

// next has another supervisor follow the dead one, perhaps after some more deaths.
func (s *sim) next() {
	for s.life.dead() {
		ghost := s.sup
		ghost.Close(s.t.Context()) // it changes nothing
		synctest.Wait()
		s.asked = nil // nobody will hear of these
		if s.r.IntN(2) == 0 {
			time.Sleep(time.Duration(s.r.IntN(100)) * time.Second)
		}
		s.startSupervisor()
		synctest.Wait()
	}
}

// meet takes note of runs that have begun.
func (s *sim) meet() {
	for !s.fake.Idle() {
		r := s.fake.Next(s.t)
		s.runs = append(s.runs, r)
		if spec := r.Launch.Spec; spec.Restart == task.RestartNo && !spec.Repeats() {
			if s.begun[spec.Command[0]]++; s.begun[spec.Command[0]] > 1 && !s.fails {
				s.t.Errorf("run %d of %s: %v is begun again", r.Launch.Run, spec.Name, spec.Command)
			}
		}
	}
}

// act does one thing, chosen by the seed.
func (s *sim) act() {
	s.meet()
	name := fmt.Sprint("t", s.r.IntN(3))
	o := op{name: name, now: s.r.IntN(3) == 0, force: s.r.IntN(2) == 0, replace: s.r.IntN(2) == 0}
	if s.r.IntN(2) == 0 {
		o.grace = new(time.Duration(s.r.IntN(20)) * time.Second)
	}
	switch n := s.r.IntN(28); n {
	case 25, 26, 27:
		o.kind, o.spec = opEdit, s.spec(name)
		o.spec.Priority = s.r.IntN(3)
	case 24:
		o.kind = opRetry
	case 22, 23:
		o.kind = opDisable
	case 21:
		o.kind = opEnable
	case 20:
		s.up()
		return
	case 0, 1, 2, 3:
		o.kind, o.spec = opStart, s.spec(name)
	case 4:
		o.kind, o.spec = opStart, &task.Spec{Name: name}
	case 5, 6, 7:
		o.kind = opStop
	case 8, 9:
		o.kind = opRestart
	case 10, 11:
		o.kind = opRemove
	case 12:
		o.kind = opPause
	case 13:
		o.kind = opResume
	case 14, 15:
		s.end()
		return
	case 16:
		s.say("time passes")
		time.Sleep(time.Duration(s.r.IntN(60)) * time.Second)
		return
	case 17:
		if !s.fails {
			return
		}
		s.life.mu.Lock()
		s.life.full = s.r.IntN(4)
		s.say("%d saves fail", s.life.full)
		s.life.mu.Unlock()
		return
	case 18:
		if s.r.IntN(3) == 0 {
			s.leave()
			return
		}
		s.say("the end")
		s.life.end()
		return
	default:
		s.fake.AutoStop(s.r.IntN(2) == 0)
		slots := s.r.IntN(3)
		s.say("%d slots", slots)
		s.sup.ChangeGroup("g", func(g *task.Group) { g.Slots = &slots })
		return
	}
	s.say("%s: op %d, now %v, force %v, replace %v, %+v", name, o.kind, o.now, o.force, o.replace, brief(o.spec))
	switch {
	case o.kind == opRestart, o.kind == opRetry, o.spec != nil && len(o.spec.Command) == 0:
		for _, command := range s.given[name] {
			s.begun[command] = -100 // it may, as often as that is asked for
		}
	case o.spec != nil:
		s.given[name] = append(s.given[name], o.spec.Command[0])
	}
	if kind := o.kind; kind != opPause && kind != opResume {
		s.promised[name] = unknown
	}
	if o.kind == opStart || o.kind == opRemove || o.kind == opEdit {
		delete(s.edited, name)
	}
	s.asked = append(s.asked, asked{s.sup.Submit(o.request()), o})
}

// An up is a change of a tasks file.
type up struct {
	task.Change
	answered atomic.Bool
}

// ask has the present supervisor carry it out.
func (u *up) ask(s *sim) {
	a := s.sup.Apply(u.Change, false)
	ctx, life := s.t.Context(), s.life
	go func() {
		if _, err := a.Wait(ctx); err == nil && !life.dead() {
			u.answered.Store(true)
		}
	}()
}

// up has the tasks of a file changed, all at once. Its names are its own.
func (s *sim) up() {
	u := &up{Change: task.Change{ID: fmt.Sprint(len(s.log)), File: "/nowhere/tasks.yaml", Prune: true}}
	for i := range s.r.IntN(4) {
		spec := s.spec(fmt.Sprint("u", i))
		spec.Command[0] = fmt.Sprint(spec.Command[0], "-", i)
		spec.File, spec.After, spec.AfterEnded = u.File, nil, nil
		if i > 0 && s.r.IntN(2) == 0 {
			spec.AfterEnded = []string{fmt.Sprint("u", s.r.IntN(i))}
		}
		s.given[spec.Name] = append(s.given[spec.Name], spec.Command[0])
		u.Tasks = append(u.Tasks, *spec)
	}
	s.say("up %s of %d tasks", u.ID, len(u.Tasks))
	s.ups, s.has = append(s.ups, u), nil
	u.ask(s)
}

// hearUps takes note of the ups that were carried out: the last one holds.
func (s *sim) hearUps() {
	for len(s.ups) > 0 && s.ups[0].answered.Load() {
		u := s.ups[0]
		s.say("up %s answered", u.ID)
		if s.ups = s.ups[1:]; len(s.ups) == 0 {
			s.has = make(map[string]string)
			for _, spec := range u.Tasks {
				s.has[spec.Name] = spec.Command[0]
			}
		}
	}
}

// brief is what of a spec decides something here.
func brief(s *task.Spec) string {
	if s == nil {
		return ""
	}
	return fmt.Sprint(s.Command, " restart ", s.Restart, " group ", s.Group, " after ", s.After, s.AfterEnded, " every ", s.Every != nil, " ", s.Overlap, " delay ", s.Delay != nil)
}

// leave has the supervisor end in order: each desired state stays.
func (s *sim) leave() {
	s.say("it leaves")
	before := s.sup.List()
	if _, err := s.sup.Leave(s.t.Context()); err != nil || s.life.dead() {
		s.life.end()
		return
	}
	s.life.end()
	synctest.Wait()
	s.next()
	for _, was := range before {
		if was.Spec.File != "" || was.Spec.FailFast > 0 { // the next supervisor continues a change of that file, or gives up its batch
			continue
		}
		info, err := s.sup.Info(was.Name)
		if !s.life.dead() && (err != nil || info.Desired != was.Desired) {
			s.t.Errorf("%s was %s, desired %s, and is %s, desired %s: %v", was.Name, was.State, was.Desired, info.State, info.Desired, err)
		}
	}
}

// spec is a task of some kind.
func (s *sim) spec(name string) *task.Spec {
	spec := &task.Spec{Name: name, Command: []string{fmt.Sprint("c", len(s.log))}}
	spec.Restart = []task.Restart{task.RestartAlways, task.RestartAlways, task.RestartOnFailure, task.RestartNo}[s.r.IntN(4)]
	if s.r.IntN(3) == 0 {
		spec.Group = "g"
	}
	switch s.r.IntN(6) {
	case 0:
		spec.After = []string{fmt.Sprint("t", s.r.IntN(3))}
	case 1:
		spec.AfterEnded = []string{fmt.Sprint("t", s.r.IntN(3))}
	case 2:
		spec.Restart, spec.Every = task.RestartNo, new(task.Duration(20*time.Second))
		spec.Overlap = []task.Overlap{task.OverlapSkip, task.OverlapQueue, task.OverlapReplace}[s.r.IntN(3)]
	case 3:
		spec.Delay = new(task.Duration(10 * time.Second))
	}
	if spec.Group != "" && !spec.Repeats() && s.r.IntN(2) == 0 { // a batch of a few lines of the log
		spec.Restart, spec.Batch, spec.FailFast = task.RestartNo, fmt.Sprint("b", len(s.log)/30), 1
	}
	return spec
}

// end has some run end.
func (s *sim) end() {
	live := s.live("")
	if len(live) == 0 {
		return
	}
	r := live[s.r.IntN(len(live))]
	code, left := s.r.IntN(2), s.r.IntN(3) == 0
	s.say("run %d of %s ends with %d, left %v", r.Launch.Run, r.Launch.Spec.Name, code, left)
	r.Exit(task.Exit{Code: code}, left)
	if s.r.IntN(2) == 0 {
		r.Vanish(1)
	}
}

// live is the runs that are there, of one task or of all.
func (s *sim) live(name string) (live []*enginetest.FakeRun) {
	s.meet()
	for _, r := range s.runs {
		select {
		case <-r.Gone():
		default:
			if name == "" || r.Launch.Spec.Name == name {
				live = append(live, r)
			}
		}
	}
	return live
}

// hear takes note of answers that came while the supervisor lived.
func (s *sim) hear() (acknowledged int) {
	if s.life.dead() {
		return 0 // nobody can know whether one came before
	}
	s.hearUps()
	all := slices.Clone(s.asked)
	s.asked = slices.DeleteFunc(s.asked, func(a asked) bool {
		if !answered(a.call) {
			return false
		}
		name := a.op.name
		info, err := a.call.Wait(s.t.Context())
		s.say("%s: op %d answered: %s, %v", name, a.op.kind, info.State, err)
		for _, other := range all { // what else is under way may undo it
			if other.op.name == name && other.call != a.call {
				return true
			}
		}
		if err != nil {
			return true
		}
		acknowledged++
		if kind := a.op.kind; info.Edited != nil && kind != opStop && kind != opRemove && kind != opEdit {
			return true // it may become what promises something else
		}
		switch a.op.kind {
		case opStart, opRestart:
			if info.Spec.Restart == task.RestartAlways {
				s.promised[name] = isUp
			}
		case opEdit:
			s.edited[name] = a.op.spec
		case opStop:
			s.promised[name] = isDown
		case opRemove:
			s.promised[name] = isRemoved
		case opEnable:
			s.promised[name] = isEnabled
		case opDisable:
			if info.State != task.Stopping { // else a restart of an earlier supervisor may wait for a slot
				s.promised[name] = isDisabled
			}
		}
		return true
	})
	return acknowledged
}
