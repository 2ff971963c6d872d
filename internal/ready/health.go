package ready

import (
	"context"
	"fmt"
	"sync"
)

// Healthy implements [task.Checks]. A check has failed if the URL or the command
// has. The first is one pause after the call.
func (r *checks) Healthy(ctx context.Context) error {
	if len(r.health) == 0 {
		<-ctx.Done()
		return nil
	}
	inARow, most := 0, r.spec.Health.Retries()
	for sleep(ctx, r.spec.Health.Pause()) {
		err := r.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			inARow = 0
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

// look makes all health checks once, and returns the first that failed.
func (r *checks) look(ctx context.Context) error {
	failed := make([]error, len(r.health))
	var all sync.WaitGroup
	for i, c := range r.health {
		all.Go(func() {
			if err := r.try(ctx, c, r.spec.Health.Patience()); err != nil {
				failed[i] = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
