package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"tasks/internal/escape"
	"tasks/pkg/task"
)

// forgetfulSupervisor has a task x that runs when it is first asked. Its end is among
// the events that are missed.
func forgetfulSupervisor(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for n := 1; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			line := bufio.NewScanner(conn)
			line.Scan()
			var r struct{ ID json.RawMessage }
			json.Unmarshal(line.Bytes(), &r)
			if n > 1 {
				fmt.Fprintf(conn, `{"jsonrpc":"2.0","id":%s,"result":[{"name":"x","state":"failed","run":1,"exit_code":3},{"name":"y","state":"done","run":1,"exit_code":0}]}`+"\n", r.ID)
				continue
			}
			fmt.Fprintf(conn, `{"jsonrpc":"2.0","id":%s,"result":[{"name":"x","state":"starting","run":1},{"name":"y","state":"running","run":1}]}`+"\n", r.ID)
			fmt.Fprintf(conn, `{"jsonrpc":"2.0","method":"event","params":{"watch":%s,"seq":3,"missed":2,"task":{"name":"y","state":"running","run":1}}}`+"\n", r.ID)
		}
	}()
	return socket
}

// A command that waits for the end of a task looks again if it missed the event.
func TestMissedEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, tt := range []struct {
		what string
		wait func(*env) error
	}{
		{"logs -f", func(e *env) error {
			events := make(chan task.Event)
			watching, done := context.WithCancel(ctx)
			defer done()
			go e.watch(watching, task.Selector{}, events)
			for {
				select {
				case ev := <-events:
					if ev.Task.Name == "x" && ev.Task.State.Ended() {
						return nil
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}},
		{"each --wait", func(e *env) error {
			err := e.waitForBatch(ctx, &e.client, newBatch(time.Now(), []task.Info{{Name: "x"}, {Name: "y"}}))
			if codeOf(err) == 3 {
				return nil
			}
			return fmt.Errorf("exit code %d, %w", codeOf(err), err)
		}},
	} {
		e := newEnv()
		e.out, e.err = escape.NewWriter(t.Output()), escape.NewWriter(t.Output())
		e.tty, e.errTTY = false, false
		e.socket = forgetfulSupervisor(t)
		if _, err := e.dial(); err != nil {
			t.Fatal(err)
		}
		if err := tt.wait(e); err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		e.close()
	}
}
