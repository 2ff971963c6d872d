// Package cli is the command line: one file per command, each parsing its words
// into a request to the supervisor and printing what comes back. Everything it
// knows of tasks it asks for over the socket, but for logs, which it reads.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"tasks/internal/daemon"
	"tasks/internal/escape"
	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// env is what the commands of one invocation share.
type env struct {
	in       io.Reader
	out, err io.Writer // escape what a terminal would act on
	raw      io.Writer // what out writes to: for the bytes of one log, and the line editor
	tty      bool      // out is a terminal
	errTTY   bool
	width    int // of that terminal; 0: unknown

	socket    string
	output    string
	json      bool
	quiet     bool
	secrets   bool // are shown: the command was given --env
	noHeaders bool
	color     string
	foreign   bool // root's client may talk to another user's supervisor

	console *daemon.Console // in place of err while a supervisor is in the foreground; else nil

	client     client.Client
	onceSilent sync.Once              // of the remark that the supervisor does not answer
	reached    atomic.Pointer[string] // socket of the one that it is or was connected to
	supervisor atomic.Int64           // pid of the one that it is connected to; 0: not known
	paths      socket.Paths
	within     bool                                  // in `tasks shell`
	grace      func(own time.Duration) time.Duration // of a stop by this command; nil: the task's own
}

func newEnv() *env {
	e := &env{in: os.Stdin, out: escape.NewWriter(os.Stdout), err: escape.NewWriter(os.Stderr), raw: os.Stdout, output: "table", color: "auto"}
	e.tty, e.errTTY = term.IsTerminal(1), term.IsTerminal(2)
	if e.tty {
		e.width, _, _ = term.GetSize(1)
	}
	return e
}

// flush writes the beginnings of characters that were never ended.
func (e *env) flush() {
	for _, w := range []io.Writer{e.out, e.err} {
		if w, ok := w.(*escape.Writer); ok {
			w.Flush()
		}
	}
	e.console.Flush()
}

// unwritten is the error of output that got lost, unless err has it already.
func (e *env) unwritten(err error) error {
	w, ok := e.out.(*escape.Writer)
	if !ok {
		return nil
	}
	w.Flush()
	lost := w.Err()
	if lost != nil && err != nil && strings.Contains(err.Error(), lost.Error()) {
		return nil
	}
	return lost
}

// locate finds the supervisor's socket and state directory.
func (e *env) locate() (socket.Paths, error) {
	if e.paths.Socket == "" {
		p, err := socket.Locate(e.socket, "", os.Getenv, os.Getuid())
		if err != nil {
			return p, err
		}
		e.paths = p
	}
	return e.paths, nil
}

// dial reaches the supervisor, wherever it is.
func (e *env) dial() (*client.Client, error) { return e.dialWithin(2 * time.Second) }

// dialWithin is dial with a bound on the time that a supervisor without its
// socket is given.
func (e *env) dialWithin(most time.Duration) (*client.Client, error) {
	if e.client.Socket != "" {
		return &e.client, nil
	}
	p, err := e.locate()
	if err != nil {
		return nil, err
	}
	e.client.Socket, e.client.Silent = p.Socket, e.silent
	e.client.Dial = func(ctx context.Context) (net.Conn, error) {
		if path := e.reached.Load(); path != nil && *path != p.Socket { // none but the next one there
			return e.connect(ctx, *path)
		}
		conn, err := e.connect(ctx, p.Socket)
		if !errors.Is(err, task.ErrUnavailable) {
			return conn, err
		}
		if path := p.Fallback(); path != "" && e.reached.Load() == nil {
			return e.connect(ctx, path)
		}
		if err := p.Elsewhere(); err != nil {
			return nil, err
		}
		// One that has lost its socket file binds it again; until it listens, too,
		// it is there and does not answer.
		for end := time.Now().Add(most); errors.Is(err, task.ErrUnavailable) && ctx.Err() == nil && time.Now().Before(end) && socket.Nudge(p.State, p.Socket); {
			time.Sleep(time.Millisecond)
			conn, err = e.connect(ctx, p.Socket)
		}
		return conn, err
	}
	return &e.client, nil
}

// unreachedError is that nobody could be connected to, unlike what a supervisor has said.
type unreachedError struct{ error }

func (e unreachedError) Unwrap() error { return e.error }

func (e *env) connect(ctx context.Context, path string) (conn net.Conn, err error) {
	if e.foreign {
		conn, err = socket.DialForeign(ctx, path)
	} else {
		conn, err = socket.Dial(ctx, path)
	}
	if errors.Is(err, task.ErrUnavailable) {
		return nil, unreachedError{err}
	}
	if unix, ok := conn.(*net.UnixConn); ok && err == nil {
		_, pid, _ := socket.Peer(unix)
		e.reached.Store(&path)
		e.supervisor.Store(int64(pid))
	}
	return conn, err
}

// caller is what tasks are handed on of this process, without what they have of
// the supervisor anyway: one of an earlier version knows nothing of it.
func (e *env) caller(ctx context.Context, c *client.Client) (task.Caller, error) {
	own := process.CallerOf(0)
	if err := c.Connect(ctx); err != nil {
		return own, err
	}
	if pid := e.supervisor.Load(); pid > 0 {
		own = own.Without(process.CallerOf(int(pid)))
	}
	return own, nil
}

// dialAt reaches the supervisor on path, and nowhere else.
func (e *env) dialAt(path string) {
	e.client.Close()
	e.client.Socket, e.client.Silent = path, e.silent
	e.client.Dial = func(ctx context.Context) (net.Conn, error) { return e.connect(ctx, path) }
}

var errInterrupted = errors.New("interrupted")

// What is so after an interrupt: of a command that waits, and of one that has
// asked for a change.
const (
	unchanged = "the tasks go on as they are"
	asked     = "the supervisor goes on with it"
)

// untilInterrupt is a context that a Ctrl-C, or TERM, ends with errInterrupted
// and what is so then. A second one ends the command at once.
func untilInterrupt(then string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-sig:
			signal.Stop(sig)
			cancel(fmt.Errorf("%w: %s", errInterrupted, then))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(sig)
		cancel(nil)
	}
}

// evenThen is ctx, or once that has ended one that lasts a moment longer, to ask
// how things are then.
func evenThen(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(context.Background(), 2*time.Second, context.Cause(ctx))
}

// remark says something beside the facts, on stderr.
func (e *env) remark(format string, args ...any) {
	if e.quiet {
		return
	}
	for i, arg := range args { // what others have written stays on its line
		if err, ok := arg.(error); ok {
			args[i] = plain(strings.ReplaceAll(err.Error(), "\n", "; "))
		} else if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
			args[i] = plain(v.String())
		}
	}
	fmt.Fprintf(e.err, format+"\n", args...)
}

// remarks prints what reading a file has to say.
func (e *env) remarks(all []string) {
	for _, r := range all {
		e.remark("tasks: %s", r)
	}
}

// ask sends one request that may last, and prints the tasks that it reached.
func (e *env) ask(do func(context.Context, *client.Client) ([]task.Info, error)) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(asked)
	defer done()
	end := e.progress(ctx)
	tasks, err := do(ctx, c)
	end()
	if errors.Is(err, task.ErrUnavailable) && len(tasks) == 0 {
		return err
	}
	return errors.Join(e.printTouched(tasks), err)
}
