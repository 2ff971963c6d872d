package ready

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestMatcher(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		expr  string
		parts []string
		want  bool
	}{
		{"^ready$", []string{"ready\n"}, true},
		{"^ready$", []string{"ready"}, false},
		{"^ready$", []string{"rea", "dy", "\n"}, true},
		{"^ready$", []string{"not ready\nready\r\n"}, true},
		{"^ready$", []string{"ready now\n", "al", "ready\n", "rea\ndy\n"}, false},
		{"ready", []string{"a\nb\nget ready for it\nc"}, true},
		{"^$", []string{"a\n", "\n"}, true},
		{"^$", []string{"a\nb"}, false},
		{"a\nb", []string{"a\nb\n"}, false}, // over lines
		{"xy$", []string{long[1:], "y", "z\n"}, true},
		{"y", []string{long, "y\n"}, false}, // what is beyond is not looked at
		{"y", []string{long + "y\n"}, false},
		{"y", []string{long, long, "\ny\n"}, true},
		{"y", []string{long + long + "\n", "y", "\n"}, true},
	} {
		m := &matcher{expr: regexp.MustCompile(tt.expr)}
		got := false
		for _, part := range tt.parts {
			n, err := m.Write([]byte(part))
			if got = err == errMatched; got {
				break
			}
			if n != len(part) || err != nil || len(m.line) > maxLine {
				t.Errorf("%q: %d, %v", tt.expr, n, err)
			}
		}
		if got != tt.want {
			t.Errorf("%q in %.40q: %v", tt.expr, tt.parts, got)
		}
	}
}

// However the text comes, the lines are the same.
func FuzzMatcher(f *testing.F) {
	f.Add("a\nready\n", 3, 5)
	f.Add("ready", 0, 1)
	f.Add("re\rady\r\n", 2, 8)
	f.Fuzz(func(t *testing.T, text string, i, j int) {
		expr := regexp.MustCompile("^re.*y$")
		want := false
		for line := range strings.Lines(text) {
			whole, ended := strings.CutSuffix(line, "\n")
			want = want || ended && len(whole) < maxLine && expr.MatchString(strings.TrimSuffix(whole, "\r"))
		}
		i, j = min(max(i, 0), len(text)), min(max(j, 0), len(text))
		m := &matcher{expr: expr}
		got := false
		for _, part := range []string{text[:min(i, j)], text[min(i, j):max(i, j)], text[max(i, j):]} {
			if !got {
				_, err := m.Write([]byte(part))
				got = err == errMatched
			}
		}
		if got != want && len(text) < maxLine {
			t.Errorf("%q in %d and %d: %v, want %v", text, i, j, got, want)
		}
	})
}

func TestLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "first\nsecond\nunended")
	c := New(Options{})
	of := func(expr string) engine.Checks {
		return startChecks(t, c, task.Spec{Ready: task.Ready{ReadyLog: expr}}, path)
	}
	if err := of("^first$").Ready(t.Context()); err != nil { // what was there before counts
		t.Error(err)
	}
	ended := make(chan error, 1)
	r := of("^unended and ended$")
	go func() { ended <- r.Ready(t.Context()) }()
	write(t, path, " and ended")
	write(t, path, "\nmore\n")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := of(`^never "\d"$`).Ready(ctx); err == nil || err.Error() != `log: no line matches "^never \"\\d\"$"` {
		t.Error(err)
	}
}

// TestLogOfEarlierVersion has an expression that this version refuses: no run starts with
// it, and a run that has started continues with its other checks.
func TestLogOfEarlierVersion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, strings.Repeat("x", 1000)+"\n")
	c := New(Options{})
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyLog: strings.Repeat("(x{1000})", 3000)}, Health: task.Health{HealthHTTP: "http://localhost"}}
	if _, err := c.Begin(engine.Launch{Spec: spec}, path); err == nil || err.Error() != "cannot check web: bad ready_log: it has 27000 bytes: give 1024 or fewer" {
		t.Error(err)
	}
	r, err := c.Begin(engine.Launch{Spec: spec, Adopted: true}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Ready(ctx); err == nil || err.Error() != "log: bad ready_log: it has 27000 bytes: give 1024 or fewer" {
		t.Error(err)
	}
	if len(r.(*checks).health) != 1 {
		t.Error("its health is not checked")
	}
}

// A log that is not there yet is awaited like any other failure.
func TestLogThatIsNotThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	r := startChecks(t, New(Options{}), task.Spec{Ready: task.Ready{ReadyLog: "ready", ReadyInterval: dur(time.Millisecond)}}, path)
	for d := 20 * time.Millisecond; ; d *= 2 { // a busy machine may take longer to look even once
		ctx, cancel := context.WithTimeout(t.Context(), d)
		err := r.Ready(ctx)
		cancel()
		if err != nil && strings.HasPrefix(err.Error(), "log: cannot follow a log: ") {
			break
		}
		if err == nil || d > 10*time.Second {
			t.Fatal(err)
		}
	}
	write(t, path, "ready\n")
	if err := r.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
