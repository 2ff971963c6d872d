package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// calls remembers each write to it.
type calls []string

func (c *calls) Write(p []byte) (int, error) {
	*c = append(*c, string(p))
	return len(p), nil
}

func TestLineWriter(t *testing.T) {
	t.Parallel()
	var got calls
	l := NewMerger(&got).Writer("web | ", func(line []byte) bool { return !bytes.Contains(line, []byte("no")) })
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"on", ""},
		{"e\ntwo\nno\nthr", "web | one\nweb | two\n"},
		{"ee", ""},
		{"\n", "web | three\n"},
		{"n", ""},
		{"o\n", ""},
		{"\n\r\nlast", "web | \nweb | \r\n"},
	} {
		got = nil
		if n, err := io.WriteString(l, c.text); n != len(c.text) || err != nil {
			t.Errorf("Write(%q) = %d, %v", c.text, n, err)
		}
		if strings.Join(got, "") != c.want || len(got) > 1 {
			t.Errorf("Write(%q) passed on %q, want %q", c.text, []string(got), c.want)
		}
	}
	for _, want := range []string{"web | last\n", ""} {
		got = nil
		if err := l.Flush(); err != nil || strings.Join(got, "") != want {
			t.Errorf("Flush: %v, %q, want %q", err, []string(got), want)
		}
	}
	if _, err := NewMerger(broken{}).Writer("", nil).Write([]byte("a\n")); !errors.Is(err, errBroken) {
		t.Errorf("to a broken destination: %v", err)
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("x", maxLine)
	text := x + "\n" + x + "y\n" + x + x + "\n" + x + x + "z"
	want := x + "\n" + x + "\ny\n" + x + "\n" + x + "\n" + x + "\n" + x + "\nz\n"
	for _, size := range []int{len(text), 65537, maxLine, maxLine + 1} {
		var got bytes.Buffer
		l := NewMerger(&got).Writer("", nil)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := io.WriteString(l, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			if len(l.rest) > maxLine {
				t.Fatalf("%d bytes held back", len(l.rest))
			}
		}
		if err := l.Flush(); err != nil || got.String() != want {
			t.Errorf("by %d: %v, %d bytes, want %d", size, err, got.Len(), len(want))
		}
	}
}

func TestMerger(t *testing.T) {
	t.Parallel()
	const writers, lines = 20, 500
	var got bytes.Buffer // unprotected: the Merger's mutex is what is tested
	m := NewMerger(&got)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			l := m.Writer(fmt.Sprintf("w%d ", w), nil)
			for i := range lines {
				// Torn at a place that differs from line to line.
				text := fmt.Sprintf("line %d of w%d\n", i, w)
				io.WriteString(l, text[:i%len(text)])
				io.WriteString(l, text[i%len(text):])
			}
		})
	}
	wg.Wait()
	next := make([]int, writers)
	for line := range strings.Lines(got.String()) {
		var w, i, v int
		if n, err := fmt.Sscanf(line, "w%d line %d of w%d\n", &w, &i, &v); n != 3 || w != v {
			t.Fatalf("torn: %q, %v", line, err)
		}
		if i != next[w] {
			t.Fatalf("w%d: line %d, want %d", w, i, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("w%d: %d lines, want %d", w, n, lines)
		}
	}
}
