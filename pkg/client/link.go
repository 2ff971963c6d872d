package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// link is one connection and the requests under way on it.
type link struct {
	conn  net.Conn
	lines chan []byte   // to be written
	dead  chan struct{} // closed when the connection has ended

	mu      sync.Mutex // guards what follows
	answers map[uint64]*answer
	err     error // why the connection ended
}

// answer is where the reply to one request, and its events, arrive.
type answer struct {
	id      uint64
	replies chan *message
}

// message is what the supervisor sends: a reply, or an event.
type message struct {
	ID     uint64          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *protocol.Error `json:"error"`
	Params *struct {
		Watch uint64 `json:"watch"`
		task.Event
	} `json:"params"`
}

func (m *message) into(result any) error {
	if m.Error != nil {
		return m.Error
	}
	read := json.Unmarshal
	if _, many := result.(*[]task.Info); many {
		read = readTasks
	}
	if err := read(m.Result, result); err != nil {
		return badReply("%w", err)
	}
	return nil
}

func newLink(conn net.Conn) *link {
	l := &link{conn: conn, lines: make(chan []byte), dead: make(chan struct{}), answers: make(map[uint64]*answer)}
	go l.read()
	go l.write()
	return l
}

// send hands one line to the writer and returns where its reply will arrive. If
// ctx ends before that, nothing is sent.
func (l *link) send(ctx context.Context, id uint64, line []byte, stream bool) (*answer, error) {
	a := &answer{id: id, replies: make(chan *message, 1)}
	if stream {
		a.replies = make(chan *message, 64)
	}
	l.mu.Lock()
	l.answers[id] = a
	l.mu.Unlock()
	select {
	case l.lines <- line:
		return a, nil
	case <-l.dead:
		l.forget(a)
		return nil, l.lost()
	case <-ctx.Done():
		l.forget(a)
		return nil, context.Cause(ctx)
	}
}

// write sends the lines. A supervisor that does not read holds up this goroutine
// alone: callers go when their contexts end.
func (l *link) write() {
	for {
		select {
		case line := <-l.lines:
			if _, err := l.conn.Write(line); err != nil {
				l.fail(err)
				return
			}
		case <-l.dead:
			return
		}
	}
}

// read hands every message to who awaits it.
func (l *link) read() {
	lines := protocol.NewLines(l.conn, protocol.MaxReply)
	lines.Whole = true // half of a reply is a supervisor that was killed or replaced as it wrote
	for {
		line, err := lines.Next()
		if err == protocol.ErrLine {
			err = fmt.Errorf("a reply of the supervisor has more than %d bytes", protocol.MaxReply)
		}
		if err != nil {
			l.fail(err)
			return
		}
		m := new(message)
		if err := json.Unmarshal(line, m); err != nil {
			l.fail(badReply("%w", err))
			return
		}
		if m.ID == 0 && m.Error != nil { // it could not even read the request
			l.fail(m.Error)
			return
		}
		id := m.ID
		if m.Params != nil {
			id = m.Params.Watch
		}
		l.mu.Lock()
		a := l.answers[id]
		l.mu.Unlock()
		switch {
		case a == nil:
		case cap(a.replies) > 1: // a watch holds up only its own connection
			select {
			case a.replies <- m:
			case <-l.dead:
			}
		default:
			select {
			case a.replies <- m:
			default:
				l.fail(errors.New("the supervisor has answered a request twice"))
				return
			}
		}
	}
}

// receive waits for the next message to a.
func (l *link) receive(ctx context.Context, a *answer) (*message, error) {
	select {
	case m := <-a.replies:
		return m, nil
	case <-l.dead:
		select {
		case m := <-a.replies: // it came before the end
			return m, nil
		default:
			return nil, l.lost()
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// await reads the reply to a into result.
func (l *link) await(ctx context.Context, a *answer, result any) error {
	defer l.forget(a)
	m, err := l.receive(ctx, a)
	if err != nil {
		return err
	}
	return m.into(result)
}

func (l *link) forget(a *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.answers, a.id)
}

// fail ends the link, for the first reason that there is. That is noted before the
// connection is closed, which the other goroutine notices.
func (l *link) fail(err error) error {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
		close(l.dead)
	}
	l.mu.Unlock()
	return l.conn.Close()
}

func (l *link) close() error { return l.fail(net.ErrClosed) }

func (l *link) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

// ErrLost is, beside task.ErrUnavailable, the error of a request without an answer
// whose connection has ended: the supervisor was killed, replaced, or has left its
// tasks to the next one. One that ends with its tasks says so instead.
var ErrLost = errors.New("lost the connection to the supervisor")

// lostError is an ErrLost, and a task.ErrUnavailable.
type lostError struct{ err *task.Error }

func (e lostError) Error() string        { return e.err.Error() }
func (e lostError) Unwrap() error        { return e.err }
func (e lostError) Is(target error) bool { return target == ErrLost }

// lost is the error of a request whose reply will not come.
func (l *link) lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(l.err, io.EOF), errors.Is(l.err, io.ErrUnexpectedEOF):
		return lostError{task.Errorf(task.ErrUnavailable, "", "the supervisor closed the connection")}
	case errors.Is(l.err, syscall.ECONNRESET), errors.Is(l.err, syscall.EPIPE):
		return lostError{task.Errorf(task.ErrUnavailable, "", "%v: %v", ErrLost, l.err)}
	}
	return task.Errorf(task.ErrUnavailable, "", "%v: %v", ErrLost, l.err)
}
