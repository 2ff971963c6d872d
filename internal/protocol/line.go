package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxReply is the longest line, in bytes, that a client reads: more than the list of
// all tasks that a supervisor may have.
const MaxReply = 1 << 30

// ErrLine is the error for a line over the limit.
var ErrLine = &Error{Code: CodeRequest, Message: fmt.Sprintf("a request has at most %d bytes", MaxLine)}

// keepBuffer is the most, in bytes, that Lines keeps from one line to the next.
const keepBuffer = 32 << 10

// Lines reads lines of a bounded length.
type Lines struct {
	// Long is called before a line outgrows 32 KiB, and with false if it is then
	// skipped since it is too long.
	Long func(bool)
	// Whole is set where the rest at the end of input is no line, but an
	// io.ErrUnexpectedEOF: its sender was cut off.
	Whole bool

	r   *bufio.Reader
	max int
	buf []byte
}

// NewLines reads lines of at most max bytes from r; 0: of any length.
func NewLines(r io.Reader, max int) *Lines { return &Lines{r: bufio.NewReader(r), max: max} }

// Next is the next line that is not blank, without its newline; it is valid
// until the next call. A line that is too long is skipped to its end and gives ErrLine;
// reading continues after it. At the end of input the rest counts as a line, unless Whole
// is set.
func (l *Lines) Next() ([]byte, error) {
	for {
		line, err := l.line()
		if line = bytes.TrimSpace(line); len(line) > 0 && err == nil {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (l *Lines) line() ([]byte, error) {
	if l.buf = l.buf[:0]; cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	long, told := false, false // longer than it may be; than what it may keep
	tell := func(more bool) {
		if more != told && l.Long != nil {
			l.Long(more)
		}
		told = more
	}
	for {
		part, err := l.r.ReadSlice('\n')
		size := len(l.buf) + len(part)
		if l.max > 0 && size > l.max && !long {
			long, l.buf = true, nil
			tell(false)
		}
		if !long {
			if err == nil && len(l.buf) == 0 {
				return part, nil
			}
			if size > keepBuffer {
				tell(true)
			}
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long && (err == nil || errors.Is(err, io.EOF)):
			l.buf = nil
			return nil, ErrLine
		case errors.Is(err, io.EOF) && len(l.buf) > 0 && l.Whole:
			return nil, io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			return l.buf, nil
		default:
			return l.buf, err
		}
	}
}

// ParseRequest reads one request from a line that is not blank. The error is an
// *Error to reply with, to the request's own id where that could be read: then
// the id is all that is returned.
func ParseRequest(line []byte) (Request, error) {
	if !json.Valid(line) {
		return Request{}, &Error{Code: CodeParse, Message: "not JSON: send one JSON-RPC 2.0 object per line"}
	}
	bad := func(why string) error {
		return &Error{Code: CodeRequest, Message: "not a JSON-RPC 2.0 request: " + why}
	}
	if line[0] != '{' {
		return Request{}, bad("send one object per line")
	}
	// Of the envelope, what JSON-RPC does not know is passed over.
	all, err := members(line)
	if err != nil {
		return Request{}, bad(err.Error())
	}
	if len(all["id"]) > MaxID {
		return Request{}, bad(fmt.Sprintf("id has more than %d bytes", MaxID))
	}
	r := Request{ID: bytes.Clone(all["id"]), Params: bytes.Clone(all["params"])} // line is not theirs to keep
	if !plainID(r.ID) {
		return Request{}, bad("id is neither text nor a number")
	}
	if r.ID != nil && check(r.ID, nil) != nil {
		return Request{}, bad("id is not UTF-8 text")
	}
	for _, of := range []struct {
		key  string
		text *string
	}{{"jsonrpc", &r.JSONRPC}, {"method", &r.Method}} {
		if err := readText(all[of.key], of.text); err != nil {
			return Request{ID: r.ID}, bad(of.key + err.Error())
		}
	}
	switch {
	case r.JSONRPC != "2.0":
		return Request{ID: r.ID}, bad(`jsonrpc is not "2.0"`)
	case r.Method == "":
		return Request{ID: r.ID}, bad("there is no method")
	}
	return r, nil
}

// readText reads a text of the envelope, if it is there.
func readText(v json.RawMessage, text *string) error {
	if v == nil {
		return nil
	}
	if err := check(v, nil); err != nil {
		return err
	}
	if err := json.Unmarshal(v, text); err != nil {
		return errors.New(plain(err))
	}
	return nil
}

// plainID tells what an id may be: absent, null, text or a number.
func plainID(id json.RawMessage) bool {
	return len(id) == 0 || id[0] != '{' && id[0] != '[' && id[0] != 't' && id[0] != 'f'
}
