package supervisor_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/logs"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// A restart ends no run whose successor could not be recorded; nor does a replacement.
func TestSaveFailsAtARestart(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		spec := web()
		start(t, s, f, spec)
		st.failing(func(*task.Record) error { return errDisk })
		expectKept(t, s, spec)
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("web"); got.State != task.Running || got.Desired != task.DesiredRunning {
			t.Errorf("record: %+v", got)
		}
		if _, err := s.Restart(t.Context(), "web"); err != nil {
			t.Errorf("Restart: %v", err)
		}
	})
}

// Where the machine is out of resources for the run that follows a restart it is tried
// again, although the caller gets an error.
func TestRestartWithoutRoom(t *testing.T) {
	const text = "cannot start web yet, it is tried again: no space left on device"
	for name, again := range map[string]func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, spec task.Spec) error{
		"of a run": func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake, _ task.Spec) error {
			_, err := s.Restart(t.Context(), "web")
			return err
		},
		"by another": func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake, spec task.Spec) error {
			_, err := s.Submit(supervisor.Replace(spec, supervisor.End{})).Wait(t.Context())
			return err
		},
		"of one that waits": func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, _ task.Spec) error {
			if _, err := s.Restart(t.Context(), "web"); err == nil {
				t.Error("it has begun")
			}
			expect(t, s, "web", task.Queued, "cannot begin yet: no space left on device")
			f.FailNext(errDisk)
			_, err := s.Restart(t.Context(), "web")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				spec := web(restarts(task.RestartOnFailure))
				start(t, s, f, spec)
				f.FailNext(errDisk)
				if err := again(t, s, f, spec); err == nil || err.Error() != text {
					t.Errorf("error = %v, want %q", err, text)
				}
				expect(t, s, "web", task.Queued, "cannot begin yet: no space left on device")
				if r := st.record("web"); r.State != task.Queued || r.Desired != task.DesiredRunning {
					t.Errorf("recorded as %+v", r)
				}
				time.Sleep(time.Minute)
				f.Next(t)
				expect(t, s, "web", task.Running, "")
			})
		})
	}
}

// Nor does a time that comes end a run for one that could not begin.
func TestNoRoomToReplace(t *testing.T) {
	k := &keeper{Dir: logs.Dir(t.TempDir()), full: errDisk}
	faked(t, supervisor.Options{Logs: k}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web(every(time.Hour), overlaps(task.OverlapReplace), func(s *task.Spec) { s.LogKeep = new(3) }))
		time.Sleep(time.Hour + time.Minute)
		if got := expect(t, s, "web", task.Running, ""); got.Run != 1 {
			t.Errorf("run %d", got.Run)
		}
		due(t, s, "web", 59*time.Minute)
		k.filled(nil)
		time.Sleep(time.Hour)
		if got := expect(t, s, "web", task.Running, ""); got.Run != 2 {
			t.Errorf("run %d", got.Run)
		}
	})
}

// That the log's directory is missing says nothing of the command.
func TestNoLogIsNoMissingCommand(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "web")); err != nil {
		t.Fatal(err)
	}
	faked(t, supervisor.Options{Logs: logs.Dir(dir)}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		if _, err := s.Start(t.Context(), web()); err == nil {
			t.Error("it has begun")
		}
		if got := info(t, s, "web"); got.ExitCode == nil || *got.ExitCode != 126 {
			t.Errorf("%+v", got)
		}
		f.FailNext(syscall.ENOENT)
		if err := os.Remove(filepath.Join(dir, "web")); err != nil {
			t.Fatal(err)
		}
		s.Start(t.Context(), web())
		if got := info(t, s, "web"); got.ExitCode == nil || *got.ExitCode != 127 {
			t.Errorf("of the command: %+v", got)
		}
	})
}

// expectKept restarts and replaces web: neither has room, and its first run keeps running.
func expectKept(t *testing.T, s *supervisor.Supervisor, spec task.Spec) {
	t.Helper()
	const text = "cannot start web again, so it keeps running: no space left on device"
	_, err := s.Restart(t.Context(), "web")
	expectError(t, err, errDisk, text)
	_, err = s.Submit(supervisor.Replace(spec, supervisor.End{})).Wait(t.Context())
	expectError(t, err, errDisk, text)
	if got := expect(t, s, "web", task.Running, ""); got.Run != 1 {
		t.Errorf("run %d", got.Run)
	}
}

// A run that could not start for a full disk does not count as a restart: the task
// continues as soon as there is space.
func TestNoRoomIsNoRestart(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		spec := job("a", restarts(task.RestartOnFailure))
		spec.MaxRestarts = new(2)
		r := start(t, s, f, spec)
		for range 10 {
			f.FailNext(errDisk)
		}
		r.Exit(task.Exit{Code: 1}, false)
		for range 3 { // the last is not restarted
			time.Sleep(time.Hour)
			next(t, f).Exit(task.Exit{Code: 1}, false)
			if r := info(t, s, "a"); r.Restarts > 2 {
				t.Fatalf("%+v", r)
			}
			if synctest.Wait(); info(t, s, "a").State.Ended() {
				break
			}
		}
		if got := info(t, s, "a"); got.State != task.Failed || got.Restarts != 2 || got.Run != 3 {
			t.Errorf("%+v", got)
		}
	})
}

// A task that the file no longer has keeps running where what would start in its place
// cannot: without a log, or a record of the change. Nothing of it is left.
func TestNoRoomForWhatAChangeStarts(t *testing.T) {
	for name, fill := range map[string]func(st *memory, k *keeper, err error){
		"log":    func(_ *memory, k *keeper, err error) { k.filled(err) },
		"record": func(st *memory, _ *keeper, err error) { st.failing(func(*task.Record) error { return err }) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			st, k := newMemory(), &keeper{Dir: logs.Dir(dir)}
			faked(t, supervisor.Options{Logs: k, Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				keep := func(s task.Spec) task.Spec {
					s.LogKeep = new(3)
					return s
				}
				if _, err := carried(t, s.Apply(change("1", keep(service("web", "1"))), false)); err != nil {
					t.Fatal(err)
				}
				fill(st, k, errDisk)
				renamed := change("2", keep(service("a", "1")), keep(service("web2", "1")))
				got, err := carried(t, s.Apply(renamed, false))
				if expectError(t, err, errDisk, "nothing is stopped"); got != "" || states(s) != "web running" {
					t.Errorf("%s; now %s", got, states(s))
				}
				if left, _ := os.ReadDir(dir); len(left) != 1 {
					t.Errorf("%v are left", left)
				}
				fill(st, k, nil)
				renamed.ID = "3"
				if got, err := carried(t, s.Apply(renamed, false)); err != nil || got != "a running, web2 running" {
					t.Errorf("%s, %v", got, err)
				}
				expect(t, s, "web", task.Stopped, "stopped")
				fill(st, k, errDisk)
				down := change("4")
				down.Down = true
				s.Apply(down, false).Wait(t.Context())
				if got := states(s); got != "a stopped, web stopped, web2 stopped" {
					t.Errorf("after down %s", got)
				}
				fill(st, k, nil)
			})
		})
	}
}
