package ready

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"tasks/internal/room"
)

// unmade is why a check could not be made: it says nothing of the run. A server or a command
// that was reached never fails with an error of [room.OutOfResources] either.
type unmade struct{ error }

func (u unmade) Unwrap() error { return u.error }

func isUnmade(err error) bool { return errors.As(err, new(unmade)) || room.OutOfResources(err) }

// Healthy implements [engine.Checks]. A check has failed if the URL or the command
// has: one that could not be made is repeated. The first check is one interval after the
// call.
func (r *checks) Healthy(ctx context.Context) error {
	if len(r.health) == 0 {
		<-ctx.Done()
		return nil
	}
	inARow, most, said := 0, r.spec.Health.Retries(), false
	for sleep(ctx, r.spec.Health.Interval()) {
		err := r.checkAll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			inARow, said = 0, false
			continue
		case isUnmade(err):
			if !said {
				r.checker.opts.Logger.Warn("cannot make a health check; trying again", "task", r.spec.Name, "run", r.run, "err", err)
			}
			said = true
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
	var last error
	for _, err := range failed {
		if err != nil && !isUnmade(err) {
			return err
		}
		last = cmp.Or(last, err)
	}
	return last
}
