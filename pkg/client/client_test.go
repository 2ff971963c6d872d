package client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/client"
	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// host is a supervisor with faked commands, served on a socket.
type host struct {
	sup  *supervisor.Supervisor
	fake *enginetest.Fake
	srv  *serve.Server
	path string
}

func newHost(t testing.TB) *host {
	t.Helper()
	dir, err := os.MkdirTemp("", "client") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	h := &host{fake: enginetest.NewFake(), path: filepath.Join(dir, "s")}
	h.sup = supervisor.New(supervisor.Options{Commands: h.fake})
	h.listen(t)
	t.Cleanup(func() {
		h.sup.Close(context.Background())
		h.srv.Close(context.Background())
		os.RemoveAll(dir)
	})
	return h
}

func (h *host) listen(t testing.TB) {
	t.Helper()
	var err error
	if h.srv, err = serve.Listen(h.path, h.sup); err != nil {
		t.Fatal(err)
	}
}

// client counts its connections.
func (h *host) client(t testing.TB) (*client.Client, *atomic.Int32) {
	dials := new(atomic.Int32)
	c := &client.Client{Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "unix", h.path)
	}}
	t.Cleanup(func() { c.Close() })
	return c, dials
}

func start(t testing.TB, c *client.Client, name string) {
	t.Helper()
	if _, err := c.Start(t.Context(), task.Spec{Name: name, Command: []string{"x"}}, client.StartOptions{}); err != nil {
		t.Fatal(err)
	}
}

func names(n ...string) task.Selector { return task.Selector{Names: n} }

func second[T any](_ T, err error) error { return err }

var background = context.Background()

func TestZeroValueFindsTheSocket(t *testing.T) {
	h := newHost(t)
	t.Setenv("TASKS_SOCKET", h.path)
	var c client.Client
	defer c.Close()
	if info, err := c.Info(t.Context()); err != nil || info.Socket != h.path {
		t.Errorf("%+v, %v", info, err)
	}
	t.Setenv("TASKS_SOCKET", h.path+"x")
	if _, err := new(client.Client).List(t.Context(), client.ListOptions{}); !errors.Is(err, task.ErrUnavailable) || !strings.Contains(err.Error(), "tasks serve") {
		t.Errorf("%v", err)
	}
	t.Setenv("TASKS_SOCKET", strings.Repeat("x", 200))
	if _, err := new(client.Client).List(t.Context(), client.ListOptions{}); !errors.Is(err, task.ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestEveryMethod(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, _ := h.client(t)
	ctx := t.Context()
	state := func(what string, got []task.Info, err error) task.State {
		t.Helper()
		if err != nil || len(got) != 1 || got[0].Name != "web" {
			t.Fatalf("%s: %+v, %v", what, got, err)
		}
		return got[0].State
	}
	env, _ := task.NewEnv(map[string]string{"K": "V"})
	got, err := c.Start(ctx, task.Spec{Name: "web", Command: []string{"x"}, Group: "g", Env: env}, client.StartOptions{})
	state("start", got, err)
	run := h.fake.Next(t)
	got, err = c.Signal(ctx, names("web"), "HUP")
	state("signal", got, err)
	if s := <-run.Signals(); s.String() != "hangup" {
		t.Errorf("signal %v", s)
	}
	got, err = c.Restart(ctx, task.Selector{Group: "g"})
	state("restart", got, err)
	got, err = c.Get(ctx, client.ListOptions{Selector: names("w*"), Env: true})
	state("get", got, err)
	if len(got[0].Runs) != 2 || got[0].Spec.Env != env {
		t.Errorf("get: %+v", got[0])
	}
	got, err = c.Wait(ctx, client.WaitOptions{Selector: names("web"), For: "running"})
	if state("wait", got, err) != task.Running {
		t.Errorf("wait: %+v", got)
	}
	got, err = c.Stop(ctx, client.StopOptions{Selector: names("web"), Now: true})
	if state("stop", got, err) != task.Stopped || got[0].Signal != "SIGKILL" {
		t.Errorf("stop: %+v", got)
	}
	got, err = c.StartAgain(ctx, task.Selector{Group: "g"}, client.StartOptions{})
	state("start the group", got, err)
	if info, err := c.Info(ctx); err != nil || info.Counts[task.Running] != 1 {
		t.Errorf("info: %+v, %v", info, err)
	}
	got, err = c.Remove(ctx, client.RemoveOptions{Selector: names("web"), Force: true})
	state("remove", got, err)
	if got, err = c.List(ctx, client.ListOptions{}); err != nil || len(got) != 0 {
		t.Errorf("list: %+v, %v", got, err)
	}
}

func TestErrorsAcrossTheSocket(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, _ := h.client(t)
	ctx := t.Context()
	start(t, c, "web")
	soon := task.Duration(1)
	is := func(kind error, text string, err error) {
		t.Helper()
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v; want %v with %q", err, kind, text)
		}
	}
	is(task.ErrNotFound, "No such task: x", second(c.Stop(ctx, client.StopOptions{Selector: names("x")})))
	is(task.ErrConflict, "already running", second(c.Start(ctx, task.Spec{Name: "web", Command: []string{"x"}}, client.StartOptions{})))
	is(task.ErrUsage, "bad name", second(c.Start(ctx, task.Spec{Name: "-"}, client.StartOptions{})))
	is(task.ErrUsage, "name the tasks", second(c.Stop(ctx, client.StopOptions{})))
	is(task.ErrUsage, "part of another program", second(c.Exit(ctx, client.ExitOptions{})))
	got, err := c.Wait(ctx, client.WaitOptions{Selector: names("web"), Timeout: &soon})
	if is(task.ErrTimeout, "timed out", err); len(got) != 1 || got[0].State != task.Running {
		t.Errorf("%+v", got)
	}
	h.fake.FailNext(errors.New("no such file"))
	got, err = c.Start(ctx, task.Spec{Name: "bad", Command: []string{"x"}}, client.StartOptions{})
	if err == nil || !strings.Contains(err.Error(), "no such file") || len(got) != 1 || got[0].State != task.Failed {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = c.Stop(ctx, client.StopOptions{Selector: names("x", "web", "y")})
	is(task.ErrNotFound, "x", err)
	if many, ok := err.(interface{ Unwrap() []error }); !ok || len(many.Unwrap()) != 2 || len(got) != 1 || got[0].State != task.Stopped {
		t.Errorf("several: %+v, %v", got, err)
	}
	var te *task.Error
	if !errors.As(err, &te) || te.Name != "x" {
		t.Errorf("%v has no name", err)
	}
	h.sup.Close(ctx)
	is(task.ErrUnavailable, "shutting down", second(c.Start(ctx, task.Spec{Name: "z", Command: []string{"x"}}, client.StartOptions{})))
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, dials := h.client(t)
	start(t, c, "web")
	for range 3 {
		h.srv.Close(t.Context())
		if err := second(c.List(t.Context(), client.ListOptions{})); err == nil {
			t.Error("answered by nobody")
		}
		h.listen(t)
		if got, err := c.List(t.Context(), client.ListOptions{}); err != nil || len(got) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	c.Close()
	c.Close()
	if err := second(c.List(t.Context(), client.ListOptions{})); err != nil {
		t.Errorf("after Close: %v", err)
	}
	if n := dials.Load(); n < 5 {
		t.Errorf("%d dials", n)
	}
}

func TestCallsShareOneConnection(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, dials := h.client(t)
	var open sync.WaitGroup
	for i := range 1000 {
		open.Go(func() {
			name := string(rune('a' + i%26))
			var err error
			if i < 26 {
				err = second(c.Start(background, task.Spec{Name: name, Command: []string{"x"}}, client.StartOptions{}))
			} else {
				err = second(c.List(background, client.ListOptions{}))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	open.Wait()
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// Waits that were left behind hold nothing up.
func TestAbandonedWaits(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, _ := h.client(t)
	start(t, c, "web")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	var open sync.WaitGroup
	for range 300 {
		open.Go(func() {
			if err := second(c.Wait(ctx, client.WaitOptions{Selector: names("web")})); err != enough {
				t.Error(err)
			}
		})
	}
	if err := second(c.List(t.Context(), client.ListOptions{})); err != nil { // beside them
		t.Error(err)
	}
	cancel(enough)
	open.Wait()
	if err := second(c.Stop(t.Context(), client.StopOptions{Selector: names("web")})); err != nil {
		t.Error(err)
	}
}

func TestTooLongARequest(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, dials := h.client(t)
	spec := task.Spec{Name: "web", Command: []string{strings.Repeat("x", 1<<20)}}
	err := second(c.Start(t.Context(), spec, client.StartOptions{}))
	if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "at most 1048576 are allowed") || dials.Load() != 0 {
		t.Errorf("%v after %d dials", err, dials.Load())
	}
	spec.Command[0] = spec.Command[0][:1<<20-200]
	if err := second(c.Start(t.Context(), spec, client.StartOptions{})); err != nil {
		t.Error(err)
	}
}

// What is zero, negative or nil is refused, whichever side sees it.
func TestOddArguments(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, _ := h.client(t)
	start(t, c, "a")
	none := client.Client{Dial: func(context.Context) (net.Conn, error) { return nil, nil }}
	negative, spec := new(task.Duration(-1)), task.Spec{Name: "{#}", Command: []string{"{}"}}
	for what, err := range map[string]error{
		"no connection":               none.Connect(background),
		"no name":                     second(c.Start(background, task.Spec{}, client.StartOptions{})),
		"nothing to start again":      second(c.StartAgain(background, task.Selector{}, client.StartOptions{})),
		"a negative number":           second(c.StartEach(background, spec, []string{"x"}, -1)),
		"nothing to stop":             second(c.Stop(background, client.StopOptions{})),
		"a negative grace":            second(c.Stop(background, client.StopOptions{Selector: names("a"), Timeout: negative})),
		"nothing to restart":          second(c.Restart(background, task.Selector{})),
		"nothing to pause":            second(c.Pause(background, task.Selector{})),
		"nothing to resume":           second(c.Resume(background, task.Selector{})),
		"no signal":                   second(c.Signal(background, names("a"), "")),
		"signal 0":                    second(c.Signal(background, names("a"), "0")),
		"nothing to wait for":         second(c.Wait(background, client.WaitOptions{})),
		"a negative timeout":          second(c.Wait(background, client.WaitOptions{Selector: names("a"), Timeout: negative})),
		"a timeout far below 0":       second(c.Wait(background, client.WaitOptions{Selector: names("a"), Timeout: new(task.Duration(-time.Hour))})),
		"nothing to remove":           second(c.Remove(background, client.RemoveOptions{})),
		"a negative grace at the end": second(c.Exit(background, client.ExitOptions{Timeout: negative})),
		"no program":                  c.Replace(background, client.ReplaceOptions{}),
		"no name of a group":          second(c.SetGroup(background, client.GroupOptions{})),
		"negative slots":              second(c.SetGroup(background, client.GroupOptions{Name: "g", Slots: &task.Slots{N: new(-1)}})),
		"no change":                   second(c.Change(background, task.Change{}, client.ChangeOptions{})),
		"a negative run":              second(c.Output(background, "a", client.OutputOptions{Run: -1})),
		"a negative offset":           second(c.Output(background, "a", client.OutputOptions{Offset: -1})),
	} {
		if !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if info, _ := h.sup.Info("a"); info.State != task.Running || len(h.sup.List()) != 1 || len(h.sup.Groups()) != 0 {
		t.Errorf("%+v, %+v", h.sup.List(), h.sup.Groups())
	}
}
