package daemon

import (
	"context"
	"time"

	"tasks/internal/process"
)

// lastly is an engine that does something before it freezes: as long as that takes,
// what ends is recorded.
type lastly struct {
	*process.Engine
	do func()
}

// Freeze implements engine.Freezer.
func (l lastly) Freeze() {
	l.do()
	l.Engine.Freeze()
}

// flushTime is how long clients have to read what they are being answered, once the
// supervisor ends.
const flushTime = 5 * time.Second

// within calls f with a context that ends after d.
func within(d time.Duration, f func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	f(ctx)
}
