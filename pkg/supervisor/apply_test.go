package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// change returns the change for a file with these tasks.
func change(id string, specs ...task.Spec) task.Change {
	for i := range specs {
		specs[i].File = "/nowhere/tasks.yaml"
	}
	return task.Change{ID: id, File: "/nowhere/tasks.yaml", Prune: true, Tasks: specs}
}

func service(name, arg string, after ...string) task.Spec {
	return task.Spec{Name: name, Command: []string{name, arg}, Restart: task.RestartAlways, Order: task.Order{After: after}}
}

// states is the names of the tasks with their states.
func states(s *supervisor.Supervisor) string {
	var all []string
	for _, t := range s.List() {
		all = append(all, t.Name+" "+string(t.State))
	}
	return strings.Join(all, ", ")
}

// carried is what has come of a change.
func carried(t *testing.T, a *supervisor.Applying) (string, error) {
	t.Helper()
	done, err := a.Wait(t.Context())
	var names []string
	for _, info := range done.Tasks {
		names = append(names, info.Name+" "+string(info.State))
	}
	return strings.Join(names, ", "), err
}

// What has changed is restarted in the order of dependencies, each once the one before has
// begun again; what the change has no more is stopped, what comes after others first.
func TestApply(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.AutoStop(false)
		first := s.Apply(change("1", service("db", "1"), service("api", "1", "db"), service("web", "1", "api"), service("old", "1"), service("older", "1", "old")), false)
		runs := make(map[string]*enginetest.FakeRun)
		next := func() {
			r := f.Next(t)
			runs[r.Launch.Spec.Name] = r
		}
		for range 5 {
			next()
		}
		if got, err := carried(t, first); err != nil || len(strings.Split(got, ", ")) != 5 || strings.Contains(got, "queued") {
			t.Fatalf("%s, %v", got, err)
		}
		synctest.Wait()
		if got := states(s); got != "api running, db running, old running, older running, web running" {
			t.Fatal(got)
		}
		second := s.Apply(change("2", service("db", "2"), service("api", "2", "db"), service("web", "1", "api")), false)
		end := func(name, want string) {
			t.Helper()
			synctest.Wait()
			if got := states(s); got != want {
				t.Fatalf("%s; want %s", got, want)
			}
			<-runs[name].Stops()
			runs[name].Exit(task.Exit{Signal: syscall.SIGTERM}, false)
		}
		end("older", "api running, db running, old running, older stopping, web running")
		end("old", "api running, db running, old stopping, older stopped, web running")
		end("db", "api running, db stopping, old stopped, older stopped, web running")
		next()
		end("api", "api stopping, db running, old stopped, older stopped, web running")
		next()
		if got, err := carried(t, second); err != nil || got != "db running, api running, web running" {
			t.Errorf("%s, %v", got, err)
		}
		if web, _ := s.Info("web"); web.Run != 1 {
			t.Error("web, which is as it was, was restarted")
		}
		third := change("3")
		third.Down = true
		down := s.Apply(third, false)
		end("web", "api running, db running, old stopped, older stopped, web stopping")
		end("api", "api stopping, db running, old stopped, older stopped, web stopped")
		end("db", "api stopped, db stopping, old stopped, older stopped, web stopped")
		if got, err := carried(t, down); err != nil || got != "older stopped, web stopped, old stopped, api stopped, db stopped" && !strings.Contains(got, "db stopped") {
			t.Errorf("%s, %v", got, err)
		}
		if c := st.allChanges(); len(c) != 1 || c[0].ID != "3" || c[0].CompletedAt.IsZero() || c[0].Tasks != nil {
			t.Errorf("%+v is recorded", c)
		}
	})
}

// A change is accepted or refused as a whole, and a refused one is not recorded.
func TestApplyRefused(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		s.Start(t.Context(), service("hand", "1"))
		s.Start(t.Context(), service("beyond", "1"))
		s.Apply(change("0", service("a", "1")), false).Wait(t.Context())
		s.Start(t.Context(), service("behind", "1", "a"))
		late := service("b", "1")
		late.Cron = "0 0 31 2 *"
		for _, tt := range []struct {
			c    task.Change
			kind error
			want string
		}{
			{change("1", service("b", "1"), service("hand", "1")), task.ErrConflict, "hand was started by hand"},
			{change("2", service("b", "1"), service("c", "1", "nowhere")), task.ErrNotFound, "cannot start c after nowhere: No such task: nowhere"},
			{change("3", service("b", "1"), service("a", "1", "behind")), task.ErrUsage, "a would wait for itself: a after behind after a"},
			{change("4", service("c", "1"), late), task.ErrUsage, "b"},
			{change("5", service("b", "1", "c"), service("c", "1")), task.ErrUsage, "b is before c"},
		} {
			got, err := carried(t, s.Apply(tt.c, false))
			if got != "" || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %q, %v; want %q", tt.c.ID, got, err, tt.want)
			}
		}
		if got := states(s); got != "a running, behind running, beyond running, hand running" && got != "a running, behind waiting, beyond running, hand running" {
			t.Error(got)
		}
		if c := st.allChanges(); len(c) != 1 || c[0].ID != "0" {
			t.Errorf("%+v is recorded", c)
		}
		if got, err := carried(t, s.Apply(change("6", service("a", "1", "beyond")), false)); err != nil || got != "a running" {
			t.Errorf("after one of another: %q, %v", got, err)
		}
	})
}

// A task whose time has passed stays as it is, and keeps no other from being started; one that
// would have to start again is refused, as its check says.
func TestApplyAfterItsTime(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		once := task.Spec{Name: "once", Command: []string{"once"}, When: task.When{At: time.Now().Add(time.Second).Format(time.RFC3339)}}
		s.Apply(change("1", once, service("web", "1")), false).Wait(t.Context())
		f.Next(t)
		run := f.Next(t)
		for _, state := range []string{"running", "done"} {
			second := change(state, once, service("web", state))
			if _, err := s.Plan(second); err != nil {
				t.Errorf("check while it is %s: %v", state, err)
			}
			if got, err := carried(t, s.Apply(second, false)); err != nil || got != "once "+state+", web running" {
				t.Errorf("while it is %s: %s, %v", state, got, err)
			}
			f.Next(t) // web
			run.Exit(task.Exit{}, false)
			synctest.Wait()
		}
		late := change("2", task.Spec{Name: "once", Command: []string{"otherwise"}, When: once.When}, service("web", "2"))
		_, checked := s.Plan(late)
		_, err := carried(t, s.Apply(late, false))
		for _, err := range []error{checked, err} {
			if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "cannot start once: ") || !strings.Contains(err.Error(), "has passed") {
				t.Error(err)
			}
		}
	})
}

// Changes of one file follow one another, in the order in which they came; those of
// others do not wait, unless they want the same names.
func TestApplyTurns(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.Hold(true)
		first := s.Apply(change("1", service("a", "1")), false)
		synctest.Wait()
		if s.Apply(change("2", service("a", "2")), true) != nil {
			t.Error("one that does not wait is begun")
		}
		if s.Apply(change("1", service("a", "1")), true) != first {
			t.Error("the same one is another")
		}
		second, third := s.Apply(change("2", service("a", "2")), false), s.Apply(change("3", service("a", "3")), false)
		other := change("4", service("b", "1"))
		other.File = "/nowhere/else.yaml"
		elsewhere := s.Apply(other, true)
		thief := change("5", service("a", "9"))
		thief.File = "/nowhere/third.yaml"
		stolen := s.Apply(thief, true)
		if _, err := stolen.Wait(t.Context()); !errors.Is(err, task.ErrConflict) || !strings.Contains(err.Error(), "a belongs to /nowhere/tasks.yaml") {
			t.Errorf("a name that is about to be another's: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := first.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		f.Hold(false)
		for range 2 {
			f.Next(t).Begin()
		}
		for _, a := range []*supervisor.Applying{elsewhere, first, second, third} {
			if _, err := a.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if a, _ := s.Info("a"); a.Run != 3 || !slices.Equal(a.Command, []string{"a", "3"}) {
			t.Errorf("%+v", a)
		}
		if again, err := carried(t, s.Apply(change("2", service("a", "2")), false)); err != nil || again != "a running" {
			t.Errorf("one that was carried out: %s, %v", again, err)
		}
		if a, _ := s.Info("a"); a.Run != 3 {
			t.Error("it was carried out again")
		}
	})
}

// Of changes of the whole file that wait for their turn, and whose callers have gone, only the
// last is carried out; a down, a part of a file, and what somebody waits for, are.
func TestApplyAbandoned(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.Hold(true)
		first := s.Apply(change("first", service("a", "first")), false)
		held := f.Next(t)
		apply := func(id string, callers int, with func(*task.Change)) *supervisor.Applying {
			c := change(id, service("a", id))
			if with != nil {
				with(&c)
			}
			a := s.Apply(c, false)
			if callers == 2 {
				s.Apply(c, false)
			}
			synctest.Wait()
			s.Abandon(a)
			return a
		}
		dropped := []*supervisor.Applying{apply("1", 1, nil), apply("2", 1, func(c *task.Change) { c.Prune = false }), apply("3", 1, nil)}
		down := apply("down", 1, func(c *task.Change) { c.Down = true })
		dropped = append(dropped, apply("4", 1, nil))
		asked := apply("asked", 2, nil)
		dropped = append(dropped, apply("5", 1, nil))
		last := apply("last", 1, nil)
		part := apply("part", 1, func(c *task.Change) { c.Prune, c.Tasks = false, change("", service("b", "part")).Tasks })
		synctest.Wait()
		for _, a := range dropped { // while the first is under way still
			if _, err := carried(t, a); !errors.Is(err, task.ErrConflict) || !strings.Contains(err.Error(), "a later up or down of /nowhere/tasks.yaml took its place") {
				t.Errorf("%v", err)
			}
		}
		f.Hold(false)
		held.Begin()
		synctest.Wait()
		for i, a := range []*supervisor.Applying{first, down, asked, last, part} {
			if _, err := carried(t, a); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		var runs []string
		for !f.Idle() {
			runs = append(runs, strings.Join(f.Next(t).Launch.Spec.Command, " "))
		}
		if want := []string{"a asked", "a last", "b part"}; !slices.Equal(runs, want) {
			t.Errorf("%q were started", runs)
		}
	})
}

// The next supervisor continues a recorded change, whether this one leaves, dies or is shut
// down, and starts nothing twice; an exit gives the change up.
func TestApplyGoesOn(t *testing.T) {
	for _, way := range []string{"left", "shut down", "exited"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st, f := newMemory(), enginetest.NewFake()
				begin := func() *supervisor.Supervisor {
					s := supervisor.New(supervisor.Options{Commands: f.Adopter(), Store: st})
					s.Load(t.Context(), st.all())
					s.ResumeChanges(st.allChanges())
					synctest.Wait()
					return s
				}
				job := func(arg string) task.Spec { return task.Spec{Name: "job", Command: []string{"job", arg}} }
				s := begin()
				s.Apply(change("1", job("1"), service("db", "1"), service("api", "1", "db"), service("old", "1")), false).Wait(t.Context())
				synctest.Wait()
				var db *enginetest.FakeRun
				for range 4 {
					switch r := f.Next(t); r.Launch.Spec.Name {
					case "job":
						r.Exit(task.Exit{Code: 1}, false)
					case "db":
						db = r
						db.AutoStop(false)
					}
				}
				synctest.Wait()
				second := change("2", job("2"), service("db", "2"), service("api", "2", "db"), service("new", "1"))
				a := s.Apply(second, false)
				f.Next(t).Exit(task.Exit{Code: 1}, false) // of the job
				synctest.Wait()
				if got := states(s); got != "api running, db stopping, job failed, new starting, old stopped" && got != "api running, db stopping, job failed, old stopped" {
					t.Fatal(got)
				}
				queued := s.Apply(change("3", service("db", "3")), false)
				switch way {
				case "left":
					go s.Leave(t.Context())
				case "shut down":
					go s.Close(t.Context())
				default:
					go func() {
						s.StopAll(t.Context(), supervisor.End{Grace: new(time.Duration(0))})
						s.Close(t.Context())
					}()
				}
				synctest.Wait()
				if way != "left" {
					db.Exit(task.Exit{Signal: syscall.SIGTERM}, false)
				}
				synctest.Wait()
				for _, a := range []*supervisor.Applying{a, queued} {
					if got, err := carried(t, a); !errors.Is(err, task.ErrUnavailable) || err.Error() != "the supervisor is shutting down" {
						t.Errorf("%s, %v", got, err)
					}
				}
				s = begin()
				if way == "exited" {
					if got := states(s); strings.Contains(got, "running") || strings.Contains(got, "new") {
						t.Error(got)
					}
				} else {
					again := s.Apply(second, false)
					if way == "left" {
						db.Exit(task.Exit{Signal: syscall.SIGTERM}, false)
					}
					if got, err := carried(t, again); err != nil || got != "job failed, db running, api running, new running" && got != "db running, api running, new running, job failed" {
						t.Errorf("%s, %v", got, err)
					}
					if got := states(s); got != "api running, db running, job failed, new running, old stopped" {
						t.Error(got)
					}
					for name, want := range map[string]string{"job": "2", "db": "2", "api": "2", "new": "1"} {
						if info, _ := s.Info(name); info.Command[1] != want {
							t.Errorf("%s is %v", name, info.Command)
						}
					}
					if info, _ := s.Info("job"); info.Run != 2 {
						t.Errorf("job has run %d times", info.Run)
					}
				}
				if c := st.allChanges(); len(c) != 1 || c[0].CompletedAt.IsZero() {
					t.Errorf("%+v is recorded", c)
				}
				s.Close(t.Context())
				for _, c := range st.allChanges() { // it is known for a while
					c.CompletedAt = task.Time{Time: time.Now().Add(-2 * time.Hour)}
					st.SaveChange(c)
				}
				s = begin()
				if c := st.allChanges(); len(c) != 0 {
					t.Errorf("%+v is recorded", c)
				}
				s.Close(t.Context())
				synctest.Wait()
			})
		})
	}
}

// Records of past changes are bounded, in a life and over several, and deleted side by side.
func TestPastChangesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 100
		st := &slowToForget{memory: newMemory()}
		of := func(i int) task.Change {
			return task.Change{ID: fmt.Sprint(i), File: fmt.Sprintf("/%d/tasks.yaml", i)}
		}
		for i := range 1000 { // of earlier lives
			old := of(i)
			if old.CompletedAt.Time = time.Now().Add(-2 * time.Hour); i >= 500 {
				old.CompletedAt.Time = time.Now().Add(time.Duration(i-1000) * time.Second)
			}
			st.SaveChange(old)
		}
		s, began := supervisor.New(supervisor.Options{Commands: enginetest.NewFake(), Store: st}), time.Now()
		s.ResumeChanges(st.allChanges())
		if took := time.Since(began); took > time.Second {
			t.Errorf("serving took %s", took)
		}
		left := func() []string {
			var ids []string
			for _, c := range st.allChanges() {
				ids = append(ids, c.ID)
			}
			slices.Sort(ids)
			return ids
		}
		if ids := left(); len(ids) != most || ids[0] != "900" || ids[most-1] != "999" {
			t.Errorf("%q are left", ids)
		}
		for i := range 2 * most {
			c := of(1000 + i)
			c.Tasks = []task.Spec{{Name: fmt.Sprint("t", i), Command: []string{"x"}, File: c.File}}
			s.Apply(c, false).Wait(t.Context())
		}
		if ids := left(); len(ids) != most || ids[0] != "1100" {
			t.Errorf("%q are left after changes of more files", ids)
		}
		again := of(1100) // a file has one record: its last change
		for i := range 2 * most {
			again.ID = fmt.Sprint("again", i)
			again.Tasks = []task.Spec{{Name: "t100", Command: []string{again.ID}, File: again.File}}
			if _, err := s.Apply(again, false).Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if ids := left(); !slices.Contains(ids, again.ID) || len(ids) > most {
			t.Errorf("%q are left after changes of one file", ids)
		}
		s.Close(t.Context())
		synctest.Wait()
	})
}

// slowToForget takes a second for each deletion of a change.
type slowToForget struct{ *memory }

func (s *slowToForget) DeleteChange(file string) error {
	time.Sleep(time.Second)
	return s.memory.DeleteChange(file)
}

// A task that the next supervisor is restarting while it continues a change is neither
// started twice nor in the way of the change.
func TestApplyGoesOnBesideStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, f := newMemory(), enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: f, Store: st})
		s.Apply(change("1", service("db", "1"), service("old", "1")), false).Wait(t.Context())
		var old *enginetest.FakeRun
		for range 2 {
			if r := f.Next(t); r.Launch.Spec.Name == "old" {
				old = r
				old.AutoStop(false)
			}
		}
		second := change("2", service("db", "1"), service("new", "1"))
		s.Apply(second, false)
		<-old.Stops()
		go s.Close(t.Context())
		synctest.Wait()
		old.Exit(task.Exit{Signal: syscall.SIGTERM}, false)
		synctest.Wait()
		f.Hold(true)
		s = supervisor.New(supervisor.Options{Commands: f, Store: st})
		s.Load(t.Context(), st.all())
		s.ResumeChanges(st.allChanges())
		again := s.Apply(second, false)
		f.Hold(false)
		for range 2 {
			f.Next(t).Begin()
		}
		if got, err := carried(t, again); err != nil {
			t.Errorf("%s, %v", got, err)
		}
		synctest.Wait()
		if db, _ := s.Info("db"); db.Run != 2 || states(s) != "db running, new running, old stopped" {
			t.Errorf("%s, db has run %d", states(s), db.Run)
		}
		s.Close(t.Context())
		synctest.Wait()
	})
}

// A name that somebody else takes while a change is under way stays theirs: what they have
// started is neither stopped nor replaced, and what comes after it in the file is not begun.
func TestApplyLeavesWhatOthersStartMeanwhile(t *testing.T) {
	byHand := func(name string) task.Spec { return task.Spec{Name: name, Command: []string{name, "by hand"}} }
	for _, tt := range []struct {
		name  string
		taken []task.Spec // what of that others start while old and older are stopped
		want  string      // the errors
		kind  error
		now   string
	}{
		{"nothing", nil, "", nil,
			"api running, changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"new", []task.Spec{byHand("new")}, "new was started by hand: stop and remove it first: tasks rm --force new\ncannot start api after new: new was started by hand", task.ErrConflict,
			"changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"of another file", []task.Spec{{Name: "new", Command: []string{"new", "by hand"}, File: "/nowhere/else.yaml"}}, "new belongs to /nowhere/else.yaml: take that down first", task.ErrConflict,
			"changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"ended", []task.Spec{byHand("ended")}, "ended was started by hand", task.ErrConflict,
			"api running, changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"ended, again", []task.Spec{{Name: "ended"}}, "Task ended is already running.", task.ErrConflict,
			"api running, changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"changed", []task.Spec{byHand("changed")}, "changed was started by hand", task.ErrConflict,
			"api running, changed running, ended running, kept running, late running, new running, old stopped, older stopped"},
		{"kept", []task.Spec{byHand("kept")}, "cannot start late after kept: kept was started by hand", task.ErrConflict,
			"api running, changed running, ended running, kept running, new running, old stopped, older stopped"},
		{"what is stopped", []task.Spec{byHand("old")}, "", nil,
			"api running, changed running, ended running, kept running, late running, new running, old running, older stopped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				s.Apply(change("1", service("ended", "1"), service("changed", "1"), service("kept", "1"), service("old", "1"), service("older", "1", "old")), false).Wait(t.Context())
				synctest.Wait()
				var older *enginetest.FakeRun
				for range 5 {
					if r := f.Next(t); r.Launch.Spec.Name == "older" {
						older = r
						older.AutoStop(false)
					}
				}
				s.Submit(supervisor.Stop("ended", supervisor.End{})).Wait(t.Context())
				second := s.Apply(change("2", service("ended", "1"), service("changed", "2"), service("kept", "1"), service("new", "1"), service("api", "1", "new"), service("late", "1", "kept")), false)
				<-older.Stops()
				for _, spec := range tt.taken {
					if spec.Command != nil {
						s.Submit(supervisor.ForceRemove(spec.Name, supervisor.End{})).Wait(t.Context())
					}
					if _, err := s.Submit(supervisor.Start(spec)).Wait(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				older.Exit(task.Exit{Signal: syscall.SIGTERM}, false)
				done, err := second.Wait(t.Context())
				if tt.kind == nil && err != nil || tt.kind != nil && (!errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%v; want %s", err, tt.want)
				}
				synctest.Wait()
				if got := states(s); got != tt.now {
					t.Errorf("\n got %s\nwant %s", got, tt.now)
				}
				for _, spec := range tt.taken {
					if info, _ := s.Info(spec.Name); spec.Command != nil && (info.Run != 1 || info.Command[1] != "by hand") {
						t.Errorf("%s is %v, run %d", spec.Name, info.Command, info.Run)
					}
					if spec.Command != nil && slices.ContainsFunc(done.Tasks, func(t *task.Info) bool { return t.Name == spec.Name }) {
						t.Errorf("%s is reported as one of the change", spec.Name)
					}
				}
			})
		})
	}
}

// A change that starts what is missing leaves what is there as it is, whatever the file says,
// also if it has come while the change waited for its turn.
func TestApplyMissing(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		missing := func(id string, specs ...task.Spec) *supervisor.Applying {
			c := change(id, specs...)
			c.Prune, c.Missing = false, true
			return s.Apply(c, false)
		}
		past := service("db", "1")
		first, second := missing("1", past, service("a", "1", "db")), missing("2", past, service("b", "1", "db"))
		if got, err := carried(t, first); err != nil || got != "db running, a running" && got != "db running, a waiting" && got != "db running, a starting" {
			t.Errorf("the first: %s, %v", got, err)
		}
		if got, err := carried(t, second); err != nil || strings.Contains(got, "db") || !strings.HasPrefix(got, "b ") {
			t.Errorf("the second: %s, %v", got, err)
		}
		changed := service("db", "2")
		changed.Restart, changed.At = "", time.Now().Add(-time.Hour).Format(time.RFC3339) // as when it was started
		if got, err := carried(t, missing("3", changed, service("a", "2", "db"))); err != nil || got != "" {
			t.Errorf("what is there: %s, %v", got, err)
		}
		s.Submit(supervisor.Stop("db", supervisor.End{})).Wait(t.Context())
		if got, err := carried(t, missing("4", past)); err != nil || got != "" {
			t.Errorf("what has ended: %s, %v", got, err)
		}
		s.Start(t.Context(), service("hand", "1"))
		if got, err := carried(t, missing("5", service("hand", "1"), service("new", "1", "hand"))); got != "" || !errors.Is(err, task.ErrConflict) || !strings.Contains(err.Error(), "hand was started by hand") {
			t.Errorf("after one by hand: %s, %v", got, err)
		}
		synctest.Wait()
		if got := states(s); got != "a running, b running, db stopped, hand running" {
			t.Error(got)
		}
		if db, _ := s.Info("db"); db.Run != 1 || db.Command[1] != "1" {
			t.Errorf("db is %v, run %d", db.Command, db.Run)
		}
	})
}

// If there is no room for the record of a change, each task reports that for itself, and
// running tasks keep running.
func TestApplyOnAFullDisk(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		s.Apply(change("1", service("a", "1"), service("b", "1")), false).Wait(t.Context())
		st.failing(func(*task.Record) error { return errDisk })
		_, err := carried(t, s.Apply(change("2", service("a", "2"), service("b", "1")), false))
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "cannot start a again, so it keeps running") {
			t.Error(err)
		}
		if got := states(s); got != "a running, b running" {
			t.Error(got)
		}
		st.failing(nil)
	})
}

// A wait for tasks to be up ends when there is nothing more to wait for.
func TestWaitUp(t *testing.T) {
	c := enginetest.NewFakeChecker()
	faked(t, supervisor.Options{Checker: c}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.Hold(true)
		ready := service("db", "1")
		ready.Ready = task.Ready{ReadyCmd: "x"}
		if _, errs := s.StartAll([]task.Spec{{Name: "timed", Command: []string{"x"}, When: task.When{Cron: "@yearly"}}, {Name: "behind", Command: []string{"x"}, Order: task.Order{After: []string{"timed"}}}}); errs != nil {
			t.Fatal(errs)
		}
		s.Submit(supervisor.Start(ready))
		synctest.Wait()
		s.Submit(supervisor.Start(service("api", "1", "db")))
		synctest.Wait()
		up := make(chan error, 1)
		var infos []*task.Info
		names := []string{"timed", "behind", "api", "db"}
		go func() {
			var err error
			infos, err = s.WaitUp(t.Context(), names, false)
			up <- err
		}()
		if some, err := s.WaitUp(t.Context(), names, true); err != nil || len(some) != 4 {
			t.Errorf("%v, %v", some, err)
		}
		if _, err := s.WaitUp(t.Context(), []string{"nobody"}, false); !errors.Is(err, task.ErrNotFound) {
			t.Error(err)
		}
		f.Hold(false)
		f.Next(t).Begin()
		check := c.Next(t)
		synctest.Wait()
		select {
		case err := <-up:
			t.Fatalf("it is not up: %v", err)
		default:
		}
		check.BeReady(nil)
		if err := <-up; err != nil || len(infos) != 4 || infos[2].State != task.Running || infos[3].State != task.Running {
			t.Errorf("%v: %s", err, fmt.Sprint(states(s)))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Start(t.Context(), task.Spec{Name: "blocked", Command: []string{"x"}, Order: task.Order{AfterEnded: []string{"nothing"}}})
		if _, err := s.WaitUp(ctx, names, false); err != nil {
			t.Errorf("what is up at once: %v", err)
		}
	})
}
