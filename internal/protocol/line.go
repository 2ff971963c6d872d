package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrLine is the error for a line over the limit.
var ErrLine = &Error{Code: CodeRequest, Message: fmt.Sprintf("a request has at most %d bytes", MaxLine)}

// Lines reads lines of a bounded length.
type Lines struct {
	r   *bufio.Reader
	max int
	buf []byte
}

// NewLines reads lines of at most max bytes from r; 0: of any length.
func NewLines(r io.Reader, max int) *Lines { return &Lines{r: bufio.NewReader(r), max: max} }

// Next is the next line that is not blank, without its newline; it is valid
// until the next call. A line that is too long is skipped to its end and gives
// ErrLine; reading goes on after it. At the end of input the rest counts as a line.
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
	l.buf = l.buf[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if l.max > 0 && len(l.buf)+len(part) > l.max {
			long = true
		}
		if !long {
			if err == nil && len(l.buf) == 0 {
				return part, nil
			}
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long && (err == nil || errors.Is(err, io.EOF)):
			l.buf = nil
			return nil, ErrLine
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			return l.buf, nil
		default:
			return l.buf, err
		}
	}
}

// ParseRequest reads one request. The error is an *Error to reply with, to the
// request's own id where that could be read.
func ParseRequest(line []byte) (Request, error) {
	var r Request
	if !json.Valid(line) {
		return Request{}, &Error{Code: CodeParse, Message: "not JSON: send one JSON-RPC 2.0 object per line"}
	}
	bad := func(why string) error {
		return &Error{Code: CodeRequest, Message: "not a JSON-RPC 2.0 request: " + why}
	}
	if line[0] != '{' {
		return Request{}, bad("send one object per line")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return Request{}, bad(plain(err))
	}
	if len(r.ID) > 0 && r.ID[0] != '"' && r.ID[0] != '-' && (r.ID[0] < '0' || r.ID[0] > '9') && string(r.ID) != "null" {
		return Request{}, bad("id is neither text nor a number")
	}
	switch {
	case r.JSONRPC != "2.0":
		return r, bad(`jsonrpc is not "2.0"`)
	case r.Method == "":
		return r, bad("there is no method")
	}
	return r, nil
}
