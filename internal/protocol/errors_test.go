package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"tasks/pkg/task"
)

func TestErrorsCrossTheWire(t *testing.T) {
	t.Parallel()
	kinds := []error{task.ErrNotFound, task.ErrConflict, task.ErrUnavailable, task.ErrTimeout, task.ErrUsage}
	for _, tt := range []struct {
		err  error
		code int
		word string
		kind error // what it is on the other side
	}{
		{task.Errorf(task.ErrNotFound, "web", "m"), -32001, "not_found", task.ErrNotFound},
		{task.Errorf(task.ErrConflict, "web", "m"), -32002, "conflict", task.ErrConflict},
		{task.Errorf(task.ErrUnavailable, "web", "m"), -32003, "unavailable", task.ErrUnavailable},
		{task.Errorf(task.ErrTimeout, "web", "m"), -32004, "timeout", task.ErrTimeout},
		{task.Errorf(task.ErrUsage, "web", "m"), -32005, "usage", task.ErrUsage},
		{task.Errorf(nil, "web", "m"), -32603, "internal", nil},
		{fmt.Errorf("cannot: %w", task.Errorf(task.ErrConflict, "web", "m")), -32002, "conflict", task.ErrConflict},
		{errors.New("m"), -32603, "internal", nil},
		{context.DeadlineExceeded, -32004, "timeout", task.ErrTimeout},
		{&Error{Code: CodeMethod, Message: "m"}, -32601, "usage", task.ErrUsage},
		{&Error{Code: CodeParams, Message: "m"}, -32602, "usage", task.ErrUsage},
	} {
		for _, more := range [][]error{nil, {task.NoSuchTask("x")}} {
			b, err := json.Marshal(Errors(append([]error{tt.err}, more...), []task.Info{{Name: "other"}}))
			if err != nil {
				t.Fatal(err)
			}
			var e Error
			if err := json.Unmarshal(b, &e); err != nil {
				t.Fatal(err)
			}
			if e.Code != tt.code || e.Data.Kind != tt.word || e.Message != tt.err.Error() || len(e.Data.Tasks) != 1 {
				t.Errorf("%v is %s", tt.err, b)
			}
			got := e.Err()
			for _, k := range kinds {
				if want := k == tt.kind || len(more) > 0 && k == task.ErrNotFound; errors.Is(got, k) != want {
					t.Errorf("%v is %v on the other side: Is(%v) = %v", tt.err, got, k, !want)
				}
			}
			if many, ok := got.(interface{ Unwrap() []error }); ok != (len(more) > 0) || ok && len(many.Unwrap()) != 2 {
				t.Errorf("%v and %v became %#v", tt.err, more, got)
			}
			var te, was *task.Error
			if errors.As(tt.err, &was) && (!errors.As(got, &te) || te.Name != was.Name) {
				t.Errorf("%v lost its name", tt.err)
			}
		}
	}
	// Another server's error has no data.
	if err := (&Error{Code: CodeConflict, Message: "m"}).Err(); !errors.Is(err, task.ErrConflict) || err.Error() != "m" {
		t.Errorf("without data: %v", err)
	}
	if err := (&Error{Code: 7, Message: "m"}).Err(); err.Error() != "m" {
		t.Errorf("of another code: %v", err)
	}
}
