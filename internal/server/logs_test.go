package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"tasks/internal/enginetest"
	"tasks/internal/logs"
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

// A character that is cut by the end of what there is comes whole, with the next part.
func TestOutputInWholeCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		ended bool
		want  string
	}{
		{"ü", false, "ü"}, {"aü"[:2], false, "a"}, {"a世"[:3], false, "a"}, {"a世"[:3], true, ""}, {"ü"[:1], false, ""}, {"", false, ""}, {"a\xff", false, ""},
	} {
		got := outputReply(supervisor.Output{Text: []byte(tt.text), Ended: tt.ended})
		if got.Text != tt.want || got.Text == "" && tt.text != "" && got.Base64 == "" || got.Next > int64(len(tt.text)) {
			t.Errorf("%q, ended %v: %+v", tt.text, tt.ended, got)
		}
	}
	big := outputReply(supervisor.Output{Text: bytes.Repeat([]byte("世"), maxOutput), Ended: true})
	if big.Ended || big.Base64 != "" || len(big.Text) > maxOutput || len(big.Text) < maxOutput-4 {
		t.Errorf("%d bytes, ended %v", len(big.Text), big.Ended)
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
