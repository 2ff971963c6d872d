package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// naiveTail is what Tail is to find, by way of all lines.
func naiveTail(b []byte, n int) int64 {
	lines := bytes.SplitAfter(b, []byte{'\n'})
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	offset := len(b)
	for ; n > 0 && len(lines) > 0; n-- {
		offset -= len(lines[len(lines)-1])
		lines = lines[:len(lines)-1]
	}
	return int64(offset)
}

// tempFile is a file that holds b, open to read.
func tempFile(t testing.TB, b []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "1.log")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func numbered(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&b, "line %d of many\n", i)
	}
	return b.Bytes()
}

func TestTail(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", block+17)
	aligned := strings.Repeat("y", block-1) + "\n"
	for about, text := range map[string]string{
		"empty":               "",
		"one newline":         "\n",
		"only newlines":       "\n\n\n\n",
		"no newline":          "abc",
		"one line":            "abc\n",
		"unterminated":        "a\nb\nc",
		"CRLF":                "a\r\nb\r\nc\r\n",
		"NULs":                "\x00\x00\na\x00b\n\x00",
		"long line":           long,
		"long lines":          long + "\n" + long + "\n" + long,
		"block":               aligned,
		"blocks":              aligned + aligned + aligned,
		"blocks unterminated": aligned + aligned + long,
		"newline in front":    "\n" + aligned,
		"newline behind":      aligned + "\n",
		"one byte over":       "z" + aligned + aligned,
		"newlines by block":   strings.Repeat("\n", 2*block),
		"many":                string(numbered(20_000)),
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := tempFile(t, []byte(text))
			for _, n := range []int{0, 1, 2, 3, 4, 10, 4000, 1 << 40} {
				if got, err := Tail(f, n); err != nil || got != naiveTail([]byte(text), n) {
					t.Errorf("Tail(%d) = %d, %v, want %d", n, got, err, naiveTail([]byte(text), n))
				}
			}
			if got, err := Tail(f, -1); err != nil || got != 0 {
				t.Errorf("Tail(-1) = %d, %v", got, err)
			}
		})
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte(""), 1, 1, 0)
	f.Add([]byte("a\nb\nc"), 2, 2, 1)
	f.Add([]byte("a\r\n\r\n\n"), 3, 3, 0)
	f.Add([]byte("\x00\n\n"), 0, 1, 2)
	f.Fuzz(func(t *testing.T, b []byte, n, size, start int) {
		if n < 0 || size < 1 || size > 1<<16 || start < 0 || start > len(b) {
			t.Skip()
		}
		want := int64(start) + naiveTail(b[start:], n)
		got, err := lastLines(bytes.NewReader(b), int64(start), int64(len(b)), n, make([]byte, size), func(low int64) (int64, error) { return low, nil })
		if err != nil || got != want {
			t.Errorf("the last %d lines of %q from %d by %d: %d, %v, want %d", n, b, start, size, got, err, want)
		}
	})
}

func TestCopy(t *testing.T) {
	t.Parallel()
	text := append(numbered(150_000), "\x00\x00unterminated"...) // more than two chunks
	f := tempFile(t, text)
	for _, offset := range []int64{0, 1, chunk, int64(len(text)) - 14, int64(len(text))} {
		var b bytes.Buffer
		got, err := Copy(&b, f, offset)
		if err != nil || got != int64(len(text)) || !bytes.Equal(b.Bytes(), text[offset:]) {
			t.Errorf("from %d: %d, %v, %d bytes", offset, got, err, b.Len())
		}
	}
	t.Run("to a file", func(t *testing.T) {
		to, err := os.Create(filepath.Join(t.TempDir(), "copy"))
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		if _, err := Copy(to, f, 7); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(to.Name()); err != nil || !bytes.Equal(b, text[7:]) {
			t.Errorf("copied %d bytes, %v", len(b), err)
		}
	})
	t.Run("of an emptied file", func(t *testing.T) {
		f := tempFile(t, []byte("new\n"))
		var b bytes.Buffer
		if got, err := Copy(&b, f, 100); err != nil || got != 4 || b.String() != "new\n" {
			t.Errorf("%d, %v, %q", got, err, b.String())
		}
	})
	t.Run("to a broken writer", func(t *testing.T) {
		if got, err := Copy(broken{}, f, 5); !errors.Is(err, errBroken) || got != 5 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestLast(t *testing.T) {
	t.Parallel()
	many := numbered(10_000)
	long := strings.Repeat("x", 2*block)
	line := strings.Repeat("y", block-1) + "\n"
	for _, c := range []struct {
		about, text string
		n           int
		want        string
	}{
		{"empty", "", 5, ""},
		{"fewer", "a\nb\n", 5, "a\nb\n"},
		{"more", "a\nb\nc", 2, "b\nc"},
		{"none", "a\n", 0, ""},
		{"all of a small one", "a\nb\n", -1, "a\nb\n"},
		{"a line above the limit", long, 1, long[block:]},
		{"a line above the limit, ended", long + "\n", 1, long[block+1:] + "\n"},
		{"a line of just the limit", "a\n" + line, 9, line},
		{"lines beyond the limit", string(many), 9999, string(many[naiveTail(many, block/len("line 9999 of many\n")):])},
		{"a long line before", long + "\nb\n", 2, "b\n"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			got, err := Last(tempFile(t, []byte(c.text)).Name(), c.n)
			if err != nil || string(got) != c.want {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(c.want))
			}
		})
	}
	if _, err := Last(filepath.Join(t.TempDir(), "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a missing file: %v", err)
	}
}

func BenchmarkTail(b *testing.B) {
	line := strings.Repeat("x", 99) + "\n"
	f := tempFile(b, bytes.Repeat([]byte(line), 64<<20/len(line)))
	for b.Loop() {
		if _, err := Tail(f, 10); err != nil {
			b.Fatal(err)
		}
	}
}
