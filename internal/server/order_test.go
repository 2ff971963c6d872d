package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func TestRequestsBeginInOrder(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	for i := range 200 {
		name := fmt.Sprintf("t%d", i)
		one := fmt.Sprintf(`{"names":[%q]}`, name)
		p.send(request(1, "start", fmt.Sprintf(`{"name":%q,"command":["x"]}`, name)) +
			request(2, "list", one) + request(3, "wait", fmt.Sprintf(`{"names":["%s*"]}`, name)) +
			request(4, "signal", `{"names":["zz"],"signal":"1"}`) + request(5, "stop", one))
		got := p.recvAll(5)
		if l := got["2"].tasks(t); len(l) != 1 || l[0].State.Ended() {
			t.Fatalf("list behind a start: %+v", l)
		}
		if got["3"].tasks(t)[0].State != task.Stopped || got["5"].tasks(t)[0].State != task.Stopped {
			t.Fatalf("wait and stop behind a start: %+v, %+v", got["3"], got["5"])
		}
		if m := got["1"]; m.Error != nil && m.kind() != "conflict" { // stopped before it had begun
			t.Fatalf("start: %+v", m.Error)
		}
		// Of an ended task too: the wait is for the new run, the first for the old one.
		p.send(request(1, "wait", one) + request(2, "start", one) + request(3, "wait", one) + request(4, "stop", one))
		got = p.recvAll(4)
		if old, next := got["1"].tasks(t)[0].Run, got["3"].tasks(t)[0].Run; old != 1 || next != 2 {
			t.Fatalf("waits ended with runs %d and %d", old, next)
		}
		p.send(request(1, "remove", one) + request(2, "list", one))
		if got = p.recvAll(2); got["1"].Error != nil || got["2"].kind() != "not_found" {
			t.Fatalf("list behind a remove: %+v", got)
		}
	}
}

func TestRepliesAsTheyAreReady(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	p := h.dial(t)
	p.ask(1, "wait", `{"names":["a"]}`)
	p.ask(2, "wait", `{"names":["a"],"for":"running"}`)
	p.ask(3, "list")
	for range 2 {
		if m := p.recv(); string(m.ID) == "1" {
			t.Fatal("the wait did not wait")
		}
	}
	p.ask(4, "stop", `{"all":true}`)
	if got := p.recvAll(2); got["1"].tasks(t)[0].State != task.Stopped || got["4"].Error != nil {
		t.Errorf("%+v", got)
	}
}

// More than the limit are read and answered in the end, and none is refused.
func TestManyInFlight(t *testing.T) {
	t.Parallel()
	const n = 4 * maxInFlight
	h := newHost(t)
	h.goTask(t, "a")
	p := h.dial(t)
	var all strings.Builder
	for i := range n {
		all.WriteString(request(i, "wait", `{"names":["a"]}`))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := p.nc.Write([]byte(all.String()))
		sent <- err
	}()
	if _, err := h.sup.Stop(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for id, m := range p.recvAll(n) {
		if m.Error != nil {
			t.Fatalf("%s: %v", id, m.Error)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	p.endInput()
	p.expectEnd()
}

func TestOneOfEverything(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	h.fake.FailNext(fmt.Errorf(`exec "nope": executable file not found in $PATH`))
	p := h.dial(t)
	ask := func(method, params string) message {
		t.Helper()
		p.ask(1, method, params)
		return p.recv()
	}
	kind := func(want string, code int, m message) {
		t.Helper()
		if m.kind() != want || m.Error.Code != code {
			t.Errorf("%+v; want %s, %d", m.Error, want, code)
		}
	}
	m := ask("start", `{"name":"b","command":["nope"],"group":"g"}`)
	kind("internal", -32603, m)
	if !strings.Contains(m.Error.Message, `exec "nope"`) || m.Error.Data.Tasks[0].State != task.Failed {
		t.Errorf("%+v", m.Error)
	}
	if m := ask("start", `{"group":"g"}`); m.tasks(t)[0].Name != "b" {
		t.Errorf("%+v", m)
	}
	if m := ask("start", `{"all":true}`); len(m.tasks(t)) != 0 {
		t.Errorf("all, none of them ended: %+v", m)
	}
	kind("usage", -32005, ask("start", `{}`))
	kind("usage", -32005, ask("start", `{"names":[]}`))
	kind("usage", -32005, ask("start", `{"command":["x"],"group":"g"}`))
	kind("usage", -32602, ask("start", `{"name":"x","names":["b"]}`))
	kind("usage", -32602, ask("start", `{"command":["x"],"all":true}`))
	kind("usage", -32602, ask("start", `{"names":["b"],"cwd":"/"}`))
	kind("conflict", -32002, ask("start", `{"names":["b"]}`))
	if m := ask("start", `{"name":"b","command":["y"],"replace":true}`); m.tasks(t)[0].Command[0] != "y" || m.tasks(t)[0].Cwd != "/home/me" {
		t.Errorf("%+v", m)
	}
	m = ask("stop", `{"names":["x","b","y"]}`)
	kind("not_found", -32001, m)
	if d := m.Error.Data; len(d.Errors) != 2 || d.Errors[1].Name != "y" || len(d.Tasks) != 1 || d.Tasks[0].State != task.Stopped {
		t.Errorf("several: %+v", d)
	}
	kind("conflict", -32002, ask("signal", `{"names":["b"],"signal":"HUP"}`))
	kind("usage", -32005, ask("signal", `{"names":["a"],"signal":"NOPE"}`))
	kind("usage", -32005, ask("stop", `{"names":["a"],"timeout":"-1s"}`))
	kind("usage", -32005, ask("wait", `{"names":["a"],"timeout":"-1s"}`))
	kind("usage", -32005, ask("wait", `{"names":["a"],"for":"ever"}`))
	kind("usage", -32005, ask("list", `{"states":["on"]}`))
	kind("usage", -32005, ask("watch", `{"names":["["]}`))
	kind("usage", -32602, ask("watch", `{"states":["running"]}`))
	kind("usage", -32602, ask("get", `{}`))
	kind("not_found", -32001, ask("list", `{"group":"none"}`))
	kind("conflict", -32002, ask("remove", `{"names":["a"]}`))
	if m := ask("remove", `{"all":true,"ended":true,"states":["failed"]}`); len(m.tasks(t)) != 0 {
		t.Errorf("%+v", m)
	}
	if m := ask("remove", `{"names":["a"],"force":true}`); m.tasks(t)[0].State != task.Stopped {
		t.Errorf("%+v", m)
	}
	if m := ask("exit", ``+`{"timeout":"0s"}`); m.Error != nil {
		t.Errorf("%+v", m)
	}
	kind("unavailable", -32003, ask("start", `{"name":"c","command":["x"]}`))
	h.sup.Close(context.Background())
	kind("unavailable", -32003, ask("start", `{"name":"c","command":["x"]}`))
}
