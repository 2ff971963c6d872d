package supervisor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// A function's output can be read while it runs and afterwards, run by run, unless it has
// been discarded.
func TestOutputOfFunctions(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		lines := make(chan string)
		if err := s.Go("a", func(ctx context.Context) error {
			for line := range lines {
				fmt.Fprintln(supervisor.Log(ctx), line)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		is := func(want string, offset int64, ended bool, got supervisor.Output, err error) {
			t.Helper()
			if err != nil || string(got.Text) != want || got.Offset != offset || got.Ended != ended {
				t.Errorf("%q at %d, ended %v, %v; want %q at %d, %v", got.Text, got.Offset, got.Ended, err, want, offset, ended)
			}
		}
		got, err := s.Output("a", 0, 0)
		is("", 0, false, got, err)
		read := make(chan supervisor.Output)
		next := func(offset int64) {
			go func() {
				got, err := s.NextOutput(t.Context(), "a", 1, offset)
				if err != nil {
					t.Error(err)
				}
				read <- got
			}()
		}
		next(0)
		synctest.Wait()
		lines <- "one"
		is("one\n", 0, false, <-read, nil)
		lines <- "two"
		synctest.Wait()
		next(2)
		is("e\ntwo\n", 2, false, <-read, nil)
		next(8)
		synctest.Wait()
		close(lines)
		is("", 8, true, <-read, nil)
		got, err = s.Output("a", 0, 100)
		is("", 8, true, got, err)

		s.Go("a", func(ctx context.Context) error { // its next run
			fmt.Fprint(supervisor.Log(ctx), "again")
			return errors.New("no")
		})
		s.Wait(t.Context(), "a")
		got, err = s.Output("a", 0, 0)
		is("again", 0, true, got, err)
		got, err = s.Output("a", 1, 4)
		is("two\n", 4, true, got, err)

		big := bytes.Repeat([]byte("0123456789abcde\n"), 1<<14) // 256 KiB
		s.Go("a", func(ctx context.Context) error {
			for part := big; len(part) > 0; part = part[1000:] {
				if part = part[:len(part):len(part)]; len(part) < 1000 {
					supervisor.Log(ctx).Write(part)
					return nil
				}
				supervisor.Log(ctx).Write(part[:1000])
			}
			return nil
		})
		s.Wait(t.Context(), "a")
		got, err = s.Output("a", 3, 0)
		if n := len(got.Text); err != nil || n < supervisor.KeptOutput || n > 2*supervisor.KeptOutput || got.Offset != int64(len(big)-n) || !bytes.HasSuffix(big, got.Text) {
			t.Errorf("%d bytes at %d, %v", n, got.Offset, err)
		}
		_, err = s.Output("a", 1, 0)
		expectError(t, err, task.ErrNotFound, "No such run")
		_, err = s.Output("b", 0, 0)
		expectError(t, err, task.ErrNotFound, "No such task: b")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		s.Go("c", untilStop)
		if _, err = s.NextOutput(ctx, "c", 0, 0); err == nil || err.Error() != "enough" {
			t.Error(err)
		}
	})
}

// A panic is in the output, as a program's is on stderr; and nothing is written for a
// run that has ended.
func TestOutputOfAPanic(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		var late context.Context
		s.Go("a", func(ctx context.Context) error {
			late = ctx
			panic("lens cap on")
		})
		s.Wait(t.Context(), "a")
		fmt.Fprint(supervisor.Log(late), "too late")
		got, err := s.Output("a", 0, 0)
		if text := string(got.Text); err != nil || !strings.HasPrefix(text, "panic: lens cap on\n\ngoroutine") || strings.Contains(text, "too late") {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// A run that is about to start has empty output, not the output of the run before.
func TestOutputOfARunToCome(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("a", func(ctx context.Context) error {
			fmt.Fprint(supervisor.Log(ctx), "one")
			return nil
		})
		s.Wait(t.Context(), "a")
		one, err := s.Output("a", 0, 0)
		if err != nil || one.Run != 1 || !one.Ended {
			t.Errorf("%+v, %v", one, err)
		}
		spec := task.Spec{Name: "a"}
		spec.Delay = new(task.Duration(time.Minute))
		s.GoSpec(spec, untilStop)
		if later, err := s.Output("a", 0, 0); err != nil || later.Run != 1 || string(later.Text) != "one" {
			t.Errorf("before its time: %+v, %v", later, err)
		}
		for range 200 { // at each moment of a start
			call := s.Submit(supervisor.Restart("a"))
			call.WaitEffect()
			info, _ := s.Info("a")
			if got, err := s.Output("a", 0, 0); err != nil || got.Run < info.Run || info.Run > 1 && len(got.Text) > 0 {
				t.Fatalf("%+v, %v; the task had run %d before", got, err, info.Run)
			}
			call.Wait(t.Context())
		}
	})
}
