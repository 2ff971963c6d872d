package enginetest_test

import (
	"context"
	"errors"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// scripted runs a script for each run.
type scripted struct {
	*enginetest.Fake
	t      *testing.T
	script func(*enginetest.FakeRun)
}

func (s scripted) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	p, err := s.Fake.Start(ctx, l)
	if err == nil {
		s.script(s.Next(s.t))
	}
	return p, err
}

func (s scripted) Adopt(ctx context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	return s.Adopter().Adopt(ctx, l, ref)
}

func TestFakeKeepsTheContract(t *testing.T) {
	t.Parallel()
	enginetest.Suite(t, func(t *testing.T, k enginetest.Kind) (engine.Engine, *task.Spec) {
		f := enginetest.NewFake()
		e := scripted{f, t, func(r *enginetest.FakeRun) {
			switch k {
			case enginetest.Brief:
				r.Printf("hello\n")
				r.Exit(task.Exit{}, false)
			case enginetest.Failing:
				r.Exit(task.Exit{Code: 1}, false)
			}
		}}
		if k == enginetest.Broken {
			f.FailNext(errors.New("boom"))
		}
		return e, &task.Spec{Name: "web"}
	})
}
