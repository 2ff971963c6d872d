package supervisor_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestChangeGroup(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		_, err := s.Group("g")
		expectError(t, err, task.ErrNotFound, "No such group: g")
		if len(s.Groups()) != 0 {
			t.Errorf("groups: %+v", s.Groups())
		}
		start(t, s, f, job("x", in("g")))
		if g, err := s.Group("g"); err != nil || g.Slots != nil || g.Running != 1 {
			t.Errorf("a group that nothing was set of: %+v, %v", g, err)
		}
		got, err := s.ChangeGroup("g", func(g *task.Group) { g.Slots, g.OnExit = new(3), "echo" })
		if err != nil || *got.Slots != 3 || got.OnExit != "echo" || got.Running != 1 {
			t.Errorf("ChangeGroup: %+v, %v", got, err)
		}
		if g := st.groups["g"]; *g.Slots != 3 || g.OnExit != "echo" || g.Running != 0 {
			t.Errorf("saved: %+v", g)
		}
		s.ChangeGroup("g", func(g *task.Group) { g.OnExit = "" })
		if g := st.groups["g"]; *g.Slots != 3 || g.OnExit != "" {
			t.Errorf("saved: %+v", g)
		}
		for what, change := range map[string]func(*task.Group){
			"use 0 or more": func(g *task.Group) { g.Slots = new(-1) },
			"on_exit":       func(g *task.Group) { g.OnExit = "a\x00" },
		} {
			_, err := s.ChangeGroup("g", change)
			expectError(t, err, task.ErrUsage, what)
		}
		_, err = s.ChangeGroup("no good", func(*task.Group) {})
		expectError(t, err, task.ErrUsage, "bad group")

		st.failing(func(*task.Record) error { return errDisk })
		if _, err := s.ChangeGroup("g", func(g *task.Group) { *g.Slots = 0 }); !errors.Is(err, errDisk) {
			t.Errorf("on a full disk: %v", err)
		}
		st.failing(nil)
		if g, _ := s.Group("g"); *g.Slots != 3 {
			t.Errorf("after it: %+v", g)
		}
		setSlots(t, s, "empty", 1)
		if all := s.Groups(); len(all) != 2 || all[0].Name != "empty" || all[1].Name != "g" {
			t.Errorf("groups: %+v", all)
		}
	})
}

func TestRemoveGroup(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		_, err := s.RemoveGroup("g")
		expectError(t, err, task.ErrNotFound, "No such group: g")
		setSlots(t, s, "g", 1)
		start(t, s, f, job("a", in("g")))
		startTask(t, s, job("b", in("g")))
		startTask(t, s, job("c", in("g"), after("b")))
		_, err = s.RemoveGroup("g")
		expectError(t, err, task.ErrConflict, "Group g has 3 tasks that have not ended.")
		for _, name := range []string{"c", "b"} {
			s.Stop(t.Context(), name)
		}
		_, err = s.RemoveGroup("g")
		expectError(t, err, task.ErrConflict, "Group g has 1 task that has not ended.")
		s.Stop(t.Context(), "a")
		st.failing(func(*task.Record) error { return errDisk })
		if _, err := s.RemoveGroup("g"); !errors.Is(err, errDisk) {
			t.Errorf("on a full disk: %v", err)
		}
		st.failing(nil)
		if _, err := s.RemoveGroup("g"); err != nil || len(st.groups) != 0 {
			t.Errorf("RemoveGroup: %v, saved %+v", err, st.groups)
		}
		for _, name := range []string{"a", "b"} { // no limit any more
			start(t, s, f, task.Spec{Name: name})
		}
		for _, name := range []string{"a", "b", "c"} {
			s.Submit(supervisor.ForceRemove(name, supervisor.End{})).Wait(t.Context())
		}
		if len(s.Groups()) != 0 {
			t.Errorf("groups: %+v", s.Groups())
		}
	})
}

func TestPauseAndResumeGroup(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		_, err := s.PauseGroup(t.Context(), "g")
		expectError(t, err, task.ErrNotFound, "No such group: g")
		a := start(t, s, f, job("a", in("g")))
		other := start(t, s, f, job("other"))
		if err := s.GoSpec(task.Spec{Name: "func", Group: "g"}, untilStop); err != nil {
			t.Fatal(err)
		}
		g, err := s.PauseGroup(t.Context(), "g")
		if err != nil || !g.Paused || g.Running != 2 || !a.Paused() || other.Paused() || !st.groups["g"].Paused {
			t.Errorf("PauseGroup: %+v, %v", g, err)
		}
		expect(t, s, "a", task.Paused, "")
		expect(t, s, "func", task.Running, "")
		startTask(t, s, job("b", in("g")))
		expect(t, s, "b", task.Queued, "group g is paused: resume it with 'tasks group resume g'")
		if g, err = s.PauseGroup(t.Context(), "g"); err != nil || !g.Paused || g.Queued != 1 {
			t.Errorf("PauseGroup: %+v, %v", g, err)
		}
		quiet(t, f)
		g, err = s.ResumeGroup(t.Context(), "g")
		if err != nil || g.Paused || g.Running+g.Queued != 3 || a.Paused() {
			t.Errorf("ResumeGroup: %+v, %v", g, err)
		}
		expect(t, s, "a", task.Running, "")
		if r := next(t, f); r.Launch.Spec.Name != "b" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		setSlots(t, s, "g", 0)
		startTask(t, s, job("c", in("g")))
		expect(t, s, "c", task.Queued, "waits for a slot of g")
		f.FailPause(errDisk) // of one task: the group is paused
		g, err = s.PauseGroup(t.Context(), "g")
		expectError(t, err, errDisk, "group g is paused, but not all of its tasks: cannot pause a: ")
		if !g.Paused {
			t.Errorf("PauseGroup: %+v", g)
		}
		expect(t, s, "a", task.Running, "")
		synctest.Wait()
		expect(t, s, "c", task.Queued, "group g is paused: resume it with 'tasks group resume g'")
		if _, err := s.ResumeGroup(t.Context(), "g"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		expect(t, s, "c", task.Queued, "waits for a slot of g")
	})
}

// What was set outlives the supervisor, and so does the queue: twice.
func TestLoadOfGroupsAndQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, f := newMemory(), enginetest.NewFake()
		o := supervisor.Options{Commands: f.Adopter(), Store: st}
		s := supervisor.New(o)
		setSlots(t, s, "g", 2)
		s.ChangeGroup("h", func(g *task.Group) { g.Paused, g.OnFailure = true, "echo" })
		runs := []*enginetest.FakeRun{start(t, s, f, job("a", in("g"))), start(t, s, f, job("b", in("g")))}
		order := []string{"z", "m", "c", "y", "d"}
		for _, name := range order {
			startTask(t, s, job(name, in("g")))
			time.Sleep(time.Second)
		}
		startTask(t, s, job("first", in("g"), func(s *task.Spec) { s.Priority = 1 }))
		ended := start(t, s, f, job("ended"))
		ended.Exit(task.Exit{}, false)
		runs[0].Exit(task.Exit{}, false)
		if runs[0] = next(t, f); runs[0].Launch.Spec.Name != "first" {
			t.Fatalf("%s began", runs[0].Launch.Spec.Name)
		}
		for range 3 {
			if _, err := s.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			s = supervisor.New(o)
			s.Load(t.Context(), st.all(), st.allGroups()...)
			quiet(t, f)
			for name, slot := range map[string]int{"first": 1, "b": 2} {
				if got := expect(t, s, name, task.Running, ""); got.Slot != slot {
					t.Errorf("%s has slot %d", name, got.Slot)
				}
			}
			expect(t, s, "z", task.Queued, "waits for a slot of g")
			if g, err := s.Group("g"); err != nil || *g.Slots != 2 || g.Running != 2 || g.Queued != 5 {
				t.Errorf("g: %+v, %v", g, err)
			}
			if g, err := s.Group("h"); err != nil || !g.Paused || g.OnFailure != "echo" || g.Slots != nil {
				t.Errorf("h: %+v, %v", g, err)
			}
		}
		startTask(t, s, job("last", in("g")))
		startTask(t, s, job("ended", in("g"))) // behind the waiting tasks, however old it is
		runs[0].Exit(task.Exit{}, false)
		for i, want := range append(order, "last", "ended") {
			r := next(t, f)
			if r.Launch.Spec.Name != want || r.Launch.Slot != 1 {
				t.Errorf("%s began in slot %d as number %d; want %s", r.Launch.Spec.Name, r.Launch.Slot, i, want)
			}
			quiet(t, f)
			r.Exit(task.Exit{}, false)
		}
		s.Close(t.Context())
	})
}

// After a death without a word: what ran and is gone starts before what waited,
// within the number of slots.
func TestLoadOfAQueueAfterADeath(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		at := func(seconds int) task.Time {
			return task.Time{Time: task.Now().Add(time.Duration(seconds) * time.Second)}
		}
		ran := func(name string, queued int) task.Record {
			return record(task.Running, task.DesiredRunning, func(r *task.Record) {
				r.Spec = job(name, in("g"), restarts(task.RestartAlways))
				r.Slot, r.Queued = 1, at(queued)
			})
		}
		waited := func(name string, queued int) task.Record {
			return task.Record{Spec: job(name, in("g")), Engine: task.EngineProcess, State: task.Queued, Desired: task.DesiredRunning, Queued: at(queued)}
		}
		s.Load(t.Context(), []task.Record{waited("a", -1), waited("b", -3), waited("c", -2), ran("y", -4), ran("z", -5)},
			task.Group{Name: "g", Slots: new(1)})
		for _, want := range []string{"z", "y", "b", "c", "a"} {
			r := next(t, f)
			if r.Launch.Spec.Name != want {
				t.Errorf("%s began; want %s", r.Launch.Spec.Name, want)
			}
			quiet(t, f)
			s.Stop(t.Context(), r.Launch.Spec.Name)
		}
	})
}

// The settings of a group change from many sides: each change is whole.
func TestGroupChangesAtOnce(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 0)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				s.ChangeGroup("g", func(g *task.Group) { g.Slots = new(*g.Slots + 1) })
				s.Start(t.Context(), job(fmt.Sprint("t", i), in("g")))
				s.PauseGroup(t.Context(), "g")
				s.ResumeGroup(t.Context(), "g")
				s.Groups()
			})
		}
		all.Wait()
		synctest.Wait()
		if g, err := s.Group("g"); err != nil || *g.Slots != 10 || *st.groups["g"].Slots != 10 || g.Running != 10 || g.Paused {
			t.Errorf("%+v, %v", g, err)
		}
	})
}

// A temporary group is forgotten with its last task, and by the next supervisor for good.
func TestTemporaryGroup(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		got, err := l.ChangeGroup("g", func(g *task.Group) { g.Slots, g.Temporary = new(1), true })
		if err != nil || got.Name != "g" || *got.Slots != 1 || len(l.Groups()) != 0 {
			t.Fatalf("ChangeGroup: %+v, %v, and then %+v", got, err, l.Groups())
		}
		r := start(t, l.Supervisor, l.fake, job("a", func(s *task.Spec) { s.Group = "g" }))
		if all := l.Groups(); len(all) != 1 || *all[0].Slots != 1 {
			t.Errorf("with a task: %+v", all)
		}
		l.again(l.leave, time.Minute)
		if all := l.Groups(); len(all) != 1 || !all[0].Temporary {
			t.Errorf("with a task, taken over: %+v", all)
		}
		r.Exit(task.Exit{}, false)
		expect(t, l.Supervisor, "a", task.Done, "")
		if _, errs := l.Select(task.Selector{Group: "g"}); errs != nil {
			t.Errorf("with an ended task: %v", errs)
		}
		if _, err := l.Remove(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if _, errs := l.Select(task.Selector{Group: "g"}); len(l.Groups()) != 0 || errs == nil {
			t.Errorf("without a task: %+v, %v", l.Groups(), errs)
		}
		if len(l.st.allGroups()) != 0 {
			t.Errorf("recorded: %+v", l.st.allGroups())
		}
	})
}

// Whatever takes the last task out of a temporary group, nothing is left of that: not its
// slots, nor that it is paused. One that is set again meanwhile is kept for what is to come.
func TestTemporaryGroupIsForgottenWholly(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, s *supervisor.Supervisor) error{
		"removed": func(t *testing.T, s *supervisor.Supervisor) error {
			_, err := s.Submit(supervisor.ForceRemove("a", supervisor.End{})).Wait(t.Context())
			return err
		},
		"edited": func(t *testing.T, s *supervisor.Supervisor) error {
			edit(t, s, "a", in("other"))
			_, err := s.Stop(t.Context(), "a")
			return err
		},
		"replaced": func(t *testing.T, s *supervisor.Supervisor) error {
			_, err := s.Submit(supervisor.Replace(job("a", in("")), supervisor.End{})).Wait(t.Context())
			return err
		},
	} {
		for _, setAgain := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", setAgain), func(t *testing.T) {
				st := newMemory()
				faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
					temporary := func(slots int) {
						if _, err := s.ChangeGroup("g", func(g *task.Group) { g.Slots, g.Temporary = new(slots), true }); err != nil {
							t.Fatal(err)
						}
					}
					temporary(1)
					start(t, s, f, job("a", in("g"))).AutoStop(true)
					if _, err := s.PauseGroup(t.Context(), "g"); err != nil {
						t.Fatal(err)
					}
					if setAgain {
						temporary(2)
					}
					if err := leave(t, s); err != nil {
						t.Fatal(err)
					}
					if groups := st.allGroups(); setAgain != (len(groups) == 1) {
						t.Errorf("recorded: %+v", groups)
					}
					if setAgain {
						if g, _ := s.ResumeGroup(t.Context(), "g"); g.Slots != nil {
							t.Errorf("a group without a task: %+v", g)
						}
					}
					for _, name := range []string{"b", "c"} {
						if _, err := s.Start(t.Context(), job(name, in("g"))); err != nil {
							t.Error(err)
						}
					}
					if setAgain {
						expect(t, s, "c", task.Queued, "group g is paused: resume it with 'tasks group resume g'")
						if g, err := s.ResumeGroup(t.Context(), "g"); err != nil || *g.Slots != 2 {
							t.Errorf("%+v, %v", g, err)
						}
					}
					expect(t, s, "b", task.Running, "")
					expect(t, s, "c", task.Running, "")
				})
			})
		}
	}
}
