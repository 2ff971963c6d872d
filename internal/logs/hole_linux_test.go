package logs

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// punched is a file that held text, with its first n bytes discarded.
func punched(t *testing.T, text []byte, n int64) *os.File {
	t.Helper()
	f := tempFile(t, text)
	w, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	err = unix.Fallocate(int(w.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("the file system cannot punch holes")
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestHole(t *testing.T) {
	t.Parallel()
	const freed = 1 << 20
	text := numbered(100_000)
	whole := freed + int64(bytes.IndexByte(text[freed:], '\n')) + 1
	f := punched(t, text, freed)

	for _, n := range []int{-1, 1 << 30} {
		if got, err := Tail(f, n); err != nil || got != whole {
			t.Errorf("Tail(%d) = %d, %v, want %d", n, got, err, whole)
		}
	}
	if got, err := Tail(f, 10); err != nil || got != naiveTail(text, 10) {
		t.Errorf("Tail(10) = %d, %v, want %d", got, err, naiveTail(text, 10))
	}
	for _, offset := range []int64{0, 5, freed - 1, whole} {
		var b bytes.Buffer
		got, err := Copy(&b, f, offset)
		if err != nil || got != int64(len(text)) || !bytes.Equal(b.Bytes(), text[whole:]) {
			t.Errorf("Copy from %d: %d, %v, %d bytes, want %d", offset, got, err, b.Len(), len(text[whole:]))
		}
	}
}

func TestHoleOddities(t *testing.T) {
	t.Parallel()
	const freed = 64 << 10
	x := strings.Repeat("x", freed)
	for _, c := range []struct{ about, text, want string }{
		{"nothing left", x, ""},
		{"half a line left", x + "tail\n", ""},
		{"half an unterminated line left", x + "tail", "tail"},
		{"a line longer than a block", x + strings.Repeat("y", block) + "\nz\n", strings.Repeat("y", block) + "\nz\n"},
		{"NULs after the hole", x + "\x00\n\x00\x00\n", "\x00\x00\n"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			f := punched(t, []byte(c.text), freed)
			var b bytes.Buffer
			got, err := Copy(&b, f, 0)
			if err != nil || got != int64(len(c.text)) || b.String() != c.want {
				t.Errorf("Copy: %d, %v, %d bytes, want %d", got, err, b.Len(), len(c.want))
			}
			first, err := Tail(f, -1)
			if err != nil || c.text[first:] != c.want {
				t.Errorf("Tail(-1) = %d, %v", first, err)
			}
			if l, err := Last(f.Name(), 1<<30); err != nil || len(l) > block || !strings.HasSuffix(c.want, string(l)) {
				t.Errorf("Last: %d bytes, %v", len(l), err)
			}
		})
	}
}

// A task may make its log as long as it likes: what it did not write is not read.
func TestHoleOfTerabytes(t *testing.T) {
	t.Parallel()
	f := tempFile(t, []byte("a\nb\nc\n"))
	w, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Truncate(8 << 40); err != nil {
		t.Skip("the file system has no such files: ", err)
	}
	if data, err := nextData(f, 1<<40); err != nil || data != noData {
		t.Skip("the file system has no holes")
	}
	for n, want := range map[int]int64{-1: 0, 0: 6, 1: 4, 2: 2, 3: 0, 9: 0} {
		if got, err := Tail(f, n); err != nil || got != want {
			t.Errorf("the last %d lines begin at %d, %v, want %d", n, got, err, want)
		}
	}
	if b, err := Last(f.Name(), 2); err != nil || string(b) != "b\nc\n" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := w.WriteAt([]byte("d\ne\n"), 4<<40); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int64{1: 4<<40 + 2, 2: 6, 3: 4} { // what the hole is in is a line
		if got, err := Tail(f, n); err != nil || got != want {
			t.Errorf("the last %d lines begin at %d, %v, want %d", n, got, err, want)
		}
	}
	var out bytes.Buffer
	if end, err := Copy(&out, f, 0); err != nil || end != 8<<40 || len(out.Bytes()) > 64<<10 || !strings.Contains(out.String(), "c\n") || !strings.Contains(out.String(), "e\n") {
		t.Errorf("%d bytes, to %d, %v", out.Len(), end, err)
	}
}
