package supervisor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func TestFuncEngineContract(t *testing.T) {
	enginetest.Suite(t, func(t *testing.T, k enginetest.Kind) (engine.Engine, *task.Spec) {
		spec := &task.Spec{Name: "f"}
		switch k {
		case enginetest.Brief:
			return funcEngine{f: func(ctx context.Context) error { fmt.Fprintln(Log(ctx), "hello"); return nil }}, spec
		case enginetest.Failing:
			return funcEngine{f: func(context.Context) error { return errors.New("boom") }}, spec
		case enginetest.Lasting:
			return funcEngine{f: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, spec
		}
		return nil, nil
	})
}
