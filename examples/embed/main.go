// Command embed runs two goroutines as tasks and serves them on a socket, so
// that the tasks command can look at them and stop them:
//
//	go run ./examples/embed /tmp/embed.sock &
//	tasks -s /tmp/embed.sock list
//	tasks -s /tmp/embed.sock stop ticker
//
// INT or TERM ends it, and with it all of its tasks.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: embed SOCKET")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, then stops both tasks and returns when they have.
func run(ctx context.Context, path string) (err error) {
	last := context.Background() // the end of ctx is only the beginning of theirs
	sup := supervisor.New(supervisor.Options{})
	defer func() { err = errors.Join(err, sup.Close(last)) }()

	var ticks atomic.Int64
	if err := sup.Go("ticker", func(ctx context.Context) error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				ticks.Add(1)
			case <-ctx.Done(): // the stop event
				return nil
			}
		}
	}); err != nil {
		return err
	}
	if err := sup.Go("sleeper", func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}); err != nil {
		return err
	}

	srv, err := serve.Listen(path, sup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close(last)) }()
	fmt.Println("serving on", path)
	<-ctx.Done()
	fmt.Println("leaving after", ticks.Load(), "ticks")
	return nil
}
