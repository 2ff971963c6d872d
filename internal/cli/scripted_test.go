package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// A scripted supervisor answers each method, or request as in `list {"all":true}`, with a
// result, with an error where that begins with "error:", or not at all where that is "hangs".
type scripted map[string]string

// request is one that a scripted supervisor was sent.
type request struct {
	Method string
	Params json.RawMessage
}

func (r request) String() string { return strings.TrimSpace(r.Method + " " + string(r.Params)) }

// serve answers what comes over conn, and tells asked of each request.
func (s scripted) serve(conn net.Conn, asked func(request)) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var req struct {
			ID json.RawMessage
			request
		}
		json.Unmarshal(lines.Bytes(), &req)
		asked(req.request)
		answer, ok := s[req.String()]
		if !ok {
			answer, ok = s[req.Method]
		}
		failure, failed := strings.CutPrefix(answer, "error:")
		switch {
		case answer == "hangs":
			continue
		case !ok:
			answer = `"error":{"code":-32601,"message":"the script has no ` + req.Method + `"}`
		case failed:
			answer = `"error":` + failure
		default:
			answer = `"result":` + answer
		}
		fmt.Fprintf(conn, "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", req.ID, strings.Join(strings.Fields(answer), " "))
	}
}

// result is what became of a command.
type result struct {
	code      int
	out, errs string
	asked     []string // of the supervisor
}

// run runs a command against the scripted supervisor, as in a pipe.
func (s scripted) run(t *testing.T, args ...string) result {
	t.Helper()
	return s.with(t, func(*env) {}, args...)
}

// onTerminal is run on a terminal of that width.
func (s scripted) onTerminal(t *testing.T, width int, args ...string) result {
	t.Helper()
	return s.with(t, func(e *env) { e.tty, e.errTTY, e.width = true, true, width }, args...)
}

// with is run with what set changes.
func (s scripted) with(t *testing.T, set func(*env), args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	var mu sync.Mutex
	var r result
	e := newEnv()
	e.in, e.out, e.err, e.raw = strings.NewReader(""), &out, &errs, &out
	e.tty, e.errTTY, e.color = false, false, "never"
	e.client.Socket, e.client.Dial = "/nowhere", func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go s.serve(there, func(req request) {
			mu.Lock()
			defer mu.Unlock()
			r.asked = append(r.asked, req.String())
		})
		return here, nil
	}
	set(e)
	r.code = e.run(args)
	e.close()
	mu.Lock()
	defer mu.Unlock()
	r.out, r.errs = out.String(), errs.String()
	return r
}
