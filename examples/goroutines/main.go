// Goroutines runs named goroutines: two that run until their stop event, and one that
// panics, which fails that task alone.
package main

import (
	"context"
	"fmt"
	"time"

	"tasks/pkg/supervisor"
)

func ticker(period time.Duration) supervisor.Func {
	return func(ctx context.Context) error {
		for tick := time.NewTicker(period); ; {
			select {
			case <-ctx.Done(): // the stop event
				return nil
			case now := <-tick.C:
				fmt.Println(period, now.Format(time.StampMilli))
			}
		}
	}
}

func main() {
	ctx := context.Background()
	sup := supervisor.New(supervisor.Options{})
	sup.Go("fast", ticker(200*time.Millisecond))
	sup.Go("slow", ticker(500*time.Millisecond))
	sup.Go("broken", func(context.Context) error { panic("lens cap on") })

	time.Sleep(time.Second)
	sup.Stop(ctx, "fast")          // sets its stop event and joins
	fmt.Println(sup.Close(ctx))    // and so for all that is left
	for _, t := range sup.List() { // broken failed, fast stopped, slow stopped
		fmt.Println(t.Name, t.State, t.Reason)
	}
}
