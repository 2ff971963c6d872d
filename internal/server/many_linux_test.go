package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Clients that say nothing, or half of something, hold up nobody.
func TestIdleClients(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 4096 {
		t.Skip("needs 4,096 descriptors")
	}
	h := newHost(t)
	h.goTask(t, "a", "b")
	list := func(p *peer) time.Duration {
		began := time.Now()
		p.ask(1, "list")
		if got := p.recv().tasks(t); len(got) != 2 {
			t.Fatalf("%+v", got)
		}
		return time.Since(began)
	}
	p := h.dial(t)
	list(p)
	alone := list(p)
	for range 500 {
		h.dial(t)
	}
	for range 1000 {
		q := h.dial(t)
		if _, err := q.nc.Write([]byte(`{"jsonrpc":"2.0","id":1,"meth`)); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	fresh := h.dial(t)
	list(fresh)
	t.Logf("a list takes %v alone, %v beside 1,500 idle clients, %v with its dial", alone, list(p), time.Since(began))
}

func TestLargeList(t *testing.T) {
	t.Parallel()
	const n = 5000
	h := newHost(t)
	calls := make([]*supervisor.Call, n)
	for i := range calls {
		spec := &task.Spec{Name: fmt.Sprintf("t%04d", i), Command: []string{"x"}}
		calls[i] = h.sup.Submit(supervisor.Start(*spec))
	}
	for _, c := range calls {
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p := h.dial(t)
	began := time.Now()
	p.ask(1, "list")
	line, err := p.r.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes in %v", len(line), time.Since(began))
	if got := bytes.Count(line, []byte(`"state":"running"`)); got != n {
		t.Errorf("%d tasks", got)
	}
	p.ask(2, "stop", `{"all":true}`)
	if got := p.recv().tasks(t); len(got) != n || got[n-1].Name != "t4999" || got[n-1].State != task.Stopped {
		t.Errorf("stopped %d", len(got))
	}
}

func TestForeignUserIsRefused(t *testing.T) {
	t.Parallel()
	const nobody = 65534
	if syscall.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	sup := supervisor.New(supervisor.Options{})
	defer sup.Close(context.Background())
	l, err := net.Listen("unix", fmt.Sprintf("@tasks-%d-%d", syscall.Getpid(), time.Now().UnixNano())) // abstract: no file modes in the way
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	try := func(owner, client int) bool {
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, owner)
		defer srv.Close(context.Background())
		answered := make(chan bool)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(client), uintptr(client), ^uintptr(0)); e != 0 {
				t.Error(e)
			}
			nc, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Error(err)
				close(answered)
				return
			}
			defer nc.Close()
			nc.Write([]byte(request(1, "list")))
			n, _ := nc.Read(make([]byte, 1))
			answered <- n == 1
		}()
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		srv.Handle(nc)
		return <-answered
	}
	for _, tt := range []struct {
		owner, client int
		want          bool
	}{{nobody, nobody, true}, {nobody, nobody - 1, false}, {0, nobody, false}, {nobody, 0, true}} {
		if got := try(tt.owner, tt.client); got != tt.want {
			t.Errorf("uid %d of a server of uid %d: answered = %v", tt.client, tt.owner, got)
		}
	}
}
