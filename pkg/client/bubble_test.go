package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/protocol"
	"tasks/internal/server"
	"tasks/pkg/client"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// world is a client, a server and a supervisor in fake time.
type world struct {
	*client.Client
	sup *supervisor.Supervisor
	srv *server.Server
}

// bubble runs f in one. A goroutine of any of the three that is left at the end
// fails the test.
func bubble(t *testing.T, f func(*testing.T, world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := world{sup: supervisor.New(supervisor.Options{})}
		w.srv = server.New(server.Config{Supervisor: w.sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		w.Client = &client.Client{Dial: func(context.Context) (net.Conn, error) {
			here, there := net.Pipe()
			w.srv.Handle(there)
			return here, nil
		}}
		f(t, w)
		w.Client.Close()
		w.sup.Close(t.Context())
		w.srv.Close(t.Context())
	})
}

func (w world) goTask(t *testing.T, name string, f supervisor.Func) {
	t.Helper()
	if err := w.sup.Go(name, f); err != nil {
		t.Fatal(err)
	}
}

func untilStop(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestWaitInFakeTime(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		w.goTask(t, "nap", func(context.Context) error { time.Sleep(time.Hour); return nil })
		w.goTask(t, "web", untilStop)
		began := time.Now()
		got, err := w.Wait(t.Context(), client.WaitOptions{Selector: names("nap")})
		if took := time.Since(began); err != nil || got[0].State != task.Done || took != time.Hour {
			t.Errorf("%+v, %v after %v", got, err, took)
		}
		minute := task.Duration(time.Minute)
		began = time.Now()
		got, err = w.Wait(t.Context(), client.WaitOptions{Selector: names("web", "nap"), Timeout: &minute})
		if took := time.Since(began); !errors.Is(err, task.ErrTimeout) || len(got) != 2 || took != time.Minute {
			t.Errorf("%+v, %v after %v", got, err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err = w.Wait(ctx, client.WaitOptions{Selector: names("web")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// Any is enough, and so is the end of the supervisor.
		if got, err = w.Wait(t.Context(), client.WaitOptions{Selector: names("web", "nap"), Any: true}); err != nil || len(got) != 2 {
			t.Errorf("%+v, %v", got, err)
		}
		go func() {
			time.Sleep(time.Second)
			w.srv.Close(context.Background())
		}()
		if _, err = w.Wait(t.Context(), client.WaitOptions{Selector: names("web")}); !errors.Is(err, task.ErrUnavailable) {
			t.Error(err)
		}
	})
}

func TestContextsEndCalls(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		w.goTask(t, "slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(8 * time.Second); return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := second(w.Stop(ctx, client.StopOptions{Selector: names("slow")})); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// The connection stays open, and the stop continues.
		got, err := w.List(t.Context(), client.ListOptions{})
		if err != nil || got[0].State != task.Stopping {
			t.Errorf("%+v, %v", got, err)
		}
		if err := second(w.Start(ctx, task.Spec{Name: "slow"}, client.StartOptions{Replace: true})); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if got, err = w.List(t.Context(), client.ListOptions{}); err != nil || got[0].State != task.Stopped || got[0].Run != 1 {
			t.Errorf("sent with a context that had ended: %+v, %v", got, err)
		}
	})
}

func TestWatch(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		w.goTask(t, "web", untilStop)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var saw []string
		for e, err := range w.Watch(ctx, names("web")) {
			if err != nil {
				saw = append(saw, err.Error())
				continue
			}
			saw = append(saw, string(e.Task.State))
			switch {
			case e.Seq == 0:
				go w.Stop(t.Context(), client.StopOptions{Selector: names("web")})
			case e.Task.State == task.Stopped:
				cancel(errors.New("enough"))
			}
		}
		if got := strings.Join(saw, " "); got != "running stopping stopped enough" {
			t.Errorf("saw %s", got)
		}
		for range w.Watch(t.Context(), task.Selector{All: true}) {
			break
		}
		var last error
		for _, err := range w.Watch(t.Context(), names("[")) {
			last = err
		}
		if !errors.Is(last, task.ErrUsage) {
			t.Error(last)
		}
		go func() {
			time.Sleep(time.Second)
			w.srv.Close(context.Background())
		}()
		for _, err := range w.Watch(t.Context(), task.Selector{}) {
			last = err
		}
		if !errors.Is(last, task.ErrUnavailable) {
			t.Error(last)
		}
	})
}

// counted is a connection that says when it is closed.
type counted struct {
	net.Conn
	open *atomic.Int32
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// A loop that ends among the first tasks, and events that nobody ranges over, leave
// no connection.
func TestWatchLeavesNoConnection(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		var open atomic.Int32
		dial := w.Client.Dial
		w.Client.Dial = func(ctx context.Context) (net.Conn, error) {
			nc, err := dial(ctx)
			open.Add(1)
			return &counted{Conn: nc, open: &open}, err
		}
		w.goTask(t, "web", untilStop)
		for range w.Watch(t.Context(), task.Selector{All: true}) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		if now, _, err := w.Observe(ctx, task.Selector{All: true}); err != nil || len(now) != 1 {
			t.Error(now, err)
		}
		cancel()
		synctest.Wait()
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

// A reader that is slow in its loop learns how many events it has missed.
func TestSlowWatch(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		w.goTask(t, "web", untilStop)
		var seen, last uint64
		for e, err := range w.Watch(t.Context(), task.Selector{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 1 {
				for range 2000 {
					if _, err := w.sup.Restart(t.Context(), "web"); err != nil {
						t.Fatal(err)
					}
				}
				last = 0
				continue
			}
			if last != 0 && e.Seq != last+1+e.Missed {
				t.Fatalf("event %d after %d with %d missed", e.Seq, last, e.Missed)
			}
			last = e.Seq
			if e.Missed > 0 {
				t.Logf("%d of %d events seen", seen, e.Seq)
				return
			}
		}
	})
}

// peer is a client whose supervisor is the test.
func peer(t *testing.T, f func(t *testing.T, c *client.Client, there net.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := &client.Client{Dial: func(context.Context) (net.Conn, error) { return here, nil }}
		f(t, c, there)
		c.Close()
		there.Close()
	})
}

func TestSupervisorDoesNotRead(t *testing.T) {
	peer(t, func(t *testing.T, c *client.Client, _ net.Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		calls := make(chan error)
		for range 3 {
			go func() { calls <- second(c.List(ctx, client.ListOptions{})) }()
		}
		for range 3 {
			if err := <-calls; !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		go func() { calls <- second(c.List(t.Context(), client.ListOptions{})) }()
		synctest.Wait()
		c.Close()
		if err := <-calls; !errors.Is(err, task.ErrUnavailable) {
			t.Error(err)
		}
	})
}

func TestStrangeReplies(t *testing.T) {
	for name, tt := range map[string]struct{ reply, want string }{
		"garbage":      {"garbage\n", "cannot read the supervisor's reply"},
		"wrong result": {`{"jsonrpc":"2.0","id":1,"result":{}}` + "\n", "cannot read the supervisor's reply"},
		"no result":    {`{"jsonrpc":"2.0","id":1}` + "\n", "cannot read the supervisor's reply"},
		"nothing":      {"", "closed the connection"},
		"no id":        {`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long"}}` + "\n", "too long"},
		"no data":      {`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}` + "\n", "no such method"},
		"others first": {`{"jsonrpc":"2.0","id":9,"result":1}` + "\n\n" + `{"jsonrpc":"2.0","method":"event","params":{"watch":8}}` + "\n" + `{"jsonrpc":"2.0","id":1,"result":[],"new":1}` + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			peer(t, func(t *testing.T, c *client.Client, there net.Conn) {
				go func() {
					there.Read(make([]byte, 4096))
					io.WriteString(there, tt.reply)
					there.Close()
				}()
				err := second(c.List(t.Context(), client.ListOptions{}))
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%v; want %q", err, tt.want)
				}
			})
		})
	}
}

// A supervisor that is killed or replaced amid a reply is lost as any other is.
func TestReplyThatIsCutOff(t *testing.T) {
	const whole = `{"jsonrpc":"2.0","id":1,"result":[{"name":"web","state":"done"}]}`
	for _, cut := range []string{"", "{", whole[:40], strings.Repeat(" ", 40<<10) + whole[:40], whole} {
		t.Run("", func(t *testing.T) {
			peer(t, func(t *testing.T, c *client.Client, there net.Conn) {
				go func() {
					there.Read(make([]byte, 4096))
					io.WriteString(there, cut)
					there.Close()
				}()
				err := second(c.Wait(t.Context(), client.WaitOptions{Selector: names("web")}))
				if !errors.Is(err, client.ErrLost) || !errors.Is(err, task.ErrUnavailable) {
					t.Errorf("after %.60q: %v", cut, err)
				}
			})
		})
	}
	t.Run("event", func(t *testing.T) {
		peer(t, func(t *testing.T, c *client.Client, there net.Conn) {
			go func() {
				there.Read(make([]byte, 4096))
				io.WriteString(there, `{"jsonrpc":"2.0","id":1,"result":[]}`+"\n"+`{"jsonrpc":"2.0","method":"event","params":{"watch":1,"se`)
				there.Close()
			}()
			var last error
			for _, err := range c.Watch(t.Context(), task.Selector{All: true}) {
				last = err
			}
			if !errors.Is(last, client.ErrLost) {
				t.Error(last)
			}
		})
	})
}

func TestOneDialForMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		dials := 0
		c := client.Client{Dial: func(ctx context.Context) (net.Conn, error) {
			dials++ // by one caller at a time
			select {
			case <-time.After(time.Minute):
				return nil, refused
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		calls := make(chan error)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { calls <- second(c.List(t.Context(), client.ListOptions{})) }()
		synctest.Wait()
		go func() { calls <- second(c.List(ctx, client.ListOptions{})) }()
		if err := <-calls; !errors.Is(err, context.DeadlineExceeded) || dials != 1 {
			t.Errorf("%v after %d dials", err, dials)
		}
		if err := <-calls; err != refused {
			t.Error(err)
		}
	})
}
