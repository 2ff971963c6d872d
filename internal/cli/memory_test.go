package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/serve"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// missing counts the bytes that are missing.
type missing struct {
	bytes.Buffer
	bytes int64
}

func (m *missing) Missed(bytes int64) { m.bytes += bytes }

// Parts of output come as whole lines, with no part of a line whose rest is gone.
func TestLineCopier(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", longLine)
	type part struct {
		offset int64
		text   string
	}
	for _, tt := range []struct {
		parts  []part
		want   string
		missed int64
		held   string
	}{
		{[]part{{0, "a\nb"}, {3, "c\n"}}, "a\nbc\n", 0, ""},
		{[]part{{0, "a\nb"}}, "a\n", 0, "b"},
		{[]part{{0, "a\nb"}, {10, "c\nd\n"}}, "a\nd\n", 8, ""},
		{[]part{{0, "a\n"}, {10, ""}, {10, "c"}, {11, "\nd\n"}}, "a\nd\n", 8, ""},
		{[]part{{7, "b\nc\n"}}, "c\n", 7, ""},
		{[]part{{0, long}, {longLine + 5, "b\nc\n"}}, long + "\nc\n", 5, ""},
		{[]part{{9, long}, {longLine + 9, "b\nc"}}, long + "b\n", 9, "c"},
	} {
		var w missing
		c := lineCopier{w: &w}
		for _, p := range tt.parts {
			if err := c.add(p.offset, []byte(p.text)); err != nil {
				t.Error(err)
			}
		}
		if w.String() != tt.want || w.bytes != tt.missed || string(c.held) != tt.held {
			t.Errorf("%.40v: %.40q, %d missed, %q held; want %.40q, %d, %q", tt.parts, w.String(), w.bytes, c.held, tt.want, tt.missed, tt.held)
		}
	}
}

// slow takes the first line, and the others once it may.
type slow struct {
	bytes.Buffer
	first chan struct{}
	goOn  chan struct{}
}

func (s *slow) Write(b []byte) (int, error) {
	if s.Len() == 0 {
		close(s.first)
		<-s.goOn
	}
	return s.Buffer.Write(b)
}

// served is a supervisor of functions, and the socket that it serves on.
func served(t *testing.T) (sup *supervisor.Supervisor, socket string) {
	t.Helper()
	sup, socket = supervisor.New(supervisor.Options{}), filepath.Join(t.TempDir(), "s")
	srv, err := serve.Listen(socket, sup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sup.Close(context.Background())
		srv.Close(context.Background())
	})
	return sup, socket
}

// A function that is restarted is followed through its runs, also where the news of the end of
// a run comes after its output has ended.
func TestFollowMemoryThroughRestarts(t *testing.T) {
	t.Parallel()
	sup, socket := served(t)
	const runs = 3
	run, begun := 0, make(chan int, runs)
	if err := sup.GoSpec(task.Spec{Name: "flaky", Restart: task.RestartOnFailure, Backoff: task.Backoff{Min: time.Millisecond, Max: time.Millisecond}}, func(ctx context.Context) error {
		run++
		fmt.Fprintln(supervisor.Log(ctx), "run", run)
		begun <- run
		if run == runs {
			return nil
		}
		return errors.New("failed")
	}); err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Socket: socket}
	defer c.Close()
	var out bytes.Buffer
	shown := make(chan struct{})
	s := &source{name: "flaky", kept: c, out: &out, last: task.Info{Run: 1}, end: func() error { shown <- struct{}{}; return nil }}
	news, over := make(chan task.Info, 1), make(chan error, 1)
	go func() { over <- s.followRuns(t.Context(), nil, -1, news) }()
	for n := range runs {
		if run := <-begun; n > 0 {
			pass(news, task.Info{Run: run, State: task.Running})
		}
		select {
		case <-shown:
		case err := <-over:
			t.Fatalf("run %d: ended with %v after %q", n+1, err, out.String())
		}
	}
	pass(news, task.Info{Run: runs, State: task.Done})
	if err := <-over; err != nil || out.String() != "run 1\nrun 2\nrun 3\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// Whoever is too slow for output that is kept in memory misses whole lines, and hears of that.
func TestFollowMemoryTooSlowly(t *testing.T) {
	t.Parallel()
	sup, socket := served(t)
	const lines = 30_000
	read, written := make(chan struct{}), make(chan struct{})
	wait := func(ctx context.Context, what chan struct{}) {
		select {
		case <-what:
		case <-ctx.Done():
		}
	}
	end := make(chan struct{})
	if err := sup.Go("busy", func(ctx context.Context) error {
		fmt.Fprintln(supervisor.Log(ctx), "line 0")
		wait(ctx, read)
		for i := 1; i < lines; i++ {
			fmt.Fprintln(supervisor.Log(ctx), "line", i)
		}
		close(written)
		wait(ctx, end)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Socket: socket}
	defer c.Close()
	var remarks []string
	newSource := func(w *slow) *source {
		return &source{name: "busy", kept: c, out: w, remark: func(format string, args ...any) { remarks = append(remarks, fmt.Sprintf(format, args...)) }}
	}
	out := &slow{first: read, goOn: written}
	over := make(chan error, 1)
	go func() { over <- newSource(out).fetch(t.Context(), 1, -1, true) }()
	wait(t.Context(), written)
	close(end)
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	whole := func(text string) (numbers []int) {
		for line := range strings.Lines(text) {
			var n int
			if _, err := fmt.Sscanf(line, "line %d\n", &n); err != nil || line != fmt.Sprintf("line %d\n", n) {
				t.Fatalf("%q is shown", line)
			}
			numbers = append(numbers, n)
		}
		return numbers
	}
	shown := whole(out.String())
	if len(shown) >= lines || shown[0] != 0 || shown[len(shown)-1] != lines-1 || !slices.IsSorted(shown) {
		t.Errorf("%d lines from %d to %d", len(shown), shown[0], shown[len(shown)-1])
	}
	if len(remarks) != 1 || !strings.Contains(remarks[0], "lines of busy, run 1, were discarded before they could be shown") {
		t.Errorf("%q", remarks)
	}
	// What is kept begins with a whole line, and is shown once.
	done := make(chan struct{})
	close(done)
	rest := &slow{first: make(chan struct{}), goOn: done}
	if err := newSource(rest).fetch(t.Context(), 1, -1, false); err != nil {
		t.Error(err)
	}
	shown = whole(rest.String())
	if n := len(shown); n < 5000 || shown[n-1]-shown[0] != n-1 || len(remarks) != 1 {
		t.Errorf("%d lines from %d to %d, %q", n, shown[0], shown[n-1], remarks)
	}
}
