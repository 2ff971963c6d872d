package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A dialer makes the client of the supervisor, wherever that is.
type dialer struct {
	socket  string // that was named; "": the usual one
	foreign bool   // root's client may talk to another user's supervisor
	says    *printer

	client     client.Client
	onceSilent sync.Once              // of the remark that the supervisor does not answer
	reached    atomic.Pointer[string] // socket of the one that it is or was connected to
	supervisor atomic.Int64           // pid of the one that it is connected to; 0: not known
	paths      socket.Paths
}

func (d *dialer) flags(f *pflag.FlagSet) {
	f.StringVarP(&d.socket, "socket", "s", d.socket, "`PATH` of the supervisor's socket (default: TASKS_SOCKET, else one in the runtime directory)")
	f.BoolVar(&d.foreign, "allow-foreign", d.foreign, "as root: talk to the supervisor of another user as well")
}

// locate finds the supervisor's socket and state directory.
func (d *dialer) locate() (socket.Paths, error) {
	if d.paths.Socket == "" {
		p, err := socket.Locate(d.socket, "", os.Getenv, os.Getuid())
		if err != nil {
			return p, err
		}
		d.paths = p
	}
	return d.paths, nil
}

// dial reaches the supervisor, wherever it is.
func (d *dialer) dial() (*client.Client, error) { return d.dialWithin(2 * time.Second) }

// dialWithin is dial with a bound on the time that a supervisor without its
// socket is given.
func (d *dialer) dialWithin(most time.Duration) (*client.Client, error) {
	if d.client.Socket != "" {
		return &d.client, nil
	}
	p, err := d.locate()
	if err != nil {
		return nil, err
	}
	d.client.Socket, d.client.Silent = p.Socket, d.silent
	d.client.Dial = func(ctx context.Context) (net.Conn, error) {
		if path := d.reached.Load(); path != nil && *path != p.Socket { // none but the next one there
			return d.connect(ctx, *path)
		}
		conn, err := d.connect(ctx, p.Socket)
		if !errors.Is(err, task.ErrUnavailable) {
			return conn, err
		}
		if path := p.Fallback(); path != "" && d.reached.Load() == nil {
			return d.connect(ctx, path)
		}
		if err := p.Elsewhere(); err != nil {
			return nil, err
		}
		// One that has lost its socket file binds it again; until it listens, too,
		// it is there and does not answer.
		for end := time.Now().Add(most); errors.Is(err, task.ErrUnavailable) && ctx.Err() == nil && time.Now().Before(end) && socket.Nudge(p.State, p.Socket); {
			time.Sleep(time.Millisecond)
			conn, err = d.connect(ctx, p.Socket)
		}
		return conn, err
	}
	return &d.client, nil
}

// survivors names the tasks of the supervisor that run, whether or not it does.
func (d *dialer) survivors() ([]string, error) {
	return process.Survivors(d.client.Socket, d.paths.State)
}

// unreachedError is that nobody could be connected to, unlike what a supervisor has said.
type unreachedError struct{ error }

func (e unreachedError) Unwrap() error { return e.error }

func (d *dialer) connect(ctx context.Context, path string) (conn net.Conn, err error) {
	if d.foreign {
		conn, err = socket.DialForeign(ctx, path)
	} else {
		conn, err = socket.Dial(ctx, path)
	}
	if errors.Is(err, task.ErrUnavailable) {
		return nil, unreachedError{err}
	}
	if unix, ok := conn.(*net.UnixConn); ok && err == nil {
		_, pid, _ := socket.Peer(unix)
		d.reached.Store(&path)
		d.supervisor.Store(int64(pid))
	}
	return conn, err
}

// caller is what tasks are handed on of this process, without what they have of
// the supervisor anyway: one of an earlier version knows nothing of it.
func (d *dialer) caller(ctx context.Context, c *client.Client) (task.Caller, error) {
	own := process.CallerOf(0)
	if err := c.Connect(ctx); err != nil {
		return own, err
	}
	if pid := d.supervisor.Load(); pid > 0 {
		own = own.Without(process.CallerOf(int(pid)))
	}
	return own, nil
}

// dialAt reaches the supervisor on path, and nowhere else.
func (d *dialer) dialAt(path string) {
	d.client.Close()
	d.client.Socket, d.client.Silent = path, d.silent
	d.client.Dial = func(ctx context.Context) (net.Conn, error) { return d.connect(ctx, path) }
}
