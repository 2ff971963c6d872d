package server

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/task"
)

// over waits until no connection is left, and with it none of its goroutines.
func (h *host) over(t testing.TB) {
	t.Helper()
	h.left(t, 0)
}

// left waits until as many connections are left.
func (h *host) left(t testing.TB, n int) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(time.Minute); ; <-look.C {
		h.srv.mu.Lock()
		left := len(h.srv.conns)
		h.srv.mu.Unlock()
		if left == n {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a connection is left")
		}
	}
}

func TestEndOfInput(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	p := h.dial(t)
	last := request(2, "list")
	if _, err := p.nc.Write([]byte(request(1, "wait", `{"names":["a"]}`) + last[:len(last)-1])); err != nil { // as printf without its newline
		t.Fatal(err)
	}
	p.endInput()
	if m := p.recv(); string(m.ID) != "2" || len(m.tasks(t)) != 1 {
		t.Errorf("%+v", m)
	}
	if _, err := h.sup.Stop(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if m := p.recv(); string(m.ID) != "1" || m.tasks(t)[0].State != task.Stopped {
		t.Errorf("%+v", m)
	}
	p.expectEnd()
	h.over(t)
}

func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	for name, send := range map[string]func(p *peer){
		"wait": func(p *peer) {
			p.ask(1, "wait", `{"names":["a"]}`)
			p.ask(2, "list")
			p.recv()
		},
		"watch": func(p *peer) {
			p.ask(1, "watch")
			p.recv()
		},
		"half-closed before": func(p *peer) {
			p.ask(1, "wait", `{"names":["a"]}`)
			p.ask(2, "list")
			p.endInput()
			p.recv()
		},
		"with more than may be in flight": func(p *peer) {
			p.ask(-1, "list")
			p.recv()
			p.send(strings.Repeat(request(1, "wait", `{"names":["a"]}`), 2*maxInFlight))
		},
	} {
		p := h.dial(t)
		send(p)
		p.nc.Close()
		t.Log(name)
		h.over(t)
	}
	if info, err := h.sup.Info("a"); err != nil || info.State != task.Running {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestStopOutlivesItsClient(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.fake.AutoStop(false)
	if _, err := h.sup.Start(t.Context(), task.Spec{Name: "a", Command: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	run := h.fake.Next(t)
	h.fake.AutoStop(true)
	p := h.dial(t)
	p.ask(1, "stop", `{"names":["a"]}`)
	p.ask(2, "start", `{"name":"b","command":["x"]}`)
	p.nc.Close()
	if sig := <-run.Stops(); sig != syscall.SIGTERM {
		t.Errorf("stopped with %v", sig)
	}
	h.until(t, "b", func(i task.Info) bool { return i.State == task.Running })
	run.Exit(task.Exit{}, false)
	h.until(t, "a", func(i task.Info) bool { return i.State == task.Stopped })
	h.over(t)
}

// A change that waits for its turn, and whose client has gone, keeps nothing once a later one
// takes its place.
func TestClientOfAChangeGoesAway(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.fake.Hold(true)
	apply := func(p *peer, id string) {
		p.ask(1, "apply", fmt.Sprintf(`{"change":%q,"tasks":[{"name":"a","command":[%q],"cwd":"/"}],"commit":{"file":"/tasks.yaml","prune":true}}`, id, id))
	}
	first, last := h.dial(t), h.dial(t)
	apply(first, "1")
	run := h.fake.Next(t)
	for i := range 20 {
		p := h.dial(t)
		apply(p, fmt.Sprint("gone", i))
		p.ask(2, "list")
		p.recv()
		p.nc.Close()
	}
	apply(last, "2")
	h.left(t, 2)
	if staged := h.srv.staged.Load(); staged <= 0 || staged > 10<<10 {
		t.Errorf("%d bytes of changes are kept", staged)
	}
	h.fake.Hold(false)
	run.Begin()
	first.recv()
	last.recv()
	if again := h.fake.Next(t).Launch; again.Run != 2 || again.Spec.Command[0] != "2" {
		t.Errorf("%+v", again)
	}
}

// Who sends and goes at once has still asked.
func TestSendAndGo(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range 50 {
		name := fmt.Sprint("t", i)
		h.goTask(t, name)
		p := h.dial(t)
		p.send(strings.Repeat(request(1, "list"), 50) + request(2, "stop", fmt.Sprintf(`{"names":[%q]}`, name)))
		p.nc.Close()
		h.until(t, name, func(i task.Info) bool { return i.State == task.Stopped })
	}
	h.over(t)
}

func TestClose(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	silent, waiting, watching, full, late := h.dial(t), h.dial(t), h.dial(t), h.dial(t), h.dial(t)
	silent.send("")
	waiting.ask(1, "wait", `{"names":["a"]}`)
	waiting.ask(2, "list")
	waiting.recv()
	watching.ask(1, "watch")
	watching.recv()
	full.send(strings.Repeat(request(1, "wait", `{"names":["a"]}`), maxInFlight+10))
	late.ask(1, "list")
	late.recv()
	read := make(chan bool)
	go func() {
		io.Copy(io.Discard, full.r) // what it had asked is answered
		close(read)
	}()
	h.srv.Close(t.Context())
	<-read
	silent.expectEnd()
	if m := watching.recv(); m.kind() != "unavailable" {
		t.Errorf("%+v", m)
	}
	watching.expectEnd()
	late.expectEnd()
	if m := waiting.recv(); m.kind() != "unavailable" {
		t.Errorf("%+v", m)
	}
	waiting.expectEnd()
	h.over(t)
	p := h.dial(t) // the listener is not the server's
	p.expectEnd()
}

// Who waits on a supervisor that leaves its tasks hears nothing that would say that
// they end with it.
func TestLeave(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	later := task.Spec{Name: "later", Command: []string{"x"}, When: task.When{Delay: new(task.Duration(time.Hour))}}
	if _, err := h.sup.Start(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	waiting, watching := h.dial(t), h.dial(t)
	waiting.ask(1, "wait", `{"names":["later"]}`)
	waiting.ask(2, "list")
	waiting.recv()
	watching.ask(1, "watch", `{"names":["none"]}`)
	watching.recv()
	if _, err := h.sup.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	waiting.expectEnd()
	watching.expectEnd()
	h.over(t)
}

// A request that does not finish in time continues, but nobody waits for it.
func TestCloseInTime(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.fake.AutoStop(false)
	if _, err := h.sup.Start(t.Context(), task.Spec{Name: "a", Command: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	run := h.fake.Next(t)
	p := h.dial(t)
	p.ask(1, "stop", `{"names":["a"]}`)
	<-run.Stops()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.srv.Close(ctx)
	p.expectEnd()
	run.Exit(task.Exit{}, false)
	h.over(t)
}

// Flush waits for what is being read, and for nothing that is being carried out.
func TestFlush(t *testing.T) {
	t.Parallel()
	for _, reads := range []bool{true, false} {
		h := newHost(t)
		h.fake.AutoStop(false)
		if _, err := h.sup.Start(t.Context(), task.Spec{Name: "a", Command: []string{strings.Repeat("x", 1<<20)}}); err != nil {
			t.Fatal(err)
		}
		run := h.fake.Next(t)
		slow, watching, stopping := h.dial(t), h.dial(t), h.dial(t)
		slow.send(strings.Repeat(request(1, "list"), 3))
		watching.ask(1, "watch", `{"names":["none"]}`)
		watching.recv()
		stopping.ask(1, "stop", `{"names":["a"]}`)
		<-run.Stops()
		if _, err := slow.r.Peek(1); err != nil { // more than fits is being written
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		flushed := make(chan struct{})
		go func() {
			h.srv.Flush(ctx)
			close(flushed)
		}()
		watching.recv()
		watching.expectEnd()
		select {
		case <-flushed:
			t.Error("nobody has read that")
		default:
		}
		if reads {
			for range 3 {
				slow.recv()
			}
		} else {
			cancel()
		}
		<-flushed
		cancel()
		if _, err := io.Copy(io.Discard, slow.r); (err == nil) != reads && err != nil {
			t.Errorf("reads: %v; %v", reads, err)
		}
		run.Exit(task.Exit{}, false)
		if m := stopping.recv(); m.tasks(t)[0].State != task.Stopped {
			t.Errorf("%+v", m)
		}
		stopping.expectEnd()
		h.over(t)
	}
}

// The end of the supervisor is the end of a watch and of its connection.
func TestSupervisorEnds(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	p := h.dial(t)
	p.ask(1, "watch")
	p.recv()
	h.sup.Close(t.Context())
	if _, err := io.Copy(io.Discard, p.r); err != nil {
		t.Error(err)
	}
	h.over(t)
}
