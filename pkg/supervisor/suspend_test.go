package supervisor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Of a pause and a resume of a group at the same time the last holds for all of its tasks,
// also for one that begins meanwhile.
func TestTheLastOfPauseAndResumeHolds(t *testing.T) {
	for _, paused := range []bool{false, true} {
		t.Run(fmt.Sprint(paused), func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				first, last, want := s.PauseGroup, s.ResumeGroup, task.Running
				if paused {
					first, last, want = last, first, task.Paused
				}
				for i := range 5 {
					start(t, s, f, job(fmt.Sprint("a", i), in("g")))
				}
				f.Hold(true)
				begins := s.Submit(supervisor.Start(job("late", in("g"))))
				late := next(t, f)
				if paused {
					s.PauseGroup(t.Context(), "g")
				}
				release, answers := f.HoldPauses(), make(chan error, 2)
				ask := func(change func(context.Context, string) (task.Group, error)) {
					go func() {
						_, err := change(t.Context(), "g")
						answers <- err
					}()
					synctest.Wait()
				}
				ask(first)
				late.Begin()
				synctest.Wait()
				ask(last)
				release()
				for range 2 {
					if err := <-answers; err != nil {
						t.Error(err)
					}
				}
				begins.Wait(t.Context())
				for _, one := range s.List() {
					expect(t, s, one.Name, want, "")
				}
				if g, err := s.Group("g"); err != nil || g.Paused != paused || g.Unfinished {
					t.Errorf("%+v, %v", g, err)
				}
			})
		})
	}
}

// A run that cannot be paused, or resumed, with its group is reported, and tried again by
// the next supervisor.
func TestGroupSaysWhatIsNotPaused(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		for _, name := range []string{"a", "b"} {
			start(t, l.Supervisor, l.fake, job(name, in("g")))
		}
		for _, c := range []struct {
			change        func(*supervisor.Supervisor, context.Context, string) (task.Group, error)
			paused        bool
			says          string
			before, after task.State
		}{
			{(*supervisor.Supervisor).PauseGroup, true, "group g is paused, but not all of its tasks: cannot pause a: no space left on device (and 1 more)", task.Running, task.Paused},
			{(*supervisor.Supervisor).ResumeGroup, false, "group g is resumed, but not all of its tasks: cannot resume a: no space left on device (and 1 more)", task.Paused, task.Running},
		} {
			l.fake.FailPause(errDisk)
			g, err := c.change(l.Supervisor, t.Context(), "g")
			expectError(t, err, errDisk, c.says)
			if g.Paused != c.paused || !l.st.groups["g"].Unfinished {
				t.Errorf("%+v, saved %+v", g, l.st.groups["g"])
			}
			expect(t, l.Supervisor, "a", c.before, "")
			l.fake.FailPause(nil)
			l.again(l.leave, time.Minute)
			expect(t, l.Supervisor, "a", c.after, "")
			if l.st.groups["g"].Unfinished {
				t.Error("it is unfinished")
			}
		}
	})
}

// A run that is slow to pause holds up neither its own end nor the next supervisor.
func TestSlowPauseHoldsUpNobody(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		for _, name := range []string{"a", "b"} {
			start(t, l.Supervisor, l.fake, job(name, in("g"), timeout(time.Hour)))
		}
		release := l.fake.HoldPauses()
		pause := l.Submit(supervisor.Pause("a"))
		if got, err := l.Stop(t.Context(), "a"); err != nil || got.State != task.Stopped {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		release()
		_, err := pause.Wait(t.Context())
		expectError(t, err, task.ErrConflict, "Task a is stopped: cannot pause it.")

		l.ChangeGroup("g", func(g *task.Group) { g.Paused, g.Unfinished = true, true })
		l.again(func() error {
			err := l.leave()
			release = l.fake.HoldPauses()
			return err
		}, time.Minute)
		expect(t, l.Supervisor, "b", task.Running, "")
		time.Sleep(2 * time.Hour) // of what is about to be paused no time limit ends
		release()
		synctest.Wait()
		expect(t, l.Supervisor, "b", task.Paused, "")
	})
}
