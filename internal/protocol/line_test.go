package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll is what Lines makes of the input: the lines, with "!" for one that is
// too long.
func readAll(r io.Reader, max int) ([]string, error) {
	lines := NewLines(r, max)
	var got []string
	for {
		line, err := lines.Next()
		switch {
		case err == ErrLine:
			got = append(got, "!")
		case err == io.EOF:
			return got, nil
		case err != nil:
			return got, err
		default:
			got = append(got, string(line))
		}
	}
}

// split is what Lines should make of it.
func split(input string, max int) []string {
	var want []string
	for len(input) > 0 {
		line, rest, _ := strings.Cut(input, "\n")
		whole := len(input) - len(rest)
		input = rest
		if max > 0 && whole > max {
			want = append(want, "!")
		} else if line = strings.TrimSpace(line); line != "" {
			want = append(want, line)
		}
	}
	return want
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "a\nb\n", "\r\n \t\nabc\r\n", "0123456789\nx", "0123456789", "\n\n", strings.Repeat("x", 4100) + "\ny\n"} {
		f.Add(s, 10)
		f.Add(s, 0)
		f.Add(s, 5000)
	}
	f.Fuzz(func(t *testing.T, input string, max int) {
		if max < 0 {
			return
		}
		want := strings.Join(split(input, max), "\x00\n")
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader(input), "byte by byte": iotest.OneByteReader(strings.NewReader(input)), "end with data": iotest.DataErrReader(strings.NewReader(input)),
		} {
			got, err := readAll(r, max)
			if err != nil || strings.Join(got, "\x00\n") != want {
				t.Errorf("%s, at most %d: %q\ngot  %q, %v\nwant %q", name, max, input, got, err, split(input, max))
			}
		}
	})
}

func TestLinesKeepLittle(t *testing.T) {
	t.Parallel()
	l := NewLines(strings.NewReader(strings.Repeat("x", MaxLine-1)+"\nshort\n\n"), MaxLine)
	for range 2 {
		if _, err := l.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(l.buf) > keepBuffer {
		t.Errorf("keeps %d bytes", cap(l.buf))
	}
}

func TestLinesReadError(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	got, err := readAll(io.MultiReader(strings.NewReader("a\nhalf"), iotest.ErrReader(gone)), 100)
	if len(got) != 1 || err != gone {
		t.Errorf("got %q, %v", got, err)
	}
}

// What is accepted can be written and read again as the same; what is not is
// refused with one of our codes and an id that can be sent back.
func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"list"}`, `{"jsonrpc":"2.0","id":"x","method":"start","params":{"name":"a"}}`,
		`{"jsonrpc":"2.0","method":"stop","params":{}}`, `{"jsonrpc":"2.0","id":null,"method":"list"}`,
		`{"jsonrpc":"2.0","id":{},"method":"list"}`, `[]`, `{`, `0`, `{"jsonrpc":"2.0","id":-1e3,"method":"a"}`,
		`{"id":1,"ID":[],"jsonrpc":"2.0","method":"list"}`, `{"jsonrpc":"2.0","id":2,"method":5}`, "\u00a0", `{"jsonrpc":"2.0","id":true,"method":5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return
		}
		r, err := ParseRequest(line)
		if r.ID != nil {
			id := json.NewDecoder(bytes.NewReader(r.ID))
			id.UseNumber() // it is sent back as it came, and may be beyond a float64
			switch token, _ := id.Token(); token.(type) {
			case nil, string, json.Number:
			default:
				t.Fatalf("id %s", r.ID)
			}
		}
		if err != nil {
			own, ok := err.(*Error)
			if !ok || own.Code != CodeParse && own.Code != CodeRequest || r.Method != "" || r.Params != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseRequest(again)
		if err != nil || back.Method != r.Method || (back.ID == nil) != (r.ID == nil) || r.JSONRPC != "2.0" {
			t.Fatalf("%s became %s: %v", line, again, err)
		}
	})
}

// A spec that passes its check survives the way to the client and back.
func FuzzDecodeStart(f *testing.F) {
	for _, s := range []string{
		`{"name":"web","command":["sleep","300"],"cwd":"/","env":{"K":"V"},"restart":"on-failure"}`,
		`{"names":["a","b*"],"all":true,"replace":true}`, `{"name":"x","stop_timeout":"0s","timeout":"1h","backoff":"1s..2s","max_restarts":0}`,
		`{"env":{"A":1}}`, `{"env":null}`, `{"name":null}`, `{}`, `{"command":[null]}`, `{"nope":1}`, `[]`, `null`, `{"name":"x","leave_children":true,"group":"g","stop_signal":"INT"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		if !json.Valid(params) { // as ParseRequest has seen to
			return
		}
		params = bytes.TrimSpace(params)
		var p Start
		if err := Decode(params, &p); err != nil {
			if own, ok := err.(*Error); !ok || own.Code != CodeParams || strings.Contains(own.Message, "Go value") {
				t.Fatalf("%s: %v", params, err)
			}
			return
		}
		if p.Spec.Check() != nil {
			return
		}
		once, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var q Start
		if err := Decode(once, &q); err != nil {
			t.Fatalf("%s became %s: %v", params, once, err)
		}
		if err := q.Spec.Check(); err != nil {
			t.Fatalf("%s became %s: %v", params, once, err)
		}
		if twice, err := json.Marshal(q); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s, then %s: %v", params, once, twice, err)
		}
	})
}
