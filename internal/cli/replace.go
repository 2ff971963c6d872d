package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// takeOver has this program take over from a supervisor that answers, with the limits
// that were given: it keeps its own else. done is false where none does. A state directory that was named must be
// the supervisor's.
func (o *serveOptions) takeOver(e *env, paths socket.Paths) (done bool, err error) {
	program, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("cannot find this program: %w", err)
	}
	state := ""
	if o.state != "" {
		state = paths.State
	}
	only, limits := client.ReplaceOptions{Program: program}, o.limits
	limits.Program = program
	done, err = e.replaceOnce(paths.Socket, state, limits)
	if errors.Is(err, task.ErrUsage) && limits != only {
		// It may be of a version that hands on no other limits: then this one does.
		if done, err = e.replaceOnce(paths.Socket, state, only); done && err == nil {
			done, err = e.replaceOnce(paths.Socket, state, limits)
		}
	}
	if done && err == nil {
		o.otherState(e, paths.State)
		var info client.Info
		if info, err = e.client.Info(context.Background()); err == nil {
			err = e.sayServing(info, false)
		}
	}
	return done, err
}

// replaceOnce is one of these. state is the directory that the supervisor must have; "": any.
func (d *dialer) replaceOnce(path, state string, o client.ReplaceOptions) (done bool, err error) {
	ctx := context.Background()
	var before client.Info
	var refused error // by a supervisor that ends, which it may have done meanwhile
	for tries := 1; ; tries++ {
		before, err = d.client.Info(ctx)
		if errors.Is(err, task.ErrUnavailable) {
			return false, refused
		}
		if err != nil {
			return false, err
		}
		if state != "" && !sameDir(before.StateDir, state) {
			return false, usage("--replace keeps the state directory of the running supervisor, %s: leave out --state-dir %s", before.StateDir, state)
		}
		err = d.client.Replace(ctx, o)
		if err == nil {
			break
		}
		if !errors.Is(err, task.ErrUnavailable) || tries == 10 {
			return false, err
		} // else another program may have taken over meanwhile
		if refused = err; errors.Is(err, client.ErrLost) || errors.As(err, new(*socket.AbsentError)) { // it has died
			refused = nil
		}
	}
	for {
		now, err := d.client.Info(ctx) // the socket stays: until it answers again, this waits
		switch {
		case err == nil && now.StartedAt != before.StartedAt:
			return true, nil
		case err != nil && !errors.Is(err, task.ErrUnavailable):
			return false, err
		case err != nil && !socketThere(path):
			return false, err
		case err != nil:
			// If it died between the two, this program begins like any other.
			if h, err := socket.ReadLock(before.StateDir); err != nil || !h.Held {
				return false, err
			}
		}
		time.Sleep(5 * time.Millisecond) // it answers still, or is just between the two
	}
}

func socketThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// sameDir reports whether two paths are one directory.
func sameDir(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// ignored remarks what came too late for the supervisor that serves.
func (o *serveOptions) ignored(e *env, state string) {
	for _, limit := range []struct {
		flag  string
		given bool
	}{
		{"keep-ended", o.limits.KeepEnded != nil}, {"log-max-size", o.limits.LogMaxSize != nil},
		{"log-keep", o.limits.LogKeep != nil}, {"log-total", o.limits.LogTotal != nil},
	} {
		if limit.given {
			e.remark("tasks: --%s has no effect on the supervisor that serves already: add --replace", limit.flag)
		}
	}
	o.otherState(e, state)
}

// otherState remarks that the supervisor that serves has another state directory than
// was named, for this command or for all.
func (o *serveOptions) otherState(e *env, state string) {
	if o.state == "" && os.Getenv("TASKS_STATE_DIR") == "" {
		return
	}
	if info, err := e.client.Info(context.Background()); err == nil && !sameDir(info.StateDir, state) {
		e.remark("tasks: its state directory is %s, not %s", info.StateDir, state)
	}
}
