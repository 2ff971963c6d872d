package process

import (
	"context"
	"errors"
	"io/fs"
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

func needCgroups(t *testing.T) {
	t.Helper()
	if shared.groups.dir == "" {
		t.Skip("there can be no cgroups here")
	}
}

func cgroupOf(s started) cgroup { return cgroup(s.Ref().Cgroup) }

// removed waits until the cgroup is gone.
func removed(t *testing.T, c cgroup) {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(string(c)); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still there", c)
		}
	}
}

func TestCgroup(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s := start(t, sh(`setsid sleep 1000 & echo up; wait`))
	s.line(t, "up")
	c := cgroupOf(s)
	if id := runByCgroup(s.Ref().PID); id != s.Process.(*run).id {
		t.Errorf("by its cgroup the run is %q", id)
	}
	if id := runByCgroup(os.Getpid()); id != "" {
		t.Errorf("by its cgroup this process is of the run %q", id)
	}
	if m := membersOf(c); len(m) != 2 || !isPopulated(c) {
		t.Errorf("%d members: %+v", len(m), m)
	}
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e.Signal != syscall.SIGTERM || isPopulated(c) {
		t.Errorf("%+v, populated %v", e, isPopulated(c))
	}
	removed(t, c)
}

// forksWithoutEnd leaves its session and its parent again and again.
func forksWithoutEnd(t *testing.T) task.Spec {
	script := filepath.Join(t.TempDir(), "forks")
	if err := os.WriteFile(script, []byte("echo fork $1\nsetsid sh $0 $(($1+1)) &\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return task.Spec{Command: []string{"sh", script, "1"}}
}

// What a run forks faster than anybody can look is killed in one step.
func TestKillEndsWhatForksWithoutEnd(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s := start(t, forksWithoutEnd(t))
	s.line(t, "fork 50")
	s.Stop(syscall.SIGKILL)
	s.wait(t)
	if m := membersOf(cgroupOf(s)); len(m) > 0 {
		t.Errorf("%+v are left", m)
	}
}

// Nor does it help a run that was never recorded.
func TestKillUnknownEndsWhatForksWithoutEnd(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	o := outlive(t, stage{Specs: []task.Spec{forksWithoutEnd(t)}, Way: grouped})[0]
	o.started().line(t, "fork 50")
	began := time.Now()
	shared.killUnknown(Database{Known: func(name string, _ int) bool { return name != o.spec.Name }})
	group := cgroup(o.ref.Cgroup)
	if m := membersOf(group); group == "" || len(m) > 0 {
		t.Errorf("in %q %+v are left after %v", group, m, time.Since(began))
		group.kill()
	}
}

// A run may make cgroups of its own, and leave them.
func TestCgroupOfARunsOwn(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s := start(t, sh(`until test -s dir; do sleep 0.05; done; mkdir -p "$(cat dir)/a/b" && (echo 0 > "$(cat dir)/a/b/cgroup.procs"; exec sleep 1000) & wait`))
	t.Cleanup(func() { os.Remove(filepath.Join(shared.opts.Home, "dir")) })
	if err := os.WriteFile(filepath.Join(shared.opts.Home, "dir"), []byte(s.Ref().Cgroup), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := cgroup(s.Ref().Cgroup + "/a/b")
	for end := time.Now().Add(enginetest.Timeout); !isPopulated(inside); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing came into the cgroup of its own")
		}
	}
	if id := runByCgroup(membersOf(inside)[0].pid); id != s.Process.(*run).id {
		t.Errorf("by its cgroup what is in there is of the run %q", id)
	}
	s.Stop(syscall.SIGKILL)
	s.wait(t)
	removed(t, cgroupOf(s))
}

// freezesItself starts a run that has frozen a child in a cgroup of its own, as a container
// engine does that pauses a container.
func freezesItself(t *testing.T, leave bool) (s started, own cgroup) {
	dir := filepath.Join(t.TempDir(), "dir")
	spec := sh(`until test -s ` + dir + `; do sleep 0.02; done; own=$(cat ` + dir + `)/own; mkdir $own
		sh -c 'trap "echo handled; exit" TERM; echo ready; while :; do sleep 0.02; done' &
		until grep -q ready /proc/$$/fd/1; do sleep 0.02; done
		echo $! > $own/cgroup.procs; echo 1 > $own/cgroup.freeze
		until grep -q 'frozen 1' $own/cgroup.events; do sleep 0.02; done; echo frozen; wait`)
	spec.LeaveChildren = leave
	s = start(t, spec)
	if err := os.WriteFile(dir, []byte(s.Ref().Cgroup), 0o600); err != nil {
		t.Fatal(err)
	}
	s.line(t, "frozen")
	own = cgroup(s.Ref().Cgroup + "/own")
	t.Cleanup(own.kill)
	return s, own
}

// A stop thaws also what a run has frozen itself: it handles the signal.
func TestStopThawsWhatTheRunHasFrozen(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s, _ := freezesItself(t, false)
	s.Stop(syscall.SIGTERM)
	s.wait(t)
	s.line(t, "handled")
}

// What a run has frozen itself stays frozen over a takeback, which resumes what is not recorded
// as paused, over a pause and a resume, and where the run leaves it behind.
func TestStaysFrozenByTheRun(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s, own := freezesItself(t, true)
	staysFrozen := func(over string) {
		t.Helper()
		if text, err := os.ReadFile(string(own) + "/cgroup.freeze"); string(text) != "1\n" {
			t.Errorf("what the run has frozen is resumed by %s: %q, %v", over, text, err)
		}
	}
	resume(t, s)
	staysFrozen("a takeback")
	pause(t, s)
	resume(t, s)
	if seen(cgroupOf(s).frozen()) {
		t.Error("the run is not resumed")
	}
	staysFrozen("a resume")
	if err := syscall.Kill(s.Ref().PID, syscall.SIGKILL); err != nil { // alone
		t.Fatal(err)
	}
	s.wait(t)
	staysFrozen("the end of its run")
}

// What a removed task was to leave behind keeps its cgroup: another run of that
// name and number begins without one, and its end touches nothing of the old.
func TestCgroupInUse(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	leaver := sh(`setsid sh -c 'echo out $$; exec sleep 1000' & until grep -q ^out /proc/$$/fd/1; do sleep 0.05; done`)
	leaver.Name, leaver.LeaveChildren = "leaver", true
	old := start(t, leaver)
	out := procOf(t, old.line(t, "out"))
	t.Cleanup(func() { shared.tree.signal(out, syscall.SIGKILL) })
	old.wait(t)
	next := start(t, task.Spec{Name: "leaver", Command: []string{"sleep", "1000"}})
	if c := next.Ref().Cgroup; c != "" {
		t.Errorf("it shares the cgroup %s", c)
	}
	next.Stop(syscall.SIGKILL)
	next.wait(t)
	if !alive(out) {
		t.Error("what was left behind was ended")
	}
	if strays := seen(shared.Strays()); !slices.Contains(strays, out.pid) || slices.Contains(strays, next.Ref().PID) {
		t.Errorf("%d is not among the strays: %v", out.pid, strays)
	}
}

func TestNoCgroup(t *testing.T) {
	t.Parallel()
	c, f, err := cgroups{}.create("web", "1")
	if c != "" || f != -1 || err != nil {
		t.Errorf("%q, %v, %v", c, f, err)
	}
	if _, _, err := (cgroups{filepath.Join(t.TempDir(), "not", "there")}).create("web", "1"); err == nil {
		t.Error("a directory that is not there has a cgroup")
	}
	if m, occupied, err := cgroup("").left(); m != nil || occupied || err != nil {
		t.Errorf("%+v, %v", m, occupied)
	}
	cgroup("").kill()
	for path, want := range map[string]string{
		"/x/DIR/web:3":         "id/web/3",
		"/DIR/web:3/below/it":  "id/web/3",
		"/DIR":                 "",
		"/tasks-other/web:3":   "",
		"/DIR/web":             "",
		"/DIR/web:3 (deleted)": "",
		"/DIR/a/DIR/web:3":     "",
	} {
		path = strings.ReplaceAll(path, "DIR", cgroupName("id"))
		if got, group := runOfCgroup(path, "id"); got != want || got != "" && group != strings.TrimSuffix(path, "/below/it") {
			t.Errorf("%s is of %q, in %q; want %q", path, got, group, want)
		}
	}
}

// The cgroup in which a run leaves something is removed once that has ended.
func TestVacatedCgroupIsRemoved(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	spec := sh(`sh -c 'echo out $$; exec sleep 1000' & until grep -q '^out' /proc/$$/fd/1; do sleep 0.01; done`)
	spec.LeaveChildren = true
	s := start(t, spec)
	s.wait(t)
	left := procOf(t, s.line(t, "out"))
	if !alive(left) {
		t.Fatal("it was not left")
	}
	shared.tree.signal(left, syscall.SIGKILL)
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(s.Ref().Cgroup); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still there", s.Ref().Cgroup)
		}
	}
}

// If the directory is not a cgroup, the run starts without one.
func TestForkWithoutItsCgroup(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	spec := sh("echo hello")
	spec.Name = strings.ReplaceAll(f.Name(), "/", ".")
	p, err := shared.start(context.Background(), engine.Launch{Spec: &spec, Run: 1, Log: f}, cgroups{t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := started{p, f.Name()}
	if e := s.wait(t); e != (task.Exit{}) || s.Ref().Cgroup != "" || s.log(t) != "hello\n" {
		t.Errorf("%+v, %+v, %q", e, s.Ref(), s.log(t))
	}
}

// The name of a cgroup, which everybody can read, does not give away the id that
// the environment of a run has: with that, anybody's process could hold up a stop.
func TestCgroupKeepsTheID(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	s := start(t, sh("exec sleep 1000"))
	if id := runByCgroup(s.Ref().PID); id != s.Process.(*run).id || !strings.HasPrefix(id, shared.opts.ID+"/") {
		t.Errorf("by its cgroup it is the run %q", id)
	}
	if strings.Contains(s.Ref().Cgroup, shared.opts.ID) {
		t.Errorf("%s has the id %s", s.Ref().Cgroup, shared.opts.ID)
	}
	if a := cgroupName("a"); a == cgroupName("b") || a != cgroupName(strings.Clone("a")) {
		t.Error("names of cgroups do not tell states apart")
	}
}
