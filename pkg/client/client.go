// Package client talks to a supervisor of tasks over its Unix socket.
//
// The zero Client is ready: it finds the socket as the `tasks` command does.
//
//	var c client.Client
//	defer c.Close()
//	tasks, err := c.List(ctx, client.ListOptions{})
//	if errors.Is(err, task.ErrUnavailable) { … }
//
// Errors are of the kinds of package task to [errors.Is], and several of them,
// one per task that failed, are joined; what the request did reach is returned
// beside them. All methods may be called from several goroutines: their requests
// share one connection, which is opened at the first and again after it was lost;
// Wait and Watch have one of their own, and calls of Output that wait share another.
// A context that ends takes the caller away, not what the supervisor was already asked
// to do. Where the supervisor is killed or replaced the error is an ErrLost: what waits
// can be asked of the next one.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/protocol"
	"tasks/internal/socket"
	"tasks/pkg/task"
)

// Client is a connection to one supervisor. It must not be copied after its
// first use.
type Client struct {
	// Socket is the path of the supervisor's socket. Default: TASKS_SOCKET, else
	// where a supervisor of this user has it by default.
	Socket string
	// Dial opens a connection in place of the one to Socket, where it is set.
	Dial func(ctx context.Context) (net.Conn, error)
	// Silent, where it is set, is called once for a request that has waited for some
	// seconds while the supervisor answers nothing at all: it may be stopped. The request
	// stays under way.
	Silent func()

	mu      sync.Mutex // guards link and dialing
	link    *link
	dialing chan struct{} // closed when the dial under way has ended

	outputs waitLinks // of calls of Output that wait

	last atomic.Uint64 // request id
}

// Info asks the supervisor about itself.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info protocol.Info
	err := c.call(ctx, "info", struct{}{}, &info)
	return Info(info), ofKind(err)
}

// Start begins a task, and returns when its run exists, or waits for its time, for
// others or for a slot. Without a command, an ended task of that name is started again.
func (c *Client) Start(ctx context.Context, spec task.Spec, o StartOptions) ([]task.Info, error) {
	return c.tasks(ctx, "start", protocol.Start{Spec: spec, Replace: o.Replace})
}

// StartAgain starts ended tasks with the spec that they have. All skips tasks that have not
// ended, also with Replace.
func (c *Client) StartAgain(ctx context.Context, sel task.Selector, o StartOptions) ([]task.Info, error) {
	return c.ofSelected(ctx, "start", sel, func(sel task.Selector) any {
		return protocol.Start{Spec: task.Spec{Group: sel.Group}, Names: sel.Names, All: sel.All, Groups: sel.Groups, Replace: o.Replace}
	})
}

// StartEach starts a task per input: what stands in braces in the name and the
// command is replaced by it, see docs/jobs.md. first is the number of the first.
func (c *Client) StartEach(ctx context.Context, spec task.Spec, inputs []string, first int) ([]task.Info, error) {
	return c.tasks(ctx, "each", protocol.Each{Spec: spec, Inputs: inputs, First: first})
}

// Pause stops all processes of tasks until they are resumed.
func (c *Client) Pause(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "pause", sel, func(sel task.Selector) any { return protocol.Turn{Selector: sel} })
}

// Resume continues paused tasks.
func (c *Client) Resume(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "resume", sel, func(sel task.Selector) any { return protocol.Turn{Selector: sel} })
}

// Enable has the schedules of tasks start runs again, each from its next time on.
func (c *Client) Enable(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "enable", sel, func(sel task.Selector) any { return protocol.Turn{Selector: sel} })
}

// Disable has the schedules of tasks start no further run; one under way finishes.
func (c *Client) Disable(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "disable", sel, func(sel task.Selector) any { return protocol.Turn{Selector: sel} })
}

// Stop stops tasks and joins: it returns when they have ended.
func (c *Client) Stop(ctx context.Context, o StopOptions) ([]task.Info, error) {
	return c.ofSelected(ctx, "stop", o.Selector, func(sel task.Selector) any {
		o.Selector = sel
		return protocol.Stop(o)
	})
}

// Restart stops tasks, joins, and starts them.
func (c *Client) Restart(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "restart", sel, func(sel task.Selector) any { return protocol.Restart{Selector: sel} })
}

// List is the tasks as they now are, sorted by name; all, if none are selected.
func (c *Client) List(ctx context.Context, o ListOptions) ([]task.Info, error) {
	return c.ofSelected(ctx, "list", o.Selector, func(sel task.Selector) any {
		o.Selector = sel
		return protocol.List(o)
	})
}

// Get is tasks with their last runs.
func (c *Client) Get(ctx context.Context, o ListOptions) ([]task.Info, error) {
	return c.ofSelected(ctx, "get", o.Selector, func(sel task.Selector) any {
		o.Selector = sel
		return protocol.List(o)
	})
}

// Wait returns when all the selected tasks have ended, or what else o says.
// Its own timeout is a task.ErrTimeout, also where the supervisor does not answer. It
// uses a connection of its own, whose end tells the supervisor that nobody waits any
// longer.
func (c *Client) Wait(ctx context.Context, o WaitOptions) ([]task.Info, error) {
	if err := task.CheckDuration("timeout", o.Timeout); err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "%v", err)
	}
	if o.Timeout != nil {
		const margin = time.Second // of the supervisor, whose reply says more
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(min(*o.Timeout, task.Duration(task.MaxDuration)))+margin,
			task.Errorf(task.ErrTimeout, "", "timed out after %s: the supervisor does not answer", o.Timeout))
		defer cancel()
	}
	params := func(sel task.Selector) any {
		o.Selector = sel
		return protocol.Wait(o)
	}
	return inParts(ctx, o.Selector, params, o.Any, func(ctx context.Context, params any) ([]task.Info, error) {
		own := Client{Socket: c.Socket, Dial: c.Dial, Silent: c.Silent}
		defer own.Close()
		return own.tasks(ctx, "wait", params)
	})
}

// Retry starts tasks that failed or are lost again, dependencies first. All others stay as
// they are, and of a group, of a pattern and of all they are left out.
func (c *Client) Retry(ctx context.Context, sel task.Selector) ([]task.Info, error) {
	return c.ofSelected(ctx, "retry", sel, func(sel task.Selector) any { return protocol.Retry{Selector: sel} })
}

// Edit changes the specs of tasks: at once, or where a task has a run, from its next run on,
// see [task.Info.Edited].
func (c *Client) Edit(ctx context.Context, o EditOptions) ([]task.Info, error) {
	set, err := json.Marshal(o.Set)
	if err != nil {
		return nil, fmt.Errorf("cannot encode request: %w", err)
	}
	return c.ofSelected(ctx, "edit", o.Selector, func(sel task.Selector) any { return protocol.Edit{Selector: sel, Set: set} })
}

// Signal sends a signal, by name or number, to the process groups of tasks.
func (c *Client) Signal(ctx context.Context, sel task.Selector, signal string) ([]task.Info, error) {
	return c.ofSelected(ctx, "signal", sel, func(sel task.Selector) any { return protocol.Signal{Selector: sel, Signal: signal} })
}

// Remove forgets ended tasks and their logs.
func (c *Client) Remove(ctx context.Context, o RemoveOptions) ([]task.Info, error) {
	return c.ofSelected(ctx, "remove", o.Selector, func(sel task.Selector) any {
		o.Selector = sel
		return protocol.Remove(o)
	})
}

// Exit stops every task and ends the supervisor. It returns when the tasks have
// ended; the supervisor follows at once.
func (c *Client) Exit(ctx context.Context, o ExitOptions) ([]task.Info, error) {
	return c.tasks(ctx, "exit", protocol.Exit(o))
}

// Replace has another version of the supervisor's program, at an absolute path,
// take over in place: its process and its tasks stay. It returns when the
// program was found fit; the supervisor answers again a moment later.
func (c *Client) Replace(ctx context.Context, o ReplaceOptions) error {
	var nothing struct{}
	return ofKind(c.call(ctx, "replace", protocol.Replace(o), &nothing))
}

// Close closes the shared connections. Requests under way on them fail; the supervisor carries
// out what it has read. A later request opens a new one.
func (c *Client) Close() error {
	c.outputs.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil
	}
	l := c.link
	c.link = nil
	return l.close()
}

func (c *Client) tasks(ctx context.Context, method string, params any) ([]task.Info, error) {
	var tasks []task.Info
	err := c.call(ctx, method, params, &tasks)
	var failed *protocol.Error
	if errors.As(err, &failed) {
		if failed.Data != nil {
			tasks = failed.Data.Tasks
		}
	}
	if wrong := cmp.Or(checkReply(tasks), checkReached(params, tasks, err == nil)); wrong != nil {
		return nil, wrong
	}
	return tasks, ofKind(err)
}

// ofKind is err, or where it is the supervisor's, one of package task's kinds.
func ofKind(err error) error {
	var failed *protocol.Error
	if errors.As(err, &failed) {
		if err = failed.Err(); failed.Unknown() {
			return unknownError{err}
		}
	}
	return err
}

// ErrUnknown is the answer of a supervisor that does not know a request, or a part of it:
// it is of an earlier version than this library.
var ErrUnknown = errors.New("the supervisor does not know the request")

type unknownError struct{ error }

func (e unknownError) Unwrap() error        { return e.error }
func (e unknownError) Is(target error) bool { return target == ErrUnknown }

func (c *Client) call(ctx context.Context, method string, params, result any) error {
	defer c.attend(ctx)()
	l, answer, err := c.send(ctx, method, params)
	if err != nil {
		return err
	}
	return l.await(ctx, answer, result)
}

// callOn is call on one connection, also where that has ended.
func (c *Client) callOn(ctx context.Context, l *link, method string, params, result any) error {
	defer c.attend(ctx)()
	id, line, err := c.request(ctx, method, params)
	if err != nil {
		return err
	}
	answer, err := l.send(ctx, id, line, false)
	if err != nil {
		return err
	}
	return l.await(ctx, answer, result)
}

// send writes one request and returns where its reply will arrive.
func (c *Client) send(ctx context.Context, method string, params any) (*link, *answer, error) {
	id, line, err := c.request(ctx, method, params)
	if err != nil {
		return nil, nil, err
	}
	l, err := c.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	a, err := l.send(ctx, id, line, method == "watch")
	return l, a, err
}

// request makes the line of a request, and its id.
func (c *Client) request(ctx context.Context, method string, params any) (id uint64, line []byte, err error) {
	if ctx.Err() != nil {
		return 0, nil, context.Cause(ctx)
	}
	id = c.last.Add(1)
	line, err = encode(id, method, params)
	return id, line, err
}

// encode makes the line of a request, unless the supervisor would not read it.
func encode(id uint64, method string, params any) ([]byte, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("cannot encode request: %w", err)
	}
	if replaced(raw) {
		return nil, task.Errorf(task.ErrUsage, "", "the request has text that is not UTF-8")
	}
	line, err := json.Marshal(protocol.Request{JSONRPC: "2.0", ID: fmt.Append(nil, id), Method: method, Params: raw})
	if err != nil {
		return nil, fmt.Errorf("cannot encode request: %w", err)
	}
	if line = append(line, '\n'); len(line) > protocol.MaxLine {
		return nil, task.Errorf(task.ErrUsage, "", "the request has %d bytes, at most %d are allowed: shorten the command or the environment, or name fewer tasks", len(line), protocol.MaxLine)
	}
	return line, nil
}

// replaced reports whether encoding/json has put U+FFFD, as an escape, in the place
// of what is not UTF-8 text. One that is in the text is written as it is.
func replaced(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(raw[i:], []byte(`\ufffd`)) {
			return true
		}
		i++ // what is escaped
	}
	return false
}

// Connect opens the connection, as the first request would.
func (c *Client) Connect(ctx context.Context) error {
	_, err := c.connect(ctx)
	return err
}

// connect is the shared connection, opened by one caller while the others wait.
func (c *Client) connect(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		if c.link != nil && !c.link.broken() {
			defer c.mu.Unlock()
			return c.link, nil
		}
		if c.dialing == nil {
			break
		}
		dialing := c.dialing
		c.mu.Unlock()
		select {
		case <-dialing:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c.dialing = make(chan struct{})
	c.mu.Unlock()
	conn, err := c.dial(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dialing)
	c.dialing = nil
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	c.link = newLink(conn)
	return c.link, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	if c.Dial != nil {
		conn, err := c.Dial(ctx)
		if conn == nil && err == nil {
			err = task.Errorf(task.ErrUsage, "", "Dial has opened no connection")
		}
		return conn, err
	}
	path := c.Socket
	if path == "" {
		p, err := socket.Locate("", "", os.Getenv, os.Getuid())
		if err != nil {
			return nil, err
		}
		conn, err := socket.Dial(ctx, p.Socket)
		if err == nil || !errors.Is(err, task.ErrUnavailable) {
			return conn, err
		}
		if path = p.Fallback(); path == "" {
			return nil, cmp.Or(p.Elsewhere(), err)
		}
	}
	return socket.Dial(ctx, path)
}
