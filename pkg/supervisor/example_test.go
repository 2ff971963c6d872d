package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func Example() {
	ctx := context.Background()
	sup := supervisor.New(supervisor.Options{})

	capture := func(ctx context.Context) error {
		<-ctx.Done() // the stop event
		fmt.Println("the lens is closed:", context.Cause(ctx))
		return nil
	}
	if err := sup.Go("capture", capture); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sup.Go("capture", capture))

	info, err := sup.Stop(ctx, "capture") // sets the stop event and joins
	fmt.Println(info.Name, info.State, err)

	_, err = sup.Stop(ctx, "captrue")
	fmt.Println(err)
	fmt.Println(sup.Close(ctx))
	// Output:
	// Task capture is already running.
	// the lens is closed: stop event set
	// capture stopped <nil>
	// No such task: captrue (did you mean capture?)
	// <nil>
}

func ExampleSupervisor_Run() {
	ctx, cancel := context.WithCancel(context.Background()) // a program's: signal.NotifyContext
	sup := supervisor.New(supervisor.Options{})
	sup.Go("capture", func(ctx context.Context) error {
		cancel()
		<-ctx.Done() // the stop event
		fmt.Println("the lens is closed:", context.Cause(ctx))
		return nil
	})
	fmt.Println(sup.Run(ctx))
	// Output:
	// the lens is closed: stop event set
	// <nil>
}

func ExampleSupervisor_GoSpec() {
	ctx := context.Background()
	sup := supervisor.New(supervisor.Options{})
	defer sup.Close(ctx)

	spec := task.Spec{
		Name:        "poll",
		Restart:     task.RestartOnFailure,
		MaxRestarts: new(2),
		Backoff:     task.Backoff{Min: time.Millisecond, Max: time.Second},
	}
	err := sup.GoSpec(spec, func(context.Context) error { return errors.New("no route to host") })
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sup.Wait(ctx, "poll"); err != nil {
		log.Fatal(err)
	}
	info, _ := sup.Info("poll")
	for _, run := range info.Runs {
		fmt.Println(run.Run, run.State, run.Reason)
	}
	// Output:
	// 1 failed no route to host
	// 2 failed no route to host
	// 3 failed no route to host; gave up after 2 restarts
}

func ExampleSupervisor_Watch() {
	ctx := context.Background()
	sup := supervisor.New(supervisor.Options{})
	watcher := sup.Watch(0, func(i *task.Info) bool { return i.Group == "cameras" })
	defer watcher.Close()

	sup.GoSpec(task.Spec{Name: "left", Group: "cameras"}, func(ctx context.Context) error {
		panic("lens cap on")
	})
	sup.Wait(ctx, "left")
	sup.Close(ctx)

	for {
		events, ok := watcher.Next(ctx)
		if !ok {
			return
		}
		for _, e := range events {
			fmt.Printf("%d: %s is %s, %q\n", e.Seq, e.Task.Name, e.Task.State, e.Task.Reason)
		}
	}
	// Output:
	// 1: left is starting, ""
	// 2: left is running, ""
	// 3: left is failed, "panic: lens cap on"
}
