package supervisor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// A task is not replaced if the record of the new one does not fit on the disk. Once
// that is recorded, even a death of the supervisor leads to the new task.
func TestReplacementIsRecordedFirst(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		big := func(s *task.Spec) { s.Cwd = "/big" }
		setSlots(t, l.Supervisor, "g", 1)
		up := start(t, l.Supervisor, l.fake, job("up", restarts(task.RestartAlways)))
		start(t, l.Supervisor, l.fake, job("first", in("g")))
		startTask(t, l.Supervisor, job("queued", in("g")))
		startTask(t, l.Supervisor, job("behind", in("g")))
		startTask(t, l.Supervisor, job("sleeps", delayed(time.Hour)))
		full := func(r *task.Record) error {
			if r != nil && (r.Spec.Cwd == "/big" || r.Next != nil && r.Next.Cwd == "/big") {
				return errDisk
			}
			return nil
		}
		l.st.failing(full)
		before := l.List()
		replace := func(spec task.Spec) *supervisor.Call {
			return l.Submit(supervisor.Replace(spec, supervisor.End{}))
		}
		for _, spec := range []task.Spec{job("up", restarts(task.RestartAlways), big), job("queued", in("g"), big), job("sleeps", delayed(time.Hour), big)} {
			_, err := replace(spec).Wait(t.Context())
			expectError(t, err, errDisk, "cannot start "+spec.Name+" again, so it keeps running")
		}
		synctest.Wait()
		for i, now := range l.List() {
			if was := before[i]; now.State != was.State || now.Run != was.Run || now.NextAt != was.NextAt || now.Reason != was.Reason {
				t.Errorf("was %+v\nis %+v", was, now)
			}
		}
		l.st.failing(nil)
		up.AutoStop(false)
		other := job("up", restarts(task.RestartAlways))
		other.Command = []string{"other"}
		replace(other)
		<-up.Stops()
		l.again(dies(l), 0)
		up.Exit(task.Exit{}, false)
		if r := next(t, l.fake); r.Launch.Spec.Command[0] != "other" || r.Launch.Run != 2 {
			t.Errorf("%+v", r.Launch)
		}
		expect(t, l.Supervisor, "up", task.Running, "")
	})
}

// The next supervisor completes a replacement as it was requested: the new task waits for
// its dependencies, and the old one does not start again.
func TestReplacementOverAnEnd(t *testing.T) {
	for _, how := range []string{"left", "left, and ended meanwhile", "dead", "dead, and ended meanwhile", "ended as it was left"} {
		t.Run(how, func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				setSlots(t, l.Supervisor, "g", 1)
				start(t, l.Supervisor, l.fake, job("x"))
				start(t, l.Supervisor, l.fake, job("holder", in("g")))
				renewed := map[string]func(*task.Spec){"after": after("x"), "later": delayed(time.Hour), "queued": in("g"), "now": restarts(task.RestartAlways)}
				var runs []*enginetest.FakeRun
				for name := range renewed {
					runs = append(runs, start(t, l.Supervisor, l.fake, job(name)))
				}
				starts := l.fake.Starts()
				end := func() {
					for _, r := range runs {
						r.Exit(task.Exit{}, false)
					}
				}
				for _, r := range runs {
					r.AutoStop(false)
				}
				for name, change := range renewed {
					spec := job(name, change)
					spec.Command = []string{"new"}
					l.Submit(supervisor.Replace(spec, supervisor.End{}))
				}
				synctest.Wait()
				switch how {
				case "ended as it was left":
					err := l.GoSpec(task.Spec{Name: "slow", StopTimeout: new(task.Duration(time.Hour))}, func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(time.Minute)
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					time.AfterFunc(5*time.Second, end)
					l.again(l.leave, 0)
				case "left":
					l.again(l.leave, 0)
				case "dead":
					l.again(dies(l), 0)
				case "left, and ended meanwhile":
					l.again(func() error { err := l.leave(); end(); return err }, 0)
				default:
					die := dies(l)
					l.again(func() error { err := die(); end(); return err }, 0)
				}
				end()
				expect(t, l.Supervisor, "after", task.Waiting, "waits for x")
				expect(t, l.Supervisor, "later", task.Waiting, "")
				expect(t, l.Supervisor, "queued", task.Queued, "waits for a slot of g")
				expect(t, l.Supervisor, "now", task.Running, "")
				if r := next(t, l.fake); r.Launch.Spec.Command[0] != "new" || l.fake.Starts() != starts+1 {
					t.Errorf("%v, %d began", r.Launch.Spec.Command, l.fake.Starts()-starts)
				}
				time.Sleep(time.Hour)
				expect(t, l.Supervisor, "later", task.Running, "")
			})
		})
	}
}

// A replacement that is refused, or comes to nothing, leaves the order as it was.
func TestOrderOfAReplacementThatFails(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, job("a"))
		start(t, s, f, job("b"))
		st.failing(func(*task.Record) error { return errDisk })
		spec := job("a", after("b"))
		if _, err := s.Submit(supervisor.Replace(spec, supervisor.End{})).Wait(t.Context()); err == nil {
			t.Error("it is replaced")
		}
		st.failing(nil)
		spec = job("b", after("a"))
		if _, err := s.Submit(supervisor.Replace(spec, supervisor.End{})).Wait(t.Context()); err != nil {
			t.Errorf("after what is after nothing: %v", err)
		}
		spec = job("a", after("b"))
		_, err := s.Submit(supervisor.Replace(spec, supervisor.End{})).Wait(t.Context())
		expectError(t, err, task.ErrUsage, "dependency cycle: ")
	})
}

// A client that asks the next supervisor again for what the one before had recorded gets
// what has begun, once.
func TestReplacementIsAskedForAgain(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a"))
		r.AutoStop(false)
		spec := job("a", restarts(task.RestartAlways))
		replace := supervisor.Replace(spec, supervisor.End{})
		l.Submit(replace)
		synctest.Wait()
		l.again(l.leave, 0)
		early := l.Submit(replace)
		r.Exit(task.Exit{}, false)
		next(t, l.fake)
		again := supervisor.ReplaceAgain(spec, supervisor.End{})
		for _, c := range []*supervisor.Call{early, l.Submit(again)} {
			if got, err := c.Wait(t.Context()); err != nil || got.Run != 2 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if got, err := l.Submit(again).Wait(t.Context()); err != nil || got.Run != 3 {
			t.Errorf("once more: %+v, %v", got, err)
		}
	})
}

// Who asks the next supervisor for the first time gets a run that begins after that.
func TestReplacementIsAskedForByAnother(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a"))
		r.AutoStop(false)
		replace := supervisor.Replace(job("a", restarts(task.RestartAlways)), supervisor.End{})
		l.Submit(replace)
		synctest.Wait()
		l.again(l.leave, 0)
		r.Exit(task.Exit{}, false)
		next(t, l.fake)
		if got, err := l.Submit(replace).Wait(t.Context()); err != nil || got.Run != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// What was accepted comes to be, whatever becomes meanwhile of the tasks and the time
// that it names: as it would if that happened a moment later.
func TestReplacementOverAChange(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		for _, name := range []string{"x", "y"} {
			start(t, s, f, job(name)).Exit(task.Exit{}, false)
		}
		replaced := func(spec task.Spec) (*enginetest.FakeRun, *supervisor.Call) {
			r := start(t, s, f, job(spec.Name, restarts(task.RestartAlways)))
			r.AutoStop(false)
			c := s.Submit(supervisor.Replace(spec, supervisor.End{}))
			<-r.Stops()
			return r, c
		}
		a, _ := replaced(job("a", after("x")))
		b, _ := replaced(job("b", after("y")))
		timed := job("c")
		timed.At = time.Now().Add(5 * time.Second).Format(time.RFC3339)
		c, _ := replaced(timed)
		if _, err := s.Remove(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Start(t.Context(), job("y", after("b")))
		expectError(t, err, task.ErrUsage, "dependency cycle: ")
		time.Sleep(10 * time.Second)
		for _, r := range []*enginetest.FakeRun{a, b, c} {
			r.Exit(task.Exit{}, false)
		}
		next(t, f)
		next(t, f)
		expect(t, s, "a", task.Failed, "not started: x was removed")
		expect(t, s, "b", task.Running, "")
		expect(t, s, "c", task.Running, "")
		quiet(t, f)
	})
}
