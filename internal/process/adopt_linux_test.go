package process

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// stage is what a first supervisor is to begin before it is killed.
type stage struct {
	ID    string
	Test  int    // its process
	Dir   string // of logs, and of what it reports
	Specs []task.Spec
	Keep  bool   // ended processes stay zombies: nobody reaps them
	Way   way    // in which they begin
	Line  string // runs beside the first of them, with what it writes to in OUT
	Pause bool   // all runs are paused before it is killed
	Ended bool   // it sees all main processes end before it is killed

	Commits uint64 // how many its database has had; 0: it has none
}

func (s stage) refs() string { return filepath.Join(s.Dir, "refs") }
func (s stage) dead() string { return filepath.Join(s.Dir, "dead") }

// orphan is a run that outlived its supervisor.
type orphan struct {
	spec task.Spec
	ref  task.Ref
	path string // of its log
}

// outlive has another process begin the runs, kills that with KILL and returns
// them. A third process takes the orphans in, as PID 1 would.
func outlive(t *testing.T, s stage) []orphan {
	t.Helper()
	s.ID, s.Test, s.Dir = shared.opts.ID, os.Getpid(), t.TempDir()
	for i := range s.Specs {
		if s.Specs[i].Name == "" {
			s.Specs[i].Name = strings.ReplaceAll(s.Dir, "/", ".") + "." + string(rune('a'+i))
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	h := helper(t, "orphanage")
	h.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "orphanage", "PROCESS_TEST_STAGE": string(text), "PATH": "/usr/bin:/bin"})
	keeper := start(t, h)
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(s.dead()); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the first supervisor does not die:\n%s", keeper.log(t))
		}
	}
	all := s.orphans(t)
	t.Cleanup(func() {
		for _, o := range all {
			shared.tree.signal(o.proc(), syscall.SIGKILL)
		}
	})
	return all
}

func (s stage) orphans(t *testing.T) []orphan {
	t.Helper()
	text, err := os.ReadFile(s.refs())
	if err != nil {
		t.Fatal(err)
	}
	var refs []task.Ref
	if err := json.Unmarshal(text, &refs); err != nil {
		t.Fatal(err)
	}
	all := make([]orphan, len(refs))
	for i, ref := range refs {
		all[i] = orphan{s.Specs[i], ref, filepath.Join(s.Dir, s.Specs[i].Name+".log")}
	}
	return all
}

// one is the orphan of one script.
func one(t *testing.T, script string) orphan {
	t.Helper()
	return outlive(t, stage{Specs: []task.Spec{sh(script)}})[0]
}

func (o orphan) started() started { return started{path: o.path} }
func (o orphan) proc() proc       { return proc{o.ref.PID, o.ref.Start} }

func (o orphan) adopt(t testing.TB) started {
	t.Helper()
	f, err := os.Open(o.path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := shared.Adopt(t.Context(), engine.Launch{Spec: &o.spec, Run: 7, Log: f}, o.ref)
	if err != nil {
		t.Fatal(err)
	}
	ref := p.Ref()
	if o.ref.Over == 0 {
		ref.Over, ref.Namespace = 0, 0 // it may have ended meanwhile
	}
	if ref != o.ref {
		t.Errorf("%+v was taken back as %+v", o.ref, ref)
	}
	t.Cleanup(func() {
		p.Stop(syscall.SIGKILL)
		<-p.Gone()
	})
	return started{p, o.path}
}

// ended waits until the process is gone, or a zombie.
func (o orphan) ended(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); alive(o.proc()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d does not end", o.ref.PID)
		}
	}
}

// reaped waits until nothing is left of the process.
func (o orphan) reaped(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); startOf(o.ref.PID) == o.ref.Start; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is not reaped", o.ref.PID)
		}
	}
}

func notGone(t *testing.T, s started) {
	t.Helper()
	select {
	case <-s.Gone():
		t.Error("gone, with one left")
	default:
	}
}

// The exit code is the kernel's, of a zombie as of what PID 1 has reaped, whether or not
// the process could be read.
func TestAdoptedExits(t *testing.T) {
	t.Parallel()
	ends := map[string]task.Exit{
		"exit 0":        {},
		"exit 7":        {Code: 7},
		"exit 255":      {Code: 255},
		"kill -KILL $$": {Signal: syscall.SIGKILL},
		"kill -SEGV $$": {Signal: syscall.SIGSEGV},
	}
	for _, with := range []struct {
		shell string
		keep  bool
	}{{"sh", true}, {"sh", false}, {unreadableShell(t.TempDir()), false}} {
		s := stage{Keep: with.keep}
		var want []task.Exit
		for script, exit := range ends {
			spec := sh(`trap '` + script + `' USR1; echo up; while :; do sleep 0.1; done`)
			spec.Command[0] = with.shell
			s.Specs, want = append(s.Specs, spec), append(want, exit)
		}
		for i, o := range outlive(t, s) {
			s := o.adopt(t)
			s.line(t, "up")
			if err := s.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			got := s.wait(t)
			if got.Lost && !with.keep && !recordsExits() {
				continue
			}
			if got.LeftBehind = 0; got != want[i] { // the sleep may have ended later
				t.Errorf("%+v: %+v, want %+v", with, got, want[i])
			}
		}
	}
}

// recordsExits reports whether the kernel keeps the exit code of what was reaped:
// since Linux 6.15.
func recordsExits() bool {
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
	if err != nil {
		return false
	}
	end, err := watch(proc{pid, startOf(pid)})
	if err != nil {
		return true // not asked: it is reaped already
	}
	defer end.close()
	for startOf(pid) != 0 { // the engine's reaper takes it
		time.Sleep(time.Millisecond)
	}
	_, known := end.await(task.Ref{PID: pid, Start: 1}) // none that is there now
	return known
}

func TestAdoptTheDead(t *testing.T) {
	t.Parallel()
	zombie := outlive(t, stage{Specs: []task.Spec{sh("trap 'exit 5' USR1; echo up; while :; do sleep 0.1; done")}, Keep: true})[0]
	zombie.started().line(t, "up")
	if err := syscall.Kill(zombie.ref.PID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	zombie.ended(t)
	if e := zombie.adopt(t).wait(t); e != (task.Exit{Code: 5}) {
		t.Errorf("a zombie: %+v", e)
	}
	reaped := one(t, "exit 5")
	reaped.reaped(t)
	if e := reaped.adopt(t).wait(t); e != (task.Exit{Lost: true}) {
		t.Errorf("one that was reaped: %+v", e)
	}
}

func TestAdoptedStopTouchesNothingElse(t *testing.T) {
	t.Parallel()
	const tree = `setsid sh -c 'echo out $$; exec sleep 1000' & echo up; wait`
	strangers := sh(`unset TASKS_RUN_ID; (setsid sh -c 'exec >/dev/null 2>&1; exec sleep 1000' & echo out $!) & sleep 1000`)
	all := outlive(t, stage{Specs: []task.Spec{sh(tree), sh(tree), sh(tree), strangers}})
	var runs []started
	var outs []proc
	for _, o := range all {
		s := o.adopt(t)
		runs, outs = append(runs, s), append(outs, procOf(t, s.line(t, "out")))
	}
	t.Cleanup(func() { syscall.Kill(outs[3].pid, syscall.SIGKILL) })
	own := start(t, sh(tree))
	ownOut := procOf(t, own.line(t, "out"))
	for i := range 2 {
		runs[i].line(t, "up")
		runs[i].Stop(syscall.SIGTERM)
		runs[i].wait(t)
		noneAlive(t, outs[i], all[i].proc())
	}
	for what, p := range map[string]proc{
		"an adopted run": all[2].proc(), "its daemon": outs[2], "the stranger": outs[3],
		"a run": {own.Ref().PID, own.Ref().Start}, "its own daemon": ownOut,
	} {
		if !alive(p) {
			t.Errorf("%s was ended", what)
		}
	}
}

func TestAdoptedLeavesChildren(t *testing.T) {
	t.Parallel()
	leaver := sh(`trap 'exit 4' USR1; setsid sh -c 'echo out $$; exec sleep 1000' & while :; do sleep 0.1; done`)
	leaver.LeaveChildren = true
	o := outlive(t, stage{Specs: []task.Spec{leaver}})[0]
	s := o.adopt(t)
	out := procOf(t, s.line(t, "out"))
	t.Cleanup(func() { syscall.Kill(out.pid, syscall.SIGKILL) })
	if err := syscall.Kill(o.ref.PID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if e := s.wait(t); e != (task.Exit{Code: 4}) && recordsExits() {
		t.Errorf("%+v", e)
	}
	if !alive(out) {
		t.Error("what should have been left was ended")
	}
}

func TestAdoptOfAnotherBoot(t *testing.T) {
	t.Parallel()
	o := one(t, "exec sleep 1000")
	ref := o.ref
	ref.Boot = "00000000-0000-0000-0000-000000000000"
	if _, err := shared.Adopt(t.Context(), engine.Launch{Spec: &o.spec, Run: 7}, ref); !errors.Is(err, task.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if !alive(o.proc()) {
		t.Error("what has that pid now was ended")
	}
}

// Another process has the pid by now.
func TestAdoptWithAWrongStart(t *testing.T) {
	t.Parallel()
	o := outlive(t, stage{Specs: []task.Spec{sh("unset TASKS_RUN_ID; exec sh -c 'trap \"echo hit\" TERM; echo up; while :; do sleep 0.1; done'")}})[0]
	o.started().line(t, "up")
	ref := o.ref
	ref.Start--
	ref.Cgroup = "" // it is a stranger: not in the run's
	p, err := shared.Adopt(t.Context(), engine.Launch{Spec: &o.spec, Run: 7}, ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGTERM); err == nil {
		t.Error("it took a signal")
	}
	p.Stop(syscall.SIGTERM)
	p.Stop(syscall.SIGKILL)
	s := started{p, o.path}
	if e := s.wait(t); e != (task.Exit{Lost: true}) {
		t.Errorf("%+v", e)
	}
	if strings.Contains(s.log(t), "hit") || !alive(o.proc()) {
		t.Errorf("a stranger was hit")
	}
}

func TestKillUnknown(t *testing.T) {
	t.Parallel()
	// One that has left its session, and one that has no sign of its run but its descent.
	const tree = `setsid sh -c 'echo out $$; exec sleep 1000' & env -i /usr/bin/setsid /bin/sh -c 'echo bare $$; exec /bin/sleep 1000 >/dev/null 2>&1' & echo main $$; wait`
	all := outlive(t, stage{Specs: []task.Spec{sh(tree), sh(tree)}})
	var want []int
	var known, unknown []proc
	for i, o := range all {
		for _, word := range []string{"out", "bare", "main"} {
			p := procOf(t, o.started().line(t, word))
			if i == 0 {
				unknown, want = append(unknown, p), append(want, p.pid)
			} else {
				known = append(known, p)
				t.Cleanup(func() { shared.tree.signal(p, syscall.SIGKILL) })
			}
		}
	}
	got := seen(shared.killUnknown(Database{Known: func(name string, run int) bool { return name != all[0].spec.Name || run != 7 }}))
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
	noneAlive(t, unknown...)
	for _, p := range known {
		if !alive(p) {
			t.Errorf("process %d of a known run was ended", p.pid)
		}
	}
	all[1].adopt(t) // to be ended
}
