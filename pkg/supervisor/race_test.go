package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestOfManyStartsOneWins(t *testing.T) {
	bubble(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor) {
		for round := range 50 {
			name := fmt.Sprint("task", round)
			var live, won atomic.Int32
			var all sync.WaitGroup
			for range 12 {
				all.Go(func() {
					err := s.Go(name, func(ctx context.Context) error {
						live.Add(1)
						<-ctx.Done()
						return nil
					})
					if err == nil {
						won.Add(1)
					} else if !errors.Is(err, task.ErrConflict) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			synctest.Wait()
			if won.Load() != 1 || live.Load() != 1 {
				t.Fatalf("%d won, %d run", won.Load(), live.Load())
			}
		}
	})
}

// requestAtRandom lets 20 goroutines submit whatever they like on few names, and
// returns when all of it is answered.
func requestAtRandom(t *testing.T, s *supervisor.Supervisor, live *[5]atomic.Int32) {
	var all sync.WaitGroup
	for g := range 20 {
		r := rand.New(rand.NewPCG(uint64(g), rand.Uint64()))
		all.Go(func() {
			var calls []*supervisor.Call
			for range 60 {
				n := r.IntN(len(live))
				name := fmt.Sprint("task", n)
				o := op{name: name, kind: opKind(r.IntN(5)), now: r.IntN(2) == 0, force: r.IntN(2) == 0, replace: r.IntN(2) == 0, spec: &task.Spec{Name: name}}
				switch {
				case r.IntN(4) == 0:
					policy := []task.Restart{task.RestartNo, task.RestartAlways}[r.IntN(2)]
					s.GoSpec(task.Spec{Name: name, Restart: policy, Backoff: task.Backoff{Min: time.Millisecond, Max: time.Millisecond}}, moody(t, &live[n]))
				case r.IntN(4) == 0:
					s.Info(name)
					s.Select(supervisor.Selector{Names: []string{"task*", "tusk1"}})
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					s.Wait(ctx, name)
					cancel()
				default:
					calls = append(calls, s.Submit(o.request()))
				}
			}
			for _, c := range calls {
				c.Wait(t.Context()) // one that is never answered is a deadlock of the bubble
			}
		})
	}
	all.Wait()
}

// moody fails, panics, or runs until its stop event; and only one at a time.
func moody(t *testing.T, live *atomic.Int32) supervisor.Func {
	return func(ctx context.Context) error {
		if live.Add(1) != 1 {
			t.Error("two runs of one name")
		}
		defer live.Add(-1)
		switch rand.IntN(4) {
		case 0:
			return errors.New("no")
		case 1:
			panic("no")
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestRequestsAtRandom(t *testing.T) {
	st := newMemory()
	bubble(t, supervisor.Options{Store: st, KeepEnded: 2}, func(t *testing.T, s *supervisor.Supervisor) {
		var live [5]atomic.Int32
		requestAtRandom(t, s, &live)
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		consistent(t, s, &live)
		if got := len(st.all()); got != len(s.List()) {
			t.Errorf("%d records of %d tasks", got, len(s.List()))
		}
	})
}

// Close and StopAll amid requests: nothing runs after them.
func TestCloseAmidRequests(t *testing.T) {
	for _, stopAll := range []bool{false, true} {
		t.Run(fmt.Sprint("StopAll=", stopAll), func(t *testing.T) {
			bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
				var live [5]atomic.Int32
				var all sync.WaitGroup
				all.Go(func() { requestAtRandom(t, s, &live) })
				for i := range 3 {
					all.Go(func() {
						time.Sleep(time.Duration(rand.IntN(20)) * time.Microsecond)
						if stopAll && i == 0 {
							if _, err := s.StopAll(t.Context(), supervisor.End{}); err != nil {
								t.Errorf("StopAll: %v", err)
							}
						} else if !stopAll {
							if err := s.Close(t.Context()); err != nil {
								t.Errorf("Close: %v", err)
							}
						} else {
							return
						}
						consistent(t, s, &live)
					})
				}
				all.Wait()
			})
		})
	}
}

// consistent checks a supervisor in which nothing may run.
func consistent(t *testing.T, s *supervisor.Supervisor, live *[5]atomic.Int32) {
	t.Helper()
	for n := range live {
		if live[n].Load() != 0 {
			t.Errorf("task%d still runs", n)
		}
	}
	for _, info := range s.List() {
		if !info.State.Ended() {
			t.Errorf("%s is %s", info.Name, info.State)
		}
	}
}

// A task that is removed and made at the same time: every caller is answered,
// and a start that succeeded is a run that was there.
func TestRemovalRacesWithSubmit(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 200 {
					spec := web()
					start := s.Submit(supervisor.Start(spec))
					stop := s.Submit(supervisor.Stop("web", supervisor.End{}))
					remove := s.Submit(supervisor.Remove("web"))
					_, err := start.Wait(t.Context())
					if err != nil && !errors.Is(err, task.ErrConflict) {
						t.Errorf("start: %v", err)
					}
					if _, err := stop.Wait(t.Context()); err != nil && !errors.Is(err, task.ErrNotFound) {
						t.Errorf("stop: %v", err)
					}
					if _, err := remove.Wait(t.Context()); err != nil && !errors.Is(err, task.ErrNotFound) && !errors.Is(err, task.ErrConflict) {
						t.Errorf("remove: %v", err)
					}
				}
			})
		}
		all.Wait()
		s.Submit(supervisor.ForceRemove("web", supervisor.End{})).Wait(t.Context())
		if f.Live() != 0 || len(s.List()) != 0 {
			t.Errorf("%d live runs of %s", f.Live(), names(s.List()))
		}
	})
}
