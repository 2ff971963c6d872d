package server

import (
	"bufio"
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
	"tasks/pkg/task"
)

// conn is one connection: one goroutine reads and begins requests in order,
// each then finishes and replies in its own.
type conn struct {
	srv    *Server
	nc     net.Conn
	ctx    context.Context // of waits and watches: ends with the connection
	cancel context.CancelFunc
	slots  chan struct{} // requests in flight

	inFlight atomic.Int32 // as many as slots has elements
	stopped  atomic.Bool  // nothing more must be read
	long     bool         // the request that is begun has the turn of a long line
	lasts    bool         // it may last for ever, and keeps little of its line
	kept     int64        // bytes that it will keep
	applying int64        // bytes of the change that it commits
	staged   *staged      // the change that is being sent; the reader's
	lineDone func()       // gives back the turn of the long line that is being read, or nil

	awaited sync.Map // temporary group → how often it has set that since it last started tasks there

	mu      sync.Mutex // of the writing side
	w       *bufio.Writer
	writers atomic.Int32 // who writes or is about to: the last one flushes
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, slots: make(chan struct{}, maxInFlight), w: bufio.NewWriterSize(patient{nc}, writeBuffer)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// requestStarter starts a request; the function it returns waits for its end.
type requestStarter func(c *conn, id, params json.RawMessage) (finish func() (any, error), err error)

func (c *conn) serve() {
	var open sync.WaitGroup
	lines := protocol.NewLines(c.nc, protocol.MaxLine)
	lines.Long = c.longLine
	for {
		line, err := lines.Next()
		if err == protocol.ErrLine {
			c.reply(nil, nil, err)
			continue
		}
		if c.lineDone != nil && errors.Is(err, os.ErrDeadlineExceeded) && !c.stopped.Load() {
			c.reply(nil, nil, &protocol.Error{Code: protocol.CodeRequest, Message: fmt.Sprintf("a request was not sent to its end within %s", lineTimeout)})
		}
		if err != nil {
			break
		}
		lineDone := c.lineDone
		if c.lineDone = nil; lineDone != nil {
			c.readUntil(time.Time{})
		}
		done := c.takeSlot()
		c.long, c.lasts = lineDone != nil, false
		req, finish, err := c.startRequest(line)
		kept, applying := c.kept, c.applying
		c.kept, c.applying = 0, 0
		if lineDone != nil && c.lasts {
			lineDone()
			lineDone = nil
		}
		open.Go(func() {
			defer done()
			defer c.srv.kept.Add(-kept)
			defer c.srv.staged.Add(-applying)
			if lineDone != nil {
				defer lineDone()
			}
			var result any
			if err == nil {
				result, err = finish()
				finish = nil // and what it keeps, before the reply is written
			}
			if result == streaming {
				return
			}
			if lineDone != nil {
				defer c.mustRead()()
			}
			if req.ID != nil || req.Method == "" {
				c.reply(req.ID, result, err)
			}
			c.srv.cfg.Answered()
		})
	}
	if c.lineDone != nil {
		c.lineDone()
	}
	c.unstage()
	// The end of input alone still wants its answers; a peer that is gone
	// does not wait any longer.
	go c.awaitHangup()
	open.Wait()
	c.unawaitAll()
	c.cancel()
	c.nc.Close()
}

// takeSlot waits until one more request may be in flight; done ends that. A connection has
// one in any case, and more from the ones that all connections share.
func (c *conn) takeSlot() (done func()) {
	slot, shared := c.acquire(c.slots), func() {}
	if c.inFlight.Add(1) > 1 {
		shared = c.acquire(c.srv.inFlight)
	}
	return func() {
		c.inFlight.Add(-1)
		shared()
		slot()
	}
}

// acquire takes a turn when there is one, unless the connection ends before. Nothing is
// read meanwhile, so a peer that goes away must be noticed otherwise: its waits would
// hold their slots for good.
func (c *conn) acquire(turns chan struct{}) (give func()) {
	give = func() { <-turns }
	select {
	case turns <- struct{}{}:
		return give
	default:
	}
	var watching sync.WaitGroup
	watches := c.seesHangup()
	if watches {
		watching.Go(c.awaitHangup)
	}
	select {
	case turns <- struct{}{}:
	case <-c.ctx.Done(): // nothing that begins now lasts
		give = func() {}
	}
	if watches {
		c.nc.SetReadDeadline(past)
		watching.Wait()
		c.readUntil(time.Time{})
	}
	return give
}

// longLine is called for a line that takes up memory, before it does, and for one that
// turned out to be too long.
func (c *conn) longLine(begins bool) {
	if begins { // also of a peer that has gone: what it sent to its end is carried out
		c.lineDone = func() {}
		select {
		case c.srv.longLines <- struct{}{}:
			c.lineDone = func() { <-c.srv.longLines }
		case <-c.srv.ctx.Done(): // and reading ends
		}
		c.readUntil(time.Now().Add(lineTimeout))
		return
	}
	c.lineDone()
	c.lineDone = nil
	c.readUntil(time.Time{})
}

// mustRead gives the peer a while to read what has a turn, which it would keep as
// long as it likes by reading a little now and then; read: it has.
func (c *conn) mustRead() (read func()) {
	late := time.AfterFunc(turnTimeout, func() { c.nc.Close() })
	return func() { late.Stop() }
}

// readUntil gives reads a deadline, unless nothing more must be read.
func (c *conn) readUntil(t time.Time) {
	c.nc.SetReadDeadline(t)
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

func (c *conn) startRequest(line []byte) (protocol.Request, func() (any, error), error) {
	req, err := protocol.ParseRequest(line)
	if err != nil {
		return req, nil, err
	}
	m, ok := methods[req.Method]
	if !ok {
		return req, nil, &protocol.Error{Code: protocol.CodeMethod, Message: "no such method: " + clip(req.Method, 64)}
	}
	c.lasts = req.Method == "wait" || req.Method == "watch" || req.Method == "logs"
	finish, err := m(c, req.ID, req.Params)
	req.Params = nil // is not kept
	return req, finish, err
}

// account accounts for what the request that is begun keeps until it is answered, or
// refuses it: the one beside which all that others keep is too much.
func (c *conn) account(size int) error {
	err := c.srv.keep(size)
	if err == nil {
		c.kept += int64(size)
	}
	return err
}

// keep accounts for what is kept until it is given back, or refuses it.
func (s *Server) keep(size int) error {
	if s.kept.Add(int64(size)) > maxKept {
		s.kept.Add(-int64(size))
		return task.Errorf(task.ErrUnavailable, "", "too much is waiting: requests in flight keep %d MiB of names and results at most: name fewer tasks, or end some clients", maxKept>>20)
	}
	return nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
