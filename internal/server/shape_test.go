package server

import (
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	for _, tt := range []struct {
		line, id string
		code     int // 0: a result
		text     string
	}{
		{`garbage`, `null`, -32700, "not JSON"},
		{`{"jsonrpc":"2.0","id":1,`, `null`, -32700, "not JSON"},
		{`{"jsonrpc":"2.0","id":1,"method":"list"} x`, `null`, -32700, "not JSON"},
		{strings.Repeat("[", 100000), `null`, -32700, "not JSON"},
		{`[{"jsonrpc":"2.0","id":1,"method":"list"}]`, `null`, -32600, "one object per line"},
		{`[]`, `null`, -32600, "one object per line"},
		{`"list"`, `null`, -32600, "one object per line"},
		{`null`, `null`, -32600, "one object per line"},
		{`{}`, `null`, -32600, `jsonrpc is not "2.0"`},
		{`{"id":1,"method":"list"}`, `1`, -32600, `jsonrpc is not "2.0"`},
		{`{"jsonrpc":"1.0","id":1,"method":"list"}`, `1`, -32600, `jsonrpc is not "2.0"`},
		{`{"jsonrpc":2.0,"id":1,"method":"list"}`, `1`, -32600, "jsonrpc cannot be a number"},
		{`{"jsonrpc":"2.0","id":1}`, `1`, -32600, "no method"},
		{`{"jsonrpc":"2.0","id":1,"method":7}`, `1`, -32600, "method cannot be a number"},
		{`{"jsonrpc":"2.0","id":{"a":1},"method":"list"}`, `null`, -32600, "id is neither"},
		{`{"jsonrpc":"2.0","id":true,"method":"list"}`, `null`, -32600, "id is neither"},
		{`{"jsonrpc":"2.0","id":1,"method":"nope"}`, `1`, -32601, "no such method: nope"},
		{`{"jsonrpc":"2.0","id":1,"method":"LIST"}`, `1`, -32601, "no such method: LIST"},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":[]}`, `1`, -32602, "give an object"},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":null}`, `1`, -32602, "give an object"},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":"x"}`, `1`, -32602, "give an object"},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":{"nmaes":["x"]}}`, `1`, -32602, `unknown field "nmaes"`},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":{"names":"x"}}`, `1`, -32602, "params: names cannot be a string"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":["x"]}}`, `1`, -32602, "params: name cannot be an array"},
		{`{"jsonrpc":"2.0","id":1,"method":"info","params":{"x":1}}`, `1`, -32602, `unknown field "x"`},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":5}}`, `1`, -32602, "params: name cannot be a number"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","env":{"A":1}}}`, `1`, -32602, "params: env is not an object of texts"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","env":{"":"1"}}}`, `1`, -32602, "bad environment variable"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","timeout":"soon"}}`, `1`, -32602, `bad duration "soon"`},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","colour":1}}`, `1`, -32602, `unknown field "colour"`},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","after":"y"}}`, `1`, -32602, "params: after cannot be a string"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","ready_port":80}}`, `1`, -32602, "params: ready_port cannot be a number"},
		{`{"jsonrpc":"2.0","id":1,"method":"group.set","params":{"name":"g","slots":"many"}}`, `1`, -32602, "slots cannot be \"many\""},
		{`{"jsonrpc":"2.0","id":1,"method":"group.set","params":{"name":"g","slots":-1}}`, `1`, -32005, "bad number of slots -1"},
		{`{"jsonrpc":"2.0","id":1,"method":"group.set","params":{"name":"all","slots":1}}`, `1`, -32005, "bad group"},
		{`{"jsonrpc":"2.0","id":1,"method":"get","params":{"names":["*` + strings.Repeat("[a-z]", 4000) + `"]}}`, `1`, -32005, "the patterns have 20001 bytes, at most 16384 are allowed"},
		{`{"jsonrpc":"2.0","id":1,"method":"watch","params":{"names":["*` + strings.Repeat("[a-z]", 4000) + `"]}}`, `1`, -32005, "the patterns have 20001 bytes, at most 16384 are allowed"},
		{`{"jsonrpc":"2.0","id":1,"method":"watch","params":{"names":["a*"` + strings.Repeat(`,"a*"`, 100) + `]}}`, `1`, -32005, "there are 101 patterns, at most 100 are allowed"},
		{`{"jsonrpc":"2.0","id":1,"method":"stop","params":{"names":["a*"` + strings.Repeat(`,"a*"`, 1<<13) + `]}}`, `1`, -32005, "the patterns have 16386 bytes"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x","command":["echo"],"inputs":["1","2"]}}`, `1`, -32005, "would both be named x"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x-{#}","inputs":["1","2"]}}`, `1`, -32602, "give a command"},
		{`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"tasks":[{"name":"../x"}]}}`, `1`, -32005, "bad name"},
		{`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"tasks":[{"name":"x","command":["x"]},{"name":"x","command":["x"]}]}}`, `1`, -32005, "two tasks are named x"},
		{`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"tasks":[{"name":"x","command":["x"],"after":["y"]},{"name":"y","command":["x"],"after_ended":["x"]}]}}`, `1`, -32005, "x is before y, which it is after"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x-{#}","command":["` + strings.Repeat("{}", 1<<17) + `"],"inputs":["` + strings.Repeat("a", 1<<10) + `"]}}`, `1`, -32005, "the commands have 128 MiB with their inputs, at most 64 are allowed"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x-{#}","command":["x"` + strings.Repeat(`,""`, 1<<16) + `],"inputs":[""` + strings.Repeat(`,""`, 1<<16) + `]}}`, `1`, -32005, "MiB with their inputs, at most 64 are allowed"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"` + strings.Repeat("{}", 1<<18) + `","command":["x"],"inputs":["` + strings.Repeat("a", 1<<18) + `"]}}`, `1`, -32005, "bad name"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"../x","command":["x"]}}`, `1`, -32005, "bad name"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","command":["echo","` + "\xff" + `"]}}`, `1`, -32602, "command[1] is not UTF-8 text"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","command":["echo","\ud800"]}}`, `1`, -32602, "command[1] is not UTF-8 text"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","Command":["echo"]}}`, `1`, -32602, `unknown field "Command"`},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","command":["echo"],"command":["rm"]}}`, `1`, -32602, `duplicate key "command"`},
		{`{"jsonrpc":"2.0","id":1,"method":"stop","params":{"names":["x"]},"method":"list"}`, `null`, -32600, `duplicate key "method"`},
		{`{"jsonrpc":"2.0","id":"` + "\xff" + `","method":"list"}`, `null`, -32600, "id is not UTF-8 text"},
		{`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"groups":[{"name":"g","slots":1},{"name":"g","slots":2}]}}`, `1`, -32005, "two groups are named g"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x-{#}","command":["echo"],"inputs":["1","2"],"first":9223372036854775807}}`, `1`, -32005, "bad first 9223372036854775807: give 1000000000 or less"},
		{`{"jsonrpc":"2.0","id":1,"method":"each","params":{"name":"x-{#}","command":["echo"],"inputs":["1","2"],"first":-1}}`, `1`, -32005, "bad first -1: use 0 or more"},
		{`{"jsonrpc":"2.0","id":1,"method":"group.set","params":{"name":"g","slots":9223372036854775807}}`, `1`, -32005, "bad number of slots 9223372036854775807: give 1000000 or less"},
		{`{"jsonrpc":"2.0","id":1,"method":"group.set","params":{"name":"g","slots":1e400}}`, `1`, -32602, "slots cannot be 1e400"},
		{`{"jsonrpc":"2.0","id":1,"method":"wait","params":{"all":true,"timeout":"2562047h"}}`, `1`, -32005, "give 876000h (100 years) or less"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":{"name":"x","priority":1e400}}`, `1`, -32602, "priority cannot be a number 1e400"},
		{`{"jsonrpc":"2.0","id":1,"method":"start","params":` + strings.Repeat(`{"name":`, 9000) + `1` + strings.Repeat(`}`, 9000) + `}`, `1`, -32602, "name cannot be an object"},
		{`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 1<<10-1) + `","method":"list"}`, `null`, -32600, "id has more than 1024 bytes"},
		{`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 1<<10-2) + `","method":"list"}`, `"` + strings.Repeat("x", 1<<10-2) + `"`, 0, ""},
		{`{"jsonrpc":"2.0","id":1e400,"method":"list"}`, `1e400`, 0, ""},
		{`{"jsonrpc":"2.0","id":1,"method":"stop"}`, `1`, -32602, "name the tasks"},
		{`{"jsonrpc":"2.0","id":1,"method":"stop","params":{"all":true,"group":"g"}}`, `1`, -32005, "all is every task: it goes without names and groups"},
		{`{"jsonrpc":"2.0","id":1,"method":"list","params":{"all":true,"names":["x"]}}`, `1`, -32005, "all is every task: it goes without names and groups"},
		{`{"jsonrpc":"2.0","id":1,"method":"watch","params":{"all":true,"groups":["g"]}}`, `1`, -32005, "all is every task: it goes without names and groups"},
		{`{"jsonrpc":"2.0","id":1,"method":"list"}`, `1`, 0, ""},
		{"\t {\"method\":\"list\" , \"id\":\"\\u00e9 x\", \"jsonrpc\":\"2.0\", \"more\":[]} \r", `"\u00e9 x"`, 0, ""},
		{`{"jsonrpc":"2.0","id":-1.5e3,"method":"list","params":{}}`, `-1.5e3`, 0, ""},
		{`{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"list"}`, `123456789012345678901234567890`, 0, ""},
		{`{"jsonrpc":"2.0","id":null,"method":"list"}`, `null`, 0, ""},
		{`{"jsonrpc":"2.0","id":"","method":"list"}`, `""`, 0, ""},
	} {
		p.send("\n \r\n\t\n" + tt.line)
		m := p.recv()
		switch {
		case string(m.ID) != tt.id:
			t.Errorf("%.80s: id %s, want %s", tt.line, m.ID, tt.id)
		case tt.code == 0 && (m.Error != nil || string(m.Result) != "[]"):
			t.Errorf("%.80s: %s, %v", tt.line, m.Result, m.Error)
		case tt.code != 0 && (m.Error == nil || m.Error.Code != tt.code || !strings.Contains(m.Error.Message, tt.text) || m.kind() != "usage" || m.Result != nil):
			t.Errorf("%.80s: %+v; want %d, %q", tt.line, m.Error, tt.code, tt.text)
		}
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	long := func(n int) string { // a request of n bytes with its newline
		head, tail := `{"jsonrpc":"2.0","id":6,"method":"list","more":"`, `"}`+"\n"
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	go p.nc.Write([]byte(long(1<<20) + long(1<<20+1) + long(2<<20) + request(7, "list") + strings.Repeat(" ", 2<<20) + "\n" + request(8, "list")))
	for _, want := range []string{`6`, `null`, `null`, `7`, `null`, `8`} {
		m := p.recv()
		if !strings.HasPrefix(string(m.ID), want) {
			t.Fatalf("a reply to %.9s, want %s", m.ID, want)
		}
		if want == "null" && (m.Error == nil || m.Error.Code != -32600 || !strings.Contains(m.Error.Message, "1048576")) || want != "null" && m.Error != nil {
			t.Errorf("%+v", m.Error)
		}
	}
	p.send(strings.Repeat("y", 2<<20))
	p.endInput()
	if m := p.recv(); m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("%+v", m)
	}
	p.expectEnd()
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "a")
	p := h.dial(t)
	p.send(`{"jsonrpc":"2.0","method":"stop","params":{"names":["a"]}}` + "\n" +
		`{"jsonrpc":"2.0","method":"stop","params":{"names":["none"]}}` + "\n" +
		`{"jsonrpc":"2.0","method":"nope"}` + "\n" + `{"jsonrpc":"2.0","method":"watch"}` + "\n" +
		request(1, "wait", `{"names":["a"]}`))
	if m := p.recv(); string(m.ID) != "1" || !m.tasks(t)[0].State.Ended() {
		t.Errorf("%+v", m)
	}
	p.endInput()
	p.expectEnd()
}
