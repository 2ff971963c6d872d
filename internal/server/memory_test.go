package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// inUse is how many bytes the program holds on to.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one has finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// A reply that nobody reads takes up little, however long it is; others get theirs.
func TestReadersThatDoNotRead(t *testing.T) {
	h := newHost(t)
	arg := strings.Repeat("x", 10<<10)
	for i := range 1000 { // 10 MiB
		if _, err := h.sup.Start(t.Context(), task.Spec{Name: fmt.Sprintf("t%03d", i), Command: []string{arg}}); err != nil {
			t.Fatal(err)
		}
	}
	before := inUse()
	var stuck []*peer
	for i := range 20 {
		p := h.dial(t)
		p.ask(i, []string{"list", "watch", "get", "signal"}[i%4], `{"all":true`+[]string{`}`, `}`, `}`, `,"signal":"CONT"}`}[i%4])
		if _, err := p.r.Peek(1); err != nil { // its reply has begun
			t.Fatal(err)
		}
		stuck = append(stuck, p)
	}
	if grown := inUse() - before; grown > 16<<20 {
		t.Errorf("20 readers take up %d MiB", grown>>20)
	} else {
		t.Logf("20 readers take up %d KiB", grown>>10)
	}
	p := h.dial(t)
	p.ask(1, "list", `{"names":["t1*"]}`)
	if got := p.recv().tasks(t); len(got) != 100 {
		t.Errorf("%d tasks", len(got))
	}
	if got := stuck[19].recv().tasks(t); len(got) != 1000 || got[999].Name != "t999" {
		t.Errorf("%d tasks", len(got))
	}
}

func TestWatchersThatDoNotRead(t *testing.T) {
	h := newHost(t)
	const watchers, changes = 1000, 500
	arg := strings.Repeat("x", 32<<10) // a socket's buffer is soon full of them
	start := func(name, arg string) {
		if _, err := h.sup.Start(t.Context(), task.Spec{Name: name, Command: []string{arg}}); err != nil {
			t.Fatal(err)
		}
	}
	before := inUse()
	for i := range watchers {
		p := h.dial(t)
		p.ask(1, "watch")
		p.recv()
		if i%10 == 9 { // each holds up others of the changes
			start(fmt.Sprint("early", i), "x")
		}
	}
	open := inUse()
	for i := range changes / 2 { // starting, running
		start(fmt.Sprint("t", i), arg)
	}
	full := inUse()
	t.Logf("1,000 watchers take up %d KiB, and %d KiB more when they do not read", (open-before)>>10, (full-open)>>10)
	if full-before > 128<<20 {
		t.Errorf("1,000 watchers take up %d MiB", (full-before)>>20)
	}
}

// Long requests take turns, and one that is not sent to its end does not keep its
// turn; short ones pass them by.
func TestHalfSentLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		dial := func() net.Conn {
			here, there := net.Pipe()
			srv.Handle(there)
			return here
		}
		var sent atomic.Int32
		half := []byte(`{"jsonrpc":"2.0","id":1,"other":"` + strings.Repeat("x", 1<<20-100))
		const clients = 40
		refused := make(chan string, clients)
		var ends []net.Conn
		for range clients {
			nc := dial()
			ends = append(ends, nc)
			go func() {
				if _, err := nc.Write(half); err == nil {
					sent.Add(1)
				}
			}()
			go func() {
				reply, _ := io.ReadAll(nc)
				refused <- string(reply)
			}()
		}
		for turn := 1; turn <= 3; turn++ {
			synctest.Wait()
			if got, want := int(sent.Load()), min(turn*maxLongLines, clients); got != want {
				t.Errorf("%d lines were read, want %d", got, want)
			}
			nc := dial()
			io.WriteString(nc, request(1, "list"))
			var m message
			if err := json.NewDecoder(nc).Decode(&m); err != nil || m.Error != nil {
				t.Errorf("a short request: %+v, %v", m, err)
			}
			nc.Close()
			time.Sleep(lineTimeout)
		}
		for range clients {
			if reply := <-refused; !strings.Contains(reply, "not sent to its end within 30s") {
				t.Errorf("%q", reply)
			}
		}
		for _, nc := range ends {
			nc.Close()
		}
		nc := dial() // and a whole one has its turn
		go io.WriteString(nc, string(half)+`","method":"list"}`+"\n")
		var m message
		if err := json.NewDecoder(nc).Decode(&m); err != nil || m.Error != nil || string(m.ID) != "1" {
			t.Errorf("%+v, %v", m.Error, err)
		}
		nc.Close()
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}

// More connections than there may be are refused in words.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		var ends []net.Conn
		for range maxConns + 1 {
			here, there := net.Pipe()
			srv.Handle(there)
			ends = append(ends, here)
		}
		reply, err := io.ReadAll(ends[maxConns])
		if err != nil || !strings.Contains(string(reply), "-32003") || !strings.Contains(string(reply), "2048 connections") {
			t.Errorf("%s, %v", reply, err)
		}
		ends[0].Close()
		synctest.Wait()
		here, there := net.Pipe()
		srv.Handle(there)
		io.WriteString(here, request(1, "list"))
		var m message
		if err := json.NewDecoder(here).Decode(&m); err != nil || m.Error != nil {
			t.Errorf("%+v, %v", m, err)
		}
		for _, nc := range append(ends, here) {
			nc.Close()
		}
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}
