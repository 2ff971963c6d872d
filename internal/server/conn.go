package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/internal/protocol"
)

// conn is one connection: one goroutine reads and begins requests in order,
// each then finishes and replies in its own.
type conn struct {
	srv    *Server
	nc     net.Conn
	ctx    context.Context // of waits and watches: ends with the connection
	cancel context.CancelFunc
	slots  chan struct{} // requests in flight

	stopped atomic.Bool // nothing more is to be read

	mu      sync.Mutex // of the writing side
	w       *bufio.Writer
	writers atomic.Int32 // who writes or is about to: the last one flushes
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, slots: make(chan struct{}, maxInFlight), w: bufio.NewWriter(nc)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// begin starts a request; the function it returns waits for its end.
type begin func(c *conn, id, params json.RawMessage) (finish func() (any, error), err error)

func (c *conn) serve() {
	var open sync.WaitGroup
	lines := protocol.NewLines(c.nc, protocol.MaxLine)
	for {
		line, err := lines.Next()
		if err == protocol.ErrLine {
			c.reply(nil, nil, err)
			continue
		}
		if err != nil {
			break
		}
		c.takeSlot()
		req, finish, err := c.begin(line)
		open.Go(func() {
			defer func() { <-c.slots }()
			var result any
			if err == nil {
				result, err = finish()
			}
			if result == streaming {
				return
			}
			if req.ID != nil || req.Method == "" {
				c.reply(req.ID, result, err)
			}
		})
	}
	// The end of input alone still wants its answers; a peer that is gone
	// does not wait any longer.
	go c.awaitHangup()
	open.Wait()
	c.cancel()
	c.nc.Close()
}

// takeSlot waits until one more request may be in flight. Nothing is read
// meanwhile, so that a peer which goes away must be noticed otherwise: its
// waits would hold their slots for good.
func (c *conn) takeSlot() {
	select {
	case c.slots <- struct{}{}:
		return
	default:
	}
	if !c.seesHangup() {
		c.slots <- struct{}{}
		return
	}
	var watching sync.WaitGroup
	watching.Go(c.awaitHangup)
	c.slots <- struct{}{}
	c.nc.SetReadDeadline(past)
	watching.Wait()
	c.nc.SetReadDeadline(time.Time{})
	if c.stopped.Load() {
		c.nc.SetReadDeadline(past)
	}
}

var past = time.Unix(1, 0)

// stopReading makes the reader see the end of input.
func (c *conn) stopReading() {
	c.stopped.Store(true)
	c.nc.SetReadDeadline(past)
}

func (c *conn) begin(line []byte) (protocol.Request, func() (any, error), error) {
	req, err := protocol.ParseRequest(line)
	if err != nil {
		return req, nil, err
	}
	m, ok := methods[req.Method]
	if !ok {
		return req, nil, &protocol.Error{Code: protocol.CodeMethod, Message: "no such method: " + clip(req.Method, 64)}
	}
	finish, err := m(c, req.ID, req.Params)
	return req, finish, err
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

var null = json.RawMessage("null")

// reply writes one reply.
func (c *conn) reply(id json.RawMessage, result any, err error) {
	if id == nil {
		id = null
	}
	r := protocol.Reply{JSONRPC: "2.0", ID: id, Result: result}
	if err != nil {
		r.Result, r.Error = nil, wireError(err)
	}
	c.write(r)
}

func wireError(err error) *protocol.Error {
	var own *protocol.Error
	if errors.As(err, &own) && own.Data != nil {
		return own
	}
	return protocol.Errors([]error{err}, nil)
}

// write sends one object as a line. If it cannot, the connection ends.
func (c *conn) write(v any) error {
	c.writers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	// Encoded under the lock, so that one reply at a time is in memory.
	b, err := json.Marshal(v)
	if err == nil {
		c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err = c.w.Write(append(b, '\n'))
	}
	if c.writers.Add(-1) == 0 && err == nil {
		err = c.w.Flush()
	}
	if err != nil {
		c.cancel()
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			c.nc.Close()
		} // else what the peer sent before it went is still read, and carried out
	}
	return err
}
