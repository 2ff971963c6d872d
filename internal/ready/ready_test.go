package ready

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

var _ engine.Checker = (*Checker)(nil)

func dur(d time.Duration) *task.Duration { return new(task.Duration(d)) }

// shell is a engine.Shell that runs a function.
type shell func(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error)

func (f shell) Exec(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error) {
	return f(ctx, l, line)
}

// server is the other end of what is dialed.
type server func(ctx context.Context, address string) (net.Conn, error)

func refuse(context.Context, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
}

func hang(ctx context.Context, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// answer takes any request and answers it.
func answer(text string) server {
	return func(context.Context, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			there.Read(make([]byte, 4096)) // requests are written at once
			io.WriteString(there, text)
		}()
		return here, nil
	}
}

const ok = "HTTP/1.1 200 OK\r\n\r\n"

func checker(t *testing.T, sh shell, s server) *Checker {
	t.Helper()
	c := New(Options{ID: "test" + t.Name(), Shell: sh})
	if sh == nil {
		c.opts.Shell = nil
	}
	c.dial = func(ctx context.Context, _, address string) (net.Conn, error) { return s(ctx, address) }
	return c
}

func startChecks(t *testing.T, c *Checker, spec task.Spec, log string) engine.Checks {
	t.Helper()
	if spec.Name == "" {
		spec.Name = "web"
	}
	r, err := c.Begin(engine.Launch{Spec: &spec, Run: 3, Slot: 2}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestNothingToCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := startChecks(t, checker(t, nil, refuse), task.Spec{}, "")
		if err := r.Ready(t.Context()); err != nil || r.Env() != nil {
			t.Errorf("%v, %q", err, r.Env())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := r.Healthy(ctx); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Each is tried at once and then a pause after the end of each failure, and no more
// once it has succeeded.
func TestReadyWhenAllHaveSucceeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var lines, urls, ports []time.Duration
		begun := false // before, a look at each port finds it closed
		sh := func(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error) {
			lines = append(lines, time.Since(start))
			if l.Spec.Name != "web" || l.Run != 3 || l.Slot != 2 || line != "check" {
				t.Errorf("%q of run %d of %s", line, l.Run, l.Spec.Name)
			}
			time.Sleep(2 * time.Second)
			return "", task.Exit{Code: max(0, 2-len(lines))}, nil
		}
		serve := func(ctx context.Context, address string) (net.Conn, error) {
			if !begun {
				return refuse(ctx, address)
			}
			switch address {
			case "127.0.0.1:80":
				if urls = append(urls, time.Since(start)); len(urls) == 3 {
					return answer(ok)(ctx, address)
				}
			case "127.0.0.1:5432":
				ports = append(ports, time.Since(start))
				return answer("")(ctx, address)
			}
			return refuse(ctx, address)
		}
		r := startChecks(t, checker(t, sh, serve), task.Spec{Ready: task.Ready{ReadyHTTP: "http://localhost/", ReadyPort: "5432", ReadyCmd: "check", ReadyInterval: dur(time.Second)}}, "")
		begun = true
		if err := r.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		got := fmt.Sprint(ports, urls, lines, time.Since(start))
		if want := "[0s] [0s 1s 2s] [0s 3s] 5s"; got != want {
			t.Errorf("tried at %s, want %s", got, want)
		}
	})
}

func TestWhyNotReady(t *testing.T) {
	t.Parallel()
	failing := func(code int, output string) shell {
		return func(context.Context, engine.Launch, string) (string, task.Exit, error) {
			return output, task.Exit{Code: code}, nil
		}
	}
	killed := func(ctx context.Context, _ engine.Launch, _ string) (string, task.Exit, error) {
		<-ctx.Done()
		return "half", task.Exit{Signal: syscall.SIGKILL}, ctx.Err()
	}
	for _, tt := range []struct {
		what  string
		ready task.Ready
		sh    shell
		serve server
		want  string
	}{
		{"refused port", task.Ready{ReadyPort: "5432"}, nil, refuse, "port localhost:5432: connection refused"},
		{"refused host", task.Ready{ReadyPort: "[::1]:1"}, nil, refuse, "port [::1]:1: connection refused"},
		{"503", task.Ready{ReadyHTTP: "http://localhost:8080/health?q=1"}, nil, answer("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nsorry"), "http http://localhost:8080/health?q=1: 503 Service Unavailable"},
		{"refused URL", task.Ready{ReadyHTTP: "http://u:secret@h/"}, nil, refuse, "http http://…@h/: connection refused"},
		{"no answer", task.Ready{ReadyHTTP: "http://h"}, nil, hang, "http http://h: no answer within 5s"},
		{"server that never answers", task.Ready{ReadyHTTP: "http://h"}, nil, func(context.Context, string) (net.Conn, error) {
			here, there := net.Pipe()
			go io.Copy(io.Discard, there)
			return here, nil
		}, "http http://h: no answer within 5s"},
		{"hung up", task.Ready{ReadyHTTP: "http://h"}, nil, answer(""), "http http://h: the connection was closed without an answer"},
		{"cmd", task.Ready{ReadyCmd: "x"}, failing(1, "one\ntwo \x1b[1mthree\n\n"), nil, "cmd: exit code 1: two  [1mthree"},
		{"silent cmd", task.Ready{ReadyCmd: "x"}, failing(127, " \n"), nil, "cmd: exit code 127"},
		{"long cmd", task.Ready{ReadyCmd: "x"}, failing(2, strings.Repeat("é", 1000)), nil, "cmd: exit code 2: " + strings.Repeat("é", 100) + "…"},
		{"hanging cmd", task.Ready{ReadyCmd: "x"}, killed, nil, "cmd: no answer within 5s"},
		{"first try", task.Ready{ReadyCmd: "x", ReadyTimeout: dur(time.Second)}, killed, nil, "cmd: no answer yet"},
		{"signal", task.Ready{ReadyCmd: "x"}, func(context.Context, engine.Launch, string) (string, task.Exit, error) {
			return "", task.Exit{Signal: syscall.SIGSEGV}, nil
		}, nil, "cmd: ended by SIGSEGV"},
		{"cannot", task.Ready{ReadyCmd: "x"}, func(context.Context, engine.Launch, string) (string, task.Exit, error) {
			return "", task.Exit{}, syscall.EAGAIN
		}, nil, "cmd: resource temporarily unavailable"},
		{"two", task.Ready{ReadyPort: "1", ReadyCmd: "x"}, failing(1, ""), refuse, "port localhost:1: connection refused; cmd: exit code 1"},
		{"one of two", task.Ready{ReadyPort: "1", ReadyCmd: "x"}, failing(0, ""), refuse, "port localhost:1: connection refused"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				spec := task.Spec{Ready: tt.ready}
				r := startChecks(t, checker(t, tt.sh, tt.serve), spec, "")
				ctx, cancel := context.WithTimeout(t.Context(), spec.Ready.Timeout())
				defer cancel()
				start := time.Now()
				err := r.Ready(ctx)
				if err == nil || err.Error() != tt.want {
					t.Errorf("%v, want %s", err, tt.want)
				}
				if took := time.Since(start); took != spec.Ready.Timeout() {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// The timeout of a health check also applies to readiness checks if it is longer than
// their default.
func TestTimeoutOfATry(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]string{time.Second: "5s", 12 * time.Second: "12s"} {
		synctest.Test(t, func(t *testing.T) {
			r := startChecks(t, checker(t, nil, hang), task.Spec{Ready: task.Ready{ReadyHTTP: "http://h"}, Health: task.Health{HealthTimeout: dur(given)}}, "")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := r.Ready(ctx); err == nil || !strings.HasSuffix(err.Error(), "no answer within "+want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// However many are tried, few lines are executed at the same time, and to wait for
// a turn fails nobody.
func TestThousandChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		var now, most, tries atomic.Int64
		sh := func(ctx context.Context, l engine.Launch, _ string) (string, task.Exit, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			tries.Add(1)
			select {
			case <-time.After(4 * time.Second):
			case <-ctx.Done():
				return "", task.Exit{}, ctx.Err()
			}
			return "", task.Exit{}, nil
		}
		c := checker(t, sh, answer(ok))
		var all sync.WaitGroup
		for range n {
			r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyCmd: "x", ReadyHTTP: "http://h/", ReadyPort: "1"}}, "")
			all.Go(func() {
				if err := r.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != maxLines || tries.Load() != n {
			t.Errorf("%d at the same time, %d in all", most.Load(), tries.Load())
		}
	})
}

// Lines that hang make way: neither a run that becomes ready nor one that is healthy waits
// for them longer than for any other, and what it has waited is known.
func TestHungLinesMakeWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		c := checker(t, func(ctx context.Context, _ engine.Launch, line string) (string, task.Exit, error) {
			if line == "hangs" {
				<-ctx.Done()
				return "", task.Exit{}, ctx.Err()
			}
			made.Add(1)
			return "", task.Exit{}, nil
		}, refuse)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range maxLines {
			r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyCmd: "hangs"}, Health: task.Health{HealthTimeout: dur(time.Hour)}}, "")
			all.Go(func() { r.Ready(ctx) })
		}
		synctest.Wait()
		r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyCmd: "x"}, Health: task.Health{HealthCmd: "x", HealthInterval: dur(time.Second)}}, "")
		ready := make(chan error, 1)
		go func() { ready <- r.Ready(ctx) }()
		time.Sleep(time.Second)
		delayed := r.(engine.Delayed).Delayed
		if got := delayed(); got != time.Second {
			t.Errorf("delayed by %s", got)
		}
		if err := <-ready; err != nil || delayed() != turnTime {
			t.Errorf("%v, delayed by %s", err, delayed())
		}
		all.Go(func() { r.Healthy(ctx) })
		time.Sleep(10*time.Second + time.Millisecond)
		if made.Load() != 1+10 {
			t.Errorf("%d checks were made", made.Load())
		}
		cancel()
		all.Wait()
		if len(c.turns) != 0 {
			t.Errorf("%d turns are had", len(c.turns))
		}
	})
}

// A turn that does not come holds up nobody whose time is over.
func TestTurnThatDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := checker(t, func(context.Context, engine.Launch, string) (string, task.Exit, error) {
			return "", task.Exit{}, errors.New("it was executed")
		}, refuse)
		for range maxLines {
			c.turns <- struct{}{}
		}
		r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyCmd: "x"}, Health: task.Health{HealthCmd: "x"}}, "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Ready(ctx); err == nil || err.Error() != "cmd: no answer yet" {
			t.Error(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Healthy(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	for want, ready := range map[string]task.Ready{
		"bad http: not an http://":   {ReadyHTTP: "https://u:hunter2@h/"},
		"http:// URL with a host":    {ReadyHTTP: "http://"},
		"bad port":                   {ReadyPort: "h:http"},
		"executes no lines":          {ReadyCmd: "x"},
		"missing closing )":          {ReadyLog: "("},
		"cannot check web: its outp": {ReadyLog: "x", ReadyNotify: true},
	} {
		r, err := checker(t, nil, refuse).Begin(engine.Launch{Spec: &task.Spec{Name: "web", Ready: ready}, Run: 1}, "")
		if r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, %v", ready, r, err)
		}
	}
}

// Real sockets, of both families.
func TestPortOfARealServer(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil && strings.HasPrefix(address, "[") {
			t.Skip("there is no IPv6 here")
		}
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
		go served.Serve(l)
		c := New(Options{})
		r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyPort: port, ReadyHTTP: "http://localhost:" + port}}, "")
		if err := r.Ready(t.Context()); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		served.Close()
		if err := c.connect(t.Context(), "localhost:"+port); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s, closed: %v", address, err)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"connection refused": &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"no such host":       &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}},
		"i/o timeout":        &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded},
		"unexpected EOF":     io.ErrUnexpectedEOF,
	} {
		if got := plain(err).Error(); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

// Nothing is left of checks that have ended but what a run may still speak to.
func TestNothingIsLeft(t *testing.T) { // not parallel: it counts
	before := runtime.NumGoroutine()
	settle := func(what string, n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %d goroutines before, %d after", what, before, runtime.NumGoroutine())
			}
		}
	}
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "no\n")
	c := New(Options{ID: "left", Dir: notifyDir(t), Shell: shell(func(ctx context.Context, _ engine.Launch, _ string) (string, task.Exit, error) {
		<-ctx.Done()
		return "", task.Exit{}, ctx.Err()
	})})
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyHTTP: "http://localhost:1/", ReadyPort: "1", ReadyCmd: "x", ReadyLog: "yes", ReadyNotify: true}}
	for range 3 {
		r, err := c.Begin(engine.Launch{Spec: spec, Run: 1}, path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if err := r.Ready(ctx); err == nil {
			t.Error("it is ready")
		}
		cancel()
		settle("a run that says it itself", before+1)
		if c.follower != nil || c.readers != 0 {
			t.Errorf("%d follow a log", c.readers)
		}
		r.Close()
		settle("a run that is over", before)
	}
}

// notifyDir is where sockets may be: of a short path, below a private directory.
func notifyDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "r")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "notify")
}
