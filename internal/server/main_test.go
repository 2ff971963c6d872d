package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// host is a server on a socket, with a supervisor whose commands are faked.
type host struct {
	sup  *supervisor.Supervisor
	fake *enginetest.Fake
	srv  *Server
	path string
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{fake: enginetest.NewFake()}
	h.sup = supervisor.New(supervisor.Options{Commands: h.fake, Builtin: beat})
	h.serve(t, Config{}, os.Getuid())
	return h
}

// serve puts h.sup behind a socket until the test ends.
func (h *host) serve(t testing.TB, cfg Config, uid int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "server") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	h.path = filepath.Join(dir, "s")
	l, err := net.Listen("unix", h.path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Supervisor, cfg.Home = h.sup, "/home/me"
	if cfg.Info == nil {
		started := task.Now()
		cfg.Info = func() protocol.Info {
			return protocol.Info{Version: "1.0.0", PID: os.Getpid(), StartedAt: started, Socket: h.path, StateDir: dir}
		}
	}
	if cfg.Exit == nil {
		cfg.Exit = func(ctx context.Context, end supervisor.End, _ bool) ([]task.Info, error) {
			return h.sup.StopAll(ctx, end)
		}
	}
	cfg.Replace = func(protocol.Replace) error { return nil }
	h.srv = New(cfg, uid)
	go h.srv.Serve(l)
	t.Cleanup(func() {
		l.Close()
		h.sup.Close(context.Background())
		h.srv.Close(context.Background())
		os.RemoveAll(dir)
	})
}

// goTask begins a function that runs until its stop event.
func (h *host) goTask(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := h.sup.Go(name, func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for an event after which ok holds of the task, or for ok to hold.
func (h *host) until(t testing.TB, name string, ok func(task.Info) bool) {
	t.Helper()
	w := h.sup.Watch(0, func(i *task.Info) bool { return i.Name == name })
	defer w.Close()
	for {
		if info, err := h.sup.Info(name); err == nil && ok(info) {
			return
		}
		if _, more := w.Next(t.Context()); !more {
			t.Fatalf("%s never came to be so", name)
		}
	}
}

// peer is the other end of a connection, without any of our client's code.
type peer struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func (h *host) dial(t testing.TB) *peer {
	t.Helper()
	nc, err := net.Dial("unix", h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(5 * time.Minute)) // rather than hang; a busy machine takes its time
	return &peer{t, nc, bufio.NewReader(nc)}
}

// send writes text and, unless it has one, a newline after it.
func (p *peer) send(text string) {
	p.t.Helper()
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if _, err := p.nc.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a request with an id, and params where they are given.
func (p *peer) ask(id int, method string, params ...string) {
	p.t.Helper()
	p.send(request(id, method, params...))
}

func request(id int, method string, params ...string) string {
	more := ""
	if len(params) > 0 {
		more = `,"params":` + params[0]
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q%s}`+"\n", id, method, more)
}

// endInput is what `printf … | socat - UNIX-CONNECT:…` does at its end of input.
func (p *peer) endInput() {
	p.t.Helper()
	if err := p.nc.(*net.UnixConn).CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   *protocol.Error `json:"error"`
	Method  string          `json:"method"`
	Params  struct {
		Watch json.RawMessage `json:"watch"`
		task.Event
	} `json:"params"`
}

func (m message) tasks(t testing.TB) []task.Info {
	t.Helper()
	if m.Error != nil {
		t.Fatalf("reply to %s: %v", m.ID, m.Error)
	}
	var tasks []task.Info
	if err := json.Unmarshal(m.Result, &tasks); err != nil {
		t.Fatal(err)
	}
	return tasks
}

// kind is the word of the error, or "".
func (m message) kind() string {
	if m.Error == nil || m.Error.Data == nil {
		return ""
	}
	return m.Error.Data.Kind
}

func (p *peer) recv() message {
	p.t.Helper()
	line, err := p.r.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("no reply: %v", err)
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil || m.JSONRPC != "2.0" {
		p.t.Fatalf("reply %s: %v", line, err)
	}
	return m
}

// recvAll reads n replies, by id.
func (p *peer) recvAll(n int) map[string]message {
	p.t.Helper()
	got := make(map[string]message)
	for range n {
		m := p.recv()
		if _, twice := got[string(m.ID)]; twice {
			p.t.Fatalf("two replies to %s", m.ID)
		}
		got[string(m.ID)] = m
	}
	return got
}

// expectEnd reads the end of the connection and nothing before it.
func (p *peer) expectEnd() {
	p.t.Helper()
	if line, err := p.r.ReadString('\n'); err == nil || line != "" {
		p.t.Fatalf("got %q, want the end", line)
	} else if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		p.t.Fatal("the connection lives on")
	}
}
