package ready

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"tasks/internal/room"
)

// Healthy implements [engine.Checks]. A check has failed if the URL or the command
// has. One that could not start because this machine is out of resources says nothing
// about the run: a server or a command that was reached never fails with one of the
// errors of [room.OutOfResources]. The first check is one interval after the call.
func (r *checks) Healthy(ctx context.Context) error {
	if len(r.health) == 0 {
		<-ctx.Done()
		return nil
	}
	inARow, most, unmade := 0, r.spec.Health.Retries(), false
	for sleep(ctx, r.spec.Health.Interval()) {
		err := r.checkAll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			inARow, unmade = 0, false
			continue
		case room.OutOfResources(err):
			if !unmade {
				r.checker.opts.Logger.Warn("cannot make a health check; trying again", "task", r.spec.Name, "run", r.run, "err", err)
			}
			unmade = true
			continue
		}
		inARow++
		r.checker.opts.Logger.Debug("a health check failed", "task", r.spec.Name, "run", r.run, "err", err, "in a row", inARow)
		if inARow >= most {
			if most > 1 {
				return fmt.Errorf("%w (%d times in a row)", err, most)
			}
			return err
		}
	}
	return nil
}

// checkAll makes all health checks once, and returns the first that failed, or else
// could not be made.
func (r *checks) checkAll(ctx context.Context) error {
	failed := make([]error, len(r.health))
	var all sync.WaitGroup
	for i, c := range r.health {
		all.Go(func() {
			if err := r.try(ctx, c, r.spec.Health.Timeout(), nil); err != nil {
				failed[i] = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	all.Wait()
	var unmade error
	for _, err := range failed {
		if err != nil && !room.OutOfResources(err) {
			return err
		}
		unmade = cmp.Or(unmade, err)
	}
	return unmade
}
