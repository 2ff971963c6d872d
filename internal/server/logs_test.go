package server

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"tasks/internal/enginetest"
	"tasks/internal/logs"
	"tasks/internal/protocol"
	"tasks/pkg/client"
	"tasks/pkg/supervisor"
)

// beat is what a task is that is started by name alone.
func beat(ctx context.Context) error {
	fmt.Fprintln(supervisor.Log(ctx), "beat")
	<-ctx.Done()
	return nil
}

// readAll is the output of a run, read a part at a time.
func readAll(t *testing.T, c *client.Client, name string, o client.OutputOptions) (text []byte, first int64) {
	t.Helper()
	for parts := 0; ; parts++ {
		out, err := c.Output(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		if parts == 0 {
			first = out.Offset
		}
		text, o.Offset = append(text, out.Text...), out.Offset+int64(len(out.Text))
		if out.Ended {
			return text, first
		}
	}
}

// Output goes out a part at a time, byte for byte, from memory and from files, and is
// followed to the end of the run.
func TestOutput(t *testing.T) {
	t.Parallel()
	all := strings.Repeat("grüße, 世界\n", 50_000) + "\xff\xfe" + strings.Repeat("x", 3)
	for name, dir := range map[string]supervisor.Logs{"memory": nil, "files": dirLogs(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{fake: enginetest.NewFake()}
			h.sup = supervisor.New(supervisor.Options{Commands: h.fake, Logs: dir})
			h.serve(t, Config{}, os.Getuid())
			c := &client.Client{Socket: h.path}
			defer c.Close()
			text := all
			if dir == nil {
				text = all[len(all)-supervisor.KeptOutput:]
			}
			more := make(chan string)
			if err := h.sup.Go("a", func(ctx context.Context) error {
				for part := range more {
					fmt.Fprint(supervisor.Log(ctx), part)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if out, err := c.Output(t.Context(), "a", client.OutputOptions{}); err != nil || len(out.Text) != 0 || out.Ended {
				t.Errorf("%+v, %v", out, err)
			}
			go func() {
				more <- text[:10]
				more <- text[10:]
				close(more)
			}()
			if got, first := readAll(t, c, "a", client.OutputOptions{Wait: true}); string(got) != text || first != 0 {
				t.Errorf("%d bytes from %d, want %d", len(got), first, len(text))
			}
			h.sup.Go("a", func(context.Context) error { return nil })
			if got, _ := readAll(t, c, "a", client.OutputOptions{Wait: true}); len(got) != 0 {
				t.Errorf("run 2: %q", got)
			}
			if got, first := readAll(t, c, "a", client.OutputOptions{Run: 1, Offset: 7}); string(got) != text[7:] || first != 7 {
				t.Errorf("%d bytes from %d", len(got), first)
			}
			for _, o := range []client.OutputOptions{{Run: 9}, {Run: -1}, {Offset: -1}} {
				if _, err := c.Output(t.Context(), "a", o); err == nil {
					t.Errorf("%+v is taken", o)
				}
			}
			if _, err := c.Output(t.Context(), "b", client.OutputOptions{}); err == nil || !strings.HasPrefix(err.Error(), "No such task: b") {
				t.Error(err)
			}
		})
	}
}

// dirLogs is logs in files, without their bounds.
func dirLogs(dir string) supervisor.Logs { return logs.Dir(dir) }

// A reply that waits for output ends with its connection, and with the server.
func TestOutputThatNeverComes(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	if err := h.sup.Go("quiet", func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Socket: h.path}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	for _, ctx := range []context.Context{ctx, t.Context()} {
		go func() {
			_, err := c.Output(ctx, "quiet", client.OutputOptions{Wait: true})
			waits <- err
		}()
	}
	cancel()
	if err := <-waits; err != context.Canceled {
		t.Error(err)
	}
	h.srv.Close(ctx)
	if err := <-waits; err == nil {
		t.Error("answered")
	}
}

// Whoever follows many tasks takes one connection for as many as may wait on it, and none of
// them waits for the output of another.
func TestOutputsThatWaitShareConnections(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const many, parts = maxInFlight + 10, 3
	var dials atomic.Int32
	c := &client.Client{Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "unix", h.path)
	}}
	defer c.Close()
	write, read := make([]chan struct{}, many), make(chan error)
	for i := range many {
		write[i] = make(chan struct{})
		if err := h.sup.Go(fmt.Sprint("a", i), func(ctx context.Context) error {
			for range write[i] {
				fmt.Fprintln(supervisor.Log(ctx), i)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		go func() {
			for offset, ended := int64(0), false; !ended; {
				out, err := c.Output(t.Context(), fmt.Sprint("a", i), client.OutputOptions{Offset: offset, Wait: true})
				offset, ended = offset+int64(len(out.Text)), out.Ended || err != nil
				read <- err
			}
		}()
	}
	for range parts {
		for i := range many { // the others wait meanwhile
			write[i] <- struct{}{}
			if err := <-read; err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := dials.Load(); n > 2 {
		t.Errorf("%d connections for %d tasks", n, many)
	}
	for i := range many {
		close(write[i])
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
}

// A request that nobody waits for any more ends with its connection, which others would share.
func TestAbandonedOutput(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "quiet")
	c := &client.Client{Socket: h.path}
	defer c.Close()
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() {
			_, err := c.Output(ctx, "quiet", client.OutputOptions{Wait: true})
			over <- err
		}()
		h.left(t, 1)
		cancel()
		if err := <-over; err != context.Canceled {
			t.Error(err)
		}
		h.left(t, 0)
	}
}

// replyOf is the reply that has what is read of text.
func replyOf(t *testing.T, text []byte, ended bool) (reply protocol.Output) {
	t.Helper()
	read := func(offset int64, most int) (supervisor.Output, error) {
		end := min(len(text), int(offset)+most)
		return supervisor.Output{Run: 3, Offset: offset, Size: int64(len(text)), Text: text[offset:end], Ended: ended && end == len(text)}, nil
	}
	first, _ := read(0, outputPiece)
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	err := outputReply{first, read}.writeTo(w)
	w.Flush()
	if err = cmp.Or(err, json.Unmarshal(b.Bytes(), &reply)); err != nil || reply.Run != 3 || reply.Size != int64(len(text)) {
		t.Errorf("%v: %+v", err, reply)
	}
	if reply.Base64 != "" {
		binary, err := base64.StdEncoding.DecodeString(reply.Base64)
		if err != nil || !bytes.Equal(binary, text[:reply.Next]) {
			t.Errorf("%d bytes of base64, %v", len(reply.Base64), err)
		}
	} else if reply.Text != string(text[:reply.Next]) {
		t.Errorf("%d bytes are others than the %d of the log", len(reply.Text), reply.Next)
	}
	return reply
}

// A character that is cut by the end of what there is comes whole, with the next part.
func TestOutputInWholeCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		ended  bool
		want   string
		binary bool
	}{
		{"ü", false, "ü", false}, {"aü"[:2], false, "a", false}, {"a世"[:3], false, "a", false}, {"a世"[:3], true, "a世"[:3], true},
		{"ü"[:1], false, "ü"[:1], true}, {"", false, "", false}, {"a\xff", false, "a\xff", true}, {"<\"\x01", true, "<\"\x01", false},
		{strings.Repeat("x", outputPiece) + "\xff", true, strings.Repeat("x", outputPiece), false}, // the rest comes in another form
	} {
		got := replyOf(t, []byte(tt.text), tt.ended)
		if got.Next != int64(len(tt.want)) || (got.Base64 != "") != tt.binary || got.Ended != (tt.ended && tt.want == tt.text) {
			t.Errorf("%q, ended %v: %+v", tt.text, tt.ended, got)
		}
	}
	for _, unit := range []string{"世", "x", "世\xff", "\xff"} {
		text := bytes.Repeat([]byte(unit), maxOutput)
		if got := replyOf(t, text, true); got.Ended != (got.Next == int64(len(text))) || got.Next > maxOutput || got.Next < maxOutput-4 {
			t.Errorf("%q: %d bytes, ended %v", unit, got.Next, got.Ended)
		}
		if got := replyOf(t, text[:outputPiece*3/2], true); !got.Ended {
			t.Errorf("%q: %d bytes, not ended", unit, got.Next)
		}
	}
}

// Replies with output that nobody reads take up little, from memory and from files.
func TestOutputThatNobodyReads(t *testing.T) {
	for name, dir := range map[string]supervisor.Logs{"memory": nil, "files": dirLogs(t.TempDir())} {
		for _, text := range []string{"x", "\xff"} {
			h := &host{sup: supervisor.New(supervisor.Options{Logs: dir})}
			h.serve(t, Config{}, os.Getuid())
			h.sup.Go("a", func(ctx context.Context) error {
				_, err := io.WriteString(supervisor.Log(ctx), strings.Repeat(text, 400<<10))
				return err
			})
			h.sup.Wait(t.Context(), "a")
			grown := h.unread(t, 10, 100, func(i int) string { return request(i, "logs", `{"name":"a"}`) })
			if grown > 32<<20 {
				t.Errorf("%s: the replies take up %d MiB", name, grown>>20)
			}
			h.sup.Remove(t.Context(), "a") // of the files
		}
	}
}

// Who waits for the output of a silent task has nothing read and no buffer made, and is
// answered when the task writes, or ends.
func TestWaitForOutputReadsNothing(t *testing.T) {
	dir := dirLogs(t.TempDir())
	h := &host{sup: supervisor.New(supervisor.Options{Logs: dir})}
	h.serve(t, Config{}, os.Getuid())
	lines := make(chan string)
	if err := h.sup.Go("a", func(ctx context.Context) error {
		for line := range lines {
			fmt.Fprintln(supervisor.Log(ctx), line)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	lines <- "one"
	p := h.dial(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range maxInFlight - 1 {
		p.ask(i, "logs", fmt.Sprintf(`{"name":"a","offset":%d,"wait":true}`, len("one\ntwo\n")*(i%2)+len("one\n")*(1-i%2)))
	}
	lines <- "two"
	for range maxInFlight / 2 {
		var out protocol.Output
		m := p.recv()
		if err := json.Unmarshal(m.Result, &out); err != nil || out.Text != "two\n" || out.Next != 8 || out.Ended {
			t.Errorf("%s: %+v, %v", m.ID, m, err)
		}
	}
	close(lines)
	for range maxInFlight/2 - 1 {
		var out protocol.Output
		m := p.recv()
		if err := json.Unmarshal(m.Result, &out); err != nil || out.Text != "" || out.Next != 8 || !out.Ended {
			t.Errorf("%s: %+v, %v", m.ID, m, err)
		}
	}
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > 16<<20 {
		t.Errorf("%d waits have allocated %d KiB", maxInFlight-1, made>>10)
	}
}

// A trimmed log is read from the first line that it still has.
func TestOutputOfATrimmedLog(t *testing.T) {
	t.Parallel()
	dir := dirLogs(t.TempDir())
	h := &host{fake: enginetest.NewFake()}
	h.sup = supervisor.New(supervisor.Options{Commands: h.fake, Logs: dir})
	h.serve(t, Config{}, os.Getuid())
	h.sup.Go("a", func(context.Context) error { return nil })
	h.sup.Wait(t.Context(), "a")
	f, err := os.OpenFile(dir.Path("a", 1), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("tail of a line\nlast\n"), 1<<20); err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Socket: h.path}
	defer c.Close()
	got, first := readAll(t, c, "a", client.OutputOptions{})
	if !strings.HasSuffix(string(got), "last\n") || bytes.Contains(got, []byte{0}) || first+int64(len(got)) != 1<<20+20 {
		t.Errorf("%q from %d", got, first)
	}
}
