package serve_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"tasks/pkg/client"
	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// path is a socket's in a directory of its own, short enough for one.
func path(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "app.sock")
}

func newSupervisor(t *testing.T) *supervisor.Supervisor {
	t.Helper()
	sup := supervisor.New(supervisor.Options{})
	t.Cleanup(func() { sup.Close(context.Background()) })
	return sup
}

func untilStop(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func names(n ...string) task.Selector { return task.Selector{Names: n} }

func TestServe(t *testing.T) {
	t.Parallel()
	sup, path := newSupervisor(t), path(t)
	if err := sup.Go("web", untilStop); err != nil {
		t.Fatal(err)
	}
	srv, err := serve.Listen(path, sup)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", fi.Mode(), err)
	}
	c := client.Client{Socket: path}
	defer c.Close()
	ctx := t.Context()
	if info, err := c.Info(ctx); err != nil || info.Program != "serve.test" || info.PID != os.Getpid() || info.Counts[task.Running] != 1 {
		t.Errorf("info: %+v, %v", info, err)
	}
	if got, err := c.Stop(ctx, client.StopOptions{Selector: names("web")}); err != nil || got[0].State != task.Stopped {
		t.Errorf("stop: %+v, %v", got, err)
	}
	if got, err := c.Start(ctx, task.Spec{Name: "web"}, client.StartOptions{}); err != nil || got[0].Run != 2 {
		t.Errorf("start again: %+v, %v", got, err)
	}
	for what, refused := range map[string]error{
		"part of another program": second(c.Exit(ctx, client.ExitOptions{})),
		"no commands":             second(c.Start(ctx, task.Spec{Name: "x", Command: []string{"true"}}, client.StartOptions{})),
		"no command for":          second(c.Start(ctx, task.Spec{Name: "x"}, client.StartOptions{})),
	} {
		if !errors.Is(refused, task.ErrUsage) || !strings.Contains(refused.Error(), what) {
			t.Errorf("%v; want an ErrUsage with %q", refused, what)
		}
	}
	if err := srv.Close(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("Close left the socket")
	}
	if _, err := c.List(ctx, client.ListOptions{}); !errors.Is(err, task.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	if info, err := sup.Info("web"); err != nil || info.State != task.Running {
		t.Errorf("Close touched the task: %v, %v", info.State, err)
	}
}

func second(_ []task.Info, err error) error { return err }

// Without a path it would be the socket of `tasks serve`, and without a supervisor the
// first client would end the program.
func TestListenForNothing(t *testing.T) {
	path := path(t)
	t.Chdir(filepath.Dir(path))
	for what, listen := range map[string]func() (*serve.Server, error){
		"no path":       func() (*serve.Server, error) { return serve.Listen("", newSupervisor(t)) },
		"no supervisor": func() (*serve.Server, error) { return serve.Listen(path, nil) },
	} {
		if srv, err := listen(); !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v", what, err)
			if srv != nil {
				srv.Close(t.Context())
			}
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A socket that somebody removes, as a cleaner of /tmp does, is bound again.
func TestSocketIsBoundAgain(t *testing.T) {
	t.Parallel()
	sup, path := newSupervisor(t), path(t)
	srv, err := serve.Listen(path, sup)
	if err != nil {
		t.Fatal(err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	c := client.Client{Socket: path}
	defer c.Close()
	for range 2 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		late := time.After(time.Minute)
		for bound := false; !bound; { // it has its mode once it listens
			select {
			case e := <-w.Events:
				bound = e.Name == path && e.Has(fsnotify.Chmod)
			case <-late:
				t.Fatal("it is not bound again")
			}
		}
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Info(t.Context()); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("it is left behind")
	}
}

// A function that does not heed its stop event must not hold up the end.
func TestCloseWithAStuckTask(t *testing.T) {
	t.Parallel()
	sup, path := newSupervisor(t), path(t)
	asked, release := make(chan bool), make(chan bool)
	if err := sup.Go("stuck", func(ctx context.Context) error {
		<-ctx.Done()
		close(asked)
		<-release
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	srv, err := serve.Listen(path, sup)
	if err != nil {
		t.Fatal(err)
	}
	c := client.Client{Socket: path}
	defer c.Close()
	answer := make(chan error)
	go func() { answer <- second(c.Stop(context.Background(), client.StopOptions{Selector: names("stuck")})) }()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	srv.Close(ctx)
	if err := <-answer; !errors.Is(err, task.ErrUnavailable) {
		t.Errorf("the stop: %v", err)
	}
	close(release)
}

// Whoever may only read the directory cannot hold up a program that listens there.
func TestListenInALockedDirectory(t *testing.T) {
	t.Parallel()
	sup, path := newSupervisor(t), path(t)
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	srv, err := serve.Listen(path, sup)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := dir.Readdirnames(-1); err != nil || len(names) != 1 {
		t.Errorf("beside the socket: %q, %v", names, err)
	}
	srv.Close(t.Context())
}

func TestStaleSockets(t *testing.T) {
	t.Parallel()
	sup, path := newSupervisor(t), path(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Listen(path, sup); err == nil {
		t.Fatal("took a socket on which somebody answers")
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	// Many find it at once: one gets it, and keeps it.
	var open sync.WaitGroup
	var got atomic.Pointer[serve.Server]
	for round := 0; got.Load() == nil && round < 1000; round++ { // what another test forks has the old one until its exec
		for range 8 {
			open.Go(func() {
				if srv, err := serve.Listen(path, sup); err == nil && got.Swap(srv) != nil {
					t.Error("two took one socket")
				}
			})
		}
		open.Wait()
	}
	if got.Load() == nil {
		t.Fatal("nobody took the socket of a dead one")
	}
	c := client.Client{Socket: path}
	defer c.Close()
	if _, err := c.List(t.Context(), client.ListOptions{}); err != nil {
		t.Error(err)
	}
	got.Load().Close(t.Context())

	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Listen(path, sup); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("in place of a file: %v", err)
	}
	if _, err := serve.Listen(path+strings.Repeat("x", 200), sup); !errors.Is(err, task.ErrUsage) {
		t.Errorf("too long a path: %v", err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Listen(path+"2", sup); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("where others can write: %v", err)
	}
}

// Another module builds with the public packages, and runs.
func TestAnotherModule(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.sum": string(sum),
		"go.mod": "module example.org/app\n\ngo 1.26.0\n\nrequire tasks v0.0.0\n\nreplace tasks => " + root + "\n",
		"main.go": `package main

import (
	"context"
	"fmt"
	"os"

	"tasks/pkg/client"
	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func main() {
	ctx := context.Background()
	sup := supervisor.New(supervisor.Options{})
	defer sup.Close(ctx)
	if err := sup.Go("web", func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		panic(err)
	}
	srv, err := serve.Listen(os.Args[1], sup)
	if err != nil {
		panic(err)
	}
	defer srv.Close(ctx)
	c := client.Client{Socket: os.Args[1]}
	defer c.Close()
	got, err := c.Stop(ctx, client.StopOptions{Selector: task.Selector{All: true}})
	if err != nil {
		panic(err)
	}
	info, err := c.Info(ctx)
	fmt.Println(got[0].Name, got[0].State, info.Program, err)
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".", path(t))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if want := "web stopped app <nil>\n"; err != nil || string(out) != want {
		t.Errorf("%v\ngot  %q\nwant %q", err, out, want)
	}
}
