package supervisor_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// lives lets f play with a supervisor, ends it as it says, and makes the next.
type lives struct {
	t    *testing.T
	st   *memory
	fake *enginetest.Fake
	o    supervisor.Options
	*supervisor.Supervisor
}

// reborn runs f with supervisors that follow each other over one store.
func reborn(t *testing.T, f func(*testing.T, *lives)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, st := enginetest.NewFake(), newMemory()
		l := &lives{t: t, st: st, fake: fake, o: supervisor.Options{Commands: fake.Adopter(), Store: st}}
		l.Supervisor = supervisor.New(l.o)
		defer synctest.Wait()
		defer func() { l.Close(t.Context()) }()
		f(t, l)
	})
}

// again ends the supervisor by end, and loads what it left into the next after
// a while.
func (l *lives) again(end func() error, after time.Duration) {
	l.t.Helper()
	if err := end(); err != nil {
		l.t.Fatal(err)
	}
	synctest.Wait()
	time.Sleep(after)
	l.Supervisor = supervisor.New(l.o)
	l.Load(l.t.Context(), l.st.all(), l.st.allGroups()...)
	synctest.Wait()
}

func (l *lives) leave() error { _, err := l.Leave(l.t.Context()); return err }

func (l *lives) close() error { return l.Close(l.t.Context()) }

// A task that waits for others keeps waiting, though the same shutdown stopped them; and a
// dependency is up again before a waiting task looks at it.
func TestShutdownOfAnOrder(t *testing.T) {
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				start(t, l.Supervisor, l.fake, job("job", restarts(task.RestartOnFailure)))
				for i := range 20 {
					startTask(t, l.Supervisor, job(fmt.Sprint("a", i), after("job")))
					startTask(t, l.Supervisor, job(fmt.Sprint("z", i), after("job", fmt.Sprint("a", i))))
				}
				// Names that sort before those of what they come after.
				start(t, l.Supervisor, l.fake, job("db", restarts(task.RestartAlways)))
				start(t, l.Supervisor, l.fake, job("api", restarts(task.RestartAlways), after("db")))
				start(t, l.Supervisor, l.fake, job("app", restarts(task.RestartAlways), after("api")))
				l.again(l.close, time.Hour)
				for _, name := range []string{"db", "api", "app", "job"} {
					expect(t, l.Supervisor, name, task.Running, "")
				}
				var job *enginetest.FakeRun
				for range 4 {
					if r := next(t, l.fake); r.Launch.Spec.Name == "job" {
						job = r
					}
				}
				quiet(t, l.fake)
				expect(t, l.Supervisor, "a7", task.Waiting, "waits for job to end: it has no readiness check")
				expect(t, l.Supervisor, "z7", task.Waiting, "waits for a7, job")
				job.Exit(task.Exit{}, false)
				for range 20 {
					next(t, l.fake)
				}
				quiet(t, l.fake)
			})
		})
	}
}

func TestLoadOfAnOrder(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		a, b := start(t, l.Supervisor, l.fake, job("a")), start(t, l.Supervisor, l.fake, job("b"))
		startTask(t, l.Supervisor, job("c", after("a", "b")))
		startTask(t, l.Supervisor, job("d", after("c")))
		a.Exit(task.Exit{}, false)
		expect(t, l.Supervisor, "c", task.Waiting, "waits for b")
		l.again(l.leave, time.Hour)
		expect(t, l.Supervisor, "a", task.Done, "")
		expect(t, l.Supervisor, "b", task.Running, "")
		expect(t, l.Supervisor, "c", task.Waiting, "waits for b")
		expect(t, l.Supervisor, "d", task.Waiting, "waits for c")
		_, err := l.Start(t.Context(), job("a", after("d")))
		expectError(t, err, task.ErrUsage, "dependency cycle: a -> d -> c -> a")
		quiet(t, l.fake)
		b.Exit(task.Exit{}, false)
		next(t, l.fake).Exit(task.Exit{}, false)
		if r := next(t, l.fake); r.Launch.Spec.Name != "d" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
	})
	t.Run("ended meanwhile", func(t *testing.T) {
		reborn(t, func(t *testing.T, l *lives) {
			a := start(t, l.Supervisor, l.fake, job("a"))
			startTask(t, l.Supervisor, job("b", after("a")))
			startTask(t, l.Supervisor, job("c", afterEnded("a")))
			l.again(func() error { err := l.leave(); a.Exit(task.Exit{}, false); return err }, time.Hour)
			expect(t, l.Supervisor, "a", task.Lost, "the supervisor ended without it")
			expect(t, l.Supervisor, "b", task.Failed, "not started: a was lost: the supervisor ended without it")
			expect(t, l.Supervisor, "c", task.Running, "")
		})
	})
}

// A task that ended without a run is as it was.
func TestLoadOfWhatNeverRan(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("a")).Exit(task.Exit{Code: 1}, false)
		synctest.Wait()
		l.Start(t.Context(), job("blocked", after("a")))
		startTask(t, l.Supervisor, job("stopped", func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }))
		l.Stop(t.Context(), "stopped")
		now := task.Now()
		l.again(l.close, time.Hour)
		if got := expect(t, l.Supervisor, "blocked", task.Failed, "not started: a failed with exit code 1"); got.EndedAt != now {
			t.Errorf("%+v", got)
		}
		if got := expect(t, l.Supervisor, "stopped", task.Stopped, "stopped before it began"); got.EndedAt != now || !got.NextAt.IsZero() {
			t.Errorf("%+v", got)
		}
		quiet(t, l.fake)
		time.Sleep(2 * time.Hour)
		quiet(t, l.fake)
	})
}
