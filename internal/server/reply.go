package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"runtime"
	"syscall"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// tasks is a result of many tasks. They are shared with the supervisor and with
// other replies, and are encoded one after the other as the peer reads them: so
// that a reply takes up little memory however long it is, and however slow its peer.
type tasks struct {
	shared []*task.Info
	add    func(t *task.Info) (done func()) // adds to a copy what was asked for; done: it was written; nil: nothing
}

// writeTo writes an array.
func (ts tasks) writeTo(w *bufio.Writer) error {
	w.WriteByte('[')
	for i, t := range ts.shared {
		if i > 0 {
			w.WriteByte(',')
		}
		if err := ts.write(w, t); err != nil {
			return err
		}
	}
	return w.WriteByte(']')
}

func (ts tasks) write(w *bufio.Writer, t *task.Info) error {
	if ts.add == nil {
		return encode(w, t)
	}
	own := *t
	defer ts.add(&own)()
	return encode(w, &own)
}

// late makes a result when its reply has its turn to be written, so that it takes up no memory
// before. done is called when it was written, also after an error.
type late func() (result any, done func(), err error)

// failedReply is the reply to a request that has failed. The tasks are the ones that it did
// reach.
type (
	failedReply struct {
		protocol.Reply
		Error *failure `json:"error"`
	}
	failure struct {
		*protocol.Error
		Data failureData `json:"data"`
	}
	failureData struct {
		*protocol.ErrorData
		Tasks streamed `json:"tasks,omitempty"`
	}
)

func failureOf(err *protocol.Error, result any) *failure {
	f := &failure{err, failureData{ErrorData: err.Data}}
	if ts, ok := result.(tasks); ok && len(ts.shared) > 0 {
		f.Data.Tasks = ts
	}
	return f
}

var null = json.RawMessage("null")

// reply writes one reply.
func (c *conn) reply(id json.RawMessage, result any, err error) {
	if id == nil {
		id = null
	}
	r := protocol.Reply{JSONRPC: "2.0", ID: id}
	c.write(func(w *bufio.Writer) error {
		if make, is := result.(late); is && err == nil {
			var done func()
			result, done, err = make()
			defer done()
		}
		if err == nil {
			r.Result = result
			return encode(w, &r)
		}
		return encode(w, &failedReply{r, failureOf(wireError(err), result)})
	})
}

func wireError(err error) *protocol.Error {
	var own *protocol.Error
	if errors.As(err, &own) && own.Data != nil {
		return own
	}
	return protocol.Errors([]error{err}, nil)
}

// write sends one line, which of writes but for its newline. If it cannot, the
// connection ends. Lines are encoded under the lock, one at a time.
func (c *conn) write(of func(*bufio.Writer) error) error {
	c.writers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	err := of(c.w)
	if err == nil {
		err = c.w.WriteByte('\n')
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

// flush waits until nobody writes, or is about to.
func (c *conn) flush() {
	for {
		c.mu.Lock() // in its turn among them
		writers := c.writers.Load()
		c.mu.Unlock()
		if writers == 0 {
			return
		}
		runtime.Gosched()
	}
}

// patient writes to a peer that may pause in its reading for writeTimeout.
type patient struct{ nc net.Conn }

func (p patient) Write(b []byte) (int, error) {
	p.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.nc.Write(b)
}
