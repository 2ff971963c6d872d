package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"tasks/pkg/task"
)

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ params, want string }{
		{`{"name":"x","command":["a","b\xff"]}`, "command[1] is not UTF-8 text"},
		{`{"name":"x","cwd":"/tmp/\xc3("}`, "cwd is not UTF-8 text"},
		{`{"name":"x","cwd":"/tmp/\xed\xa0\x80"}`, "cwd is not UTF-8 text"}, // a surrogate as three bytes
		{`{"name":"x","command":["\ud800"]}`, "command[0] is not UTF-8 text"},
		{`{"name":"x","command":["\uDBFFx"]}`, "command[0] is not UTF-8 text"},
		{`{"name":"x","command":["\ud83d\ud83d"]}`, "command[0] is not UTF-8 text"},
		{`{"name":"x","command":["\udc00\ud800"]}`, "command[0] is not UTF-8 text"},
		{`{"name":"x","command":["\ud83d\ude00 \\ud800 \ufffd \u00E9"]}`, ""},
		{`{"name":"x","command":["\\\ud800"]}`, "command[0] is not UTF-8 text"},
		{`{"name":"x","env":{"K":"\xff"}}`, "env.K is not UTF-8 text"},
		{`{"name":"x","env":{"\xff":"v"}}`, "a key is not UTF-8 text in env"},
		{`{"name":"x","env":{"K":"1","k":"2"}}`, ""},
		{`{"name":"x","env":{"K":"1","\u004b":"2"}}`, `duplicate key "K" in env`},
		{`{"name":"x","name":"y"}`, `duplicate key "name"`},
		{`{"name":"x","n\u0061me":"y"}`, `duplicate key "name"`},
		{`{"name":"x","env":{"A":null}}`, "env.A cannot be null"},
		{`{"name":"x","command":["sh", null ]}`, "command[1] cannot be null"},
		{`{"names":[null]}`, "names[0] cannot be null"},
		{`{"name":"x","env":null,"command":null,"names":null,"stop_timeout":null,"job":null}`, ""},
		{`{"Name":"x"}`, `unknown field "Name"`},
		{`{"name":"x","maX_restarts":1}`, `unknown field "maX_restarts"`},
		{`{"name":"x","bac\u212aoff":"1s..2s"}`, "unknown field \"bac\u212aoff\""}, // the Kelvin sign folds to k
		{`{"name":"x","Spec":{}}`, `unknown field "Spec"`},
	} {
		raw := []byte(strings.NewReplacer(`\xff`, "\xff", `\xc3`, "\xc3", `\xed\xa0\x80`, "\xed\xa0\x80").Replace(tt.params))
		if !json.Valid(raw) {
			t.Fatal(tt.params)
		}
		err := Decode(raw, &Start{})
		if refused, ok := err.(*Error); ok && refused.Unknown() != strings.HasPrefix(tt.want, "unknown field ") {
			t.Errorf("%s: Unknown is %v of %v", tt.params, refused.Unknown(), err)
		}
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.params, err)
		case tt.want != "" && (err == nil || err.Error() != "params: "+tt.want || err.(*Error).Code != CodeParams):
			t.Errorf("%s: %v, want %s", tt.params, err, tt.want)
		}
	}
	for params, want := range map[string]string{
		`{"tasks":[{"name":"a"},{"name":"b","Cwd":"/"}]}`: `params: unknown field "Cwd" in tasks[1]`,
		`{"tasks":[null]}`: `params: tasks[0] cannot be null`,
		`{"tasks":[{"name":"a","after":["b",null]}]}`:        `params: tasks[0].after[1] cannot be null`,
		`{"groups":[{"name":"a","slots":1,"slots":2}]}`:      `params: duplicate key "slots" in groups[0]`,
		`{"tasks":[{"name":"a","env":{"A":"1","A":"1"}}]}`:   `params: duplicate key "A" in tasks[0].env`,
		`{"tasks":[{"name":"a","on_exit":"\ud800"}]}`:        `params: tasks[0].on_exit is not UTF-8 text`,
		`{"tasks":[{"name":"a","stop_timeout":"1s\udfff"}]}`: `params: tasks[0].stop_timeout is not UTF-8 text`,
	} {
		if err := Decode([]byte(params), &Apply{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", params, err, want)
		}
	}
}

// What is short on the wire may be hundreds of times as large in memory.
func TestDecodeIsBounded(t *testing.T) {
	t.Parallel()
	list := func(key, value string, n int) []byte {
		return []byte(`{"` + key + `":[` + strings.Repeat(value+",", n-1) + value + `]}`)
	}
	for _, tt := range []struct {
		params []byte
		ok     bool
	}{
		{list("tasks", `{}`, task.MaxTasks), true},
		{list("tasks", `{"name":"x","command":["sleep","1"]}`, task.MaxTasks), true},
		{list("tasks", `{}`, 100_000), false},
		{list("groups", `{}`, 100_000), true},
		{list("groups", `{}`, 300_000), false},
		{list("tasks", `{"after":[`+strings.Repeat(`"",`, 1000)+`""]}`, 2000), false},
	} {
		err := Decode(tt.params, &Apply{})
		if refused, ok := err.(*Error); tt.ok && err != nil || !tt.ok && (!ok || refused.Code != CodeParams || !strings.Contains(refused.Message, "more than 16 MiB of values")) {
			t.Errorf("%.60s… of %d bytes: %v", tt.params, len(tt.params), err)
		}
	}
}

func TestEnvelopeIsStrict(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"Method":"list"}`:                 "there is no method",
		`{"jsonrpc":"2.0","id":1,"method":"list","method":"stop"}`: `duplicate key "method"`,
		`{"jsonrpc":"2.0","id":"\ud800","method":"list"}`:          "id is not UTF-8 text",
		`{"jsonrpc":"2.0","id":1,"method":"list\ud800"}`:           "method is not UTF-8 text",
		`{"jsonrpc":"2.0","id":1,"method":"list","\ud800":1}`:      "a key is not UTF-8 text",
		`{"jsonrpc":"2.0","id":1,"id":2,"method":"list"}`:          `duplicate key "id"`,
		`{"JSONRPC":"2.0","id":1,"method":"list"}`:                 `jsonrpc is not "2.0"`,
	} {
		r, err := ParseRequest([]byte(line))
		if own, ok := err.(*Error); !ok || own.Code != CodeRequest || !strings.HasSuffix(own.Message, want) {
			t.Errorf("%s: %+v, %v; want %s", line, r, err, want)
		}
	}
	r, err := ParseRequest([]byte("{ \"id\" :\t7 , \"ID\":[] , \"more\":{\"x\":[1,{\"y\":\"}\"}]}, \"params\" : {} ,\"method\":\"list\", \"jsonrpc\":\"2.0\" }"))
	if err != nil || string(r.ID) != "7" || string(r.Params) != "{}" || r.Method != "list" {
		t.Errorf("%+v, %v", r, err)
	}
}

// What is let through is what encoding/json reads of it, to the letter; all else is refused.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,"x",{"b":null,"c":true}],"d":"\ud83d\ude00\\\"\/"}`, `{"a":1,"a":2}`, `{"\ud800":1}`, `{"a":"\ud800\u0041"}`, ` [ ] `, `"\\ud800"`, `{"":{"":""}}`,
		`[[[["\uDC00"]]]]`, `{"x":"` + "\xff" + `"}`, `0`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || bytes.Contains(text, []byte("\uFFFD")) || bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) {
			return // where U+FFFD is in the text itself, it does not tell that something was replaced
		}
		same := utf8.Valid(text) && !replaced(text) && distinct(text)
		if err := check(text, nil); (err == nil) != same {
			t.Fatalf("%q: %v, but the same = %v", text, err, same)
		}
	})
}

// tokens yields what encoding/json reads.
func tokens(text []byte, yield func(json.Token)) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		yield(token)
	}
}

func replaced(text []byte) (has bool) {
	tokens(text, func(token json.Token) {
		if s, ok := token.(string); ok {
			has = has || strings.Contains(s, "\uFFFD")
		}
	})
	return has
}

// distinct reports whether no object has a key twice.
func distinct(text []byte) bool {
	type level struct {
		keys   map[string]bool // nil: an array
		atName bool
	}
	levels, ok := []level{{}}, true
	tokens(text, func(token json.Token) {
		top := &levels[len(levels)-1]
		if name, is := token.(string); is && top.keys != nil && top.atName {
			ok = ok && !top.keys[name]
			top.keys[name], top.atName = true, false
			return
		}
		switch token {
		case json.Delim('{'):
			top.atName = true
			levels = append(levels, level{keys: make(map[string]bool), atName: true})
		case json.Delim('['):
			top.atName = true
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		default:
			top.atName = true
		}
	})
	return ok
}

func BenchmarkParse(b *testing.B) {
	vars := make(map[string]string)
	for i := range 40 {
		vars[fmt.Sprintf("VARIABLE_%d", i)] = strings.Repeat("value/", 10)
	}
	env, err := task.NewEnv(vars)
	if err != nil {
		b.Fatal(err)
	}
	each := Each{Spec: task.Spec{Name: "x-{#}", Command: []string{"echo", "{}"}}}
	for i := 0; i < 1<<20-100; i += 24 {
		each.Inputs = append(each.Inputs, fmt.Sprintf("/some/path/to/%06d", i))
	}
	for name, params := range map[string]any{
		"list": List{}, "start": Start{Spec: task.Spec{Name: "web", Command: []string{"sleep", "300"}, Env: env}}, "each": each,
	} {
		raw, err := json.Marshal(params)
		if err != nil {
			b.Fatal(err)
		}
		line, err := json.Marshal(Request{JSONRPC: "2.0", ID: json.RawMessage("1"), Method: name, Params: raw})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := ParseRequest(line)
				if err != nil {
					b.Fatal(err)
				}
				switch name {
				case "list":
					err = Decode(r.Params, &List{})
				case "start":
					err = Decode(r.Params, &Start{})
				case "each":
					err = Decode(r.Params, &Each{})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
