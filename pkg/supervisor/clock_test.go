package supervisor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// old takes back runs that have the age given.
type old struct {
	engine.Engine
	engine.Adopter
	age time.Duration
}

type oldRun struct {
	engine.Process
	age time.Duration
}

func (o old) Adopt(ctx context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	p, err := o.Adopter.Adopt(ctx, l, ref)
	return oldRun{p, o.age}, err
}

func (r oldRun) Age() time.Duration { return r.age }

// TestAgeOfWhatIsTakenBack has runs of an earlier supervisor whose clock was
// not this one's.
func TestAgeOfWhatIsTakenBack(t *testing.T) {
	for _, tt := range []struct {
		name           string
		wall, age, due time.Duration
	}{
		{"the clock is right", 40 * time.Minute, 40 * time.Minute, 20 * time.Minute},
		{"it was set forward", 100 * time.Hour, 40 * time.Minute, 20 * time.Minute},
		{"it was set back", -100 * time.Hour, 40 * time.Minute, 20 * time.Minute},
		{"it was 1970 before", 56 * 365 * 24 * time.Hour, time.Minute, 59 * time.Minute},
		{"overdue, set back", -100 * time.Hour, 2 * time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := enginetest.NewFake()
				spec := web(func(s *task.Spec) { s.Timeout = new(task.Duration(time.Hour)) })
				if _, err := f.Start(t.Context(), engine.Launch{Spec: &spec, Run: 7}); err != nil {
					t.Fatal(err)
				}
				run := f.Next(t)
				s := supervisor.New(supervisor.Options{Commands: old{f, f.Adopter(), tt.age}})
				s.Load(t.Context(), []task.Record{record(task.Running, task.DesiredRunning, func(r *task.Record) {
					r.Spec, r.Ref, r.Runs[0].StartedAt = spec, run.Ref(), task.Time{Time: time.Now().Add(-tt.wall)}
				})})
				begin := time.Now()
				<-run.Stops()
				if took := time.Since(begin); took.Round(time.Millisecond) != tt.due {
					t.Errorf("timed out after %s; want %s", took, tt.due)
				}
				expect(t, s, "web", task.Failed, "timed out after 1h0m0s")
				s.Close(t.Context())
			})
		})
	}
}
