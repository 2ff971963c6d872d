package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
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
	add    func(t *task.Info) // adds to a copy what was asked for; nil: nothing
}

// writeTo writes an array.
func (ts tasks) writeTo(w *bufio.Writer) error {
	sep := byte('[')
	for _, t := range ts.shared {
		if ts.add != nil {
			own := *t
			ts.add(&own)
			t = &own
		}
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		w.WriteByte(sep)
		if _, err := w.Write(b); err != nil {
			return err
		}
		sep = ','
	}
	if sep == '[' {
		w.WriteByte(sep)
	}
	return w.WriteByte(']')
}

var null = json.RawMessage("null")

// reply writes one reply. The tasks of a request that has failed are those that it
// did reach.
func (c *conn) reply(id json.RawMessage, result any, err error) {
	if id == nil {
		id = null
	}
	r := protocol.Reply{JSONRPC: "2.0", ID: id, Result: result}
	ts, many := result.(tasks)
	if many {
		r.Result = []task.Info{}
	}
	if err != nil {
		r.Result, r.Error = nil, wireError(err)
	}
	c.write(func(w *bufio.Writer) error {
		b, err := json.Marshal(r)
		switch {
		case err != nil:
			return err
		case many && r.Error == nil: // they are the last of the reply
			w.Write(b[:len(b)-len("[]}")])
			ts.writeTo(w)
			w.WriteString("}")
		case many && len(ts.shared) > 0: // the last of its error's data
			w.Write(b[:len(b)-len("}}}")])
			w.WriteString(`,"tasks":`)
			ts.writeTo(w)
			w.WriteString("}}}")
		default:
			w.Write(b)
		}
		return w.WriteByte('\n')
	})
}

func wireError(err error) *protocol.Error {
	var own *protocol.Error
	if errors.As(err, &own) && own.Data != nil {
		return own
	}
	return protocol.Errors([]error{err}, nil)
}

// write sends one line, which of writes to its last byte. If it cannot, the
// connection ends. Lines are encoded under the lock, one at a time.
func (c *conn) write(of func(*bufio.Writer) error) error {
	c.writers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	err := of(c.w)
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

// patient writes to a peer that may pause in its reading for writeTimeout.
type patient struct{ nc net.Conn }

func (p patient) Write(b []byte) (int, error) {
	p.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.nc.Write(b)
}
