package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"tasks/pkg/client"
	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// exampleSocket is the socket of a supervisor with the tasks db and web.
func exampleSocket() (path string, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	sup := supervisor.New(supervisor.Options{})
	for _, name := range []string{"db", "web"} {
		if err := sup.Go(name, untilStop); err != nil {
			log.Fatal(err)
		}
	}
	srv, err := serve.Listen(path, sup)
	if err != nil {
		log.Fatal(err)
	}
	return path, func() {
		srv.Close(context.Background())
		sup.Close(context.Background())
		os.RemoveAll(dir)
	}
}

func ExampleClient_Stop() {
	path, closeAll := exampleSocket()
	defer closeAll()
	ctx := context.Background()
	c := client.Client{Socket: path}
	defer c.Close()

	// What can be stopped is, whatever is wrong with the others.
	tasks, err := c.Stop(ctx, client.StopOptions{Selector: task.Selector{Names: []string{"web", "cache"}}})
	for _, t := range tasks {
		fmt.Println(t.Name, t.State)
	}
	fmt.Println(errors.Is(err, task.ErrNotFound), err)
	// Output:
	// web stopped
	// true No such task: cache
}

func ExampleClient_Watch() {
	path, closeAll := exampleSocket()
	defer closeAll()
	ctx := context.Background()
	c := client.Client{Socket: path}
	defer c.Close()

	for e, err := range c.Watch(ctx, task.Selector{Names: []string{"db"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Task.Name, e.Task.State)
		if e.Seq == 0 { // as it is at first
			go c.Stop(ctx, client.StopOptions{Selector: task.Selector{All: true}})
		}
		if e.Task.State.Ended() {
			break
		}
	}
	// Output:
	// db running
	// db stopping
	// db stopped
}
