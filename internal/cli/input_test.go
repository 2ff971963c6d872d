package cli

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"tasks/internal/escape"
)

// An endless reader is one text again and again, up to a number of bytes.
type endless struct {
	text string
	left int
}

func (r *endless) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) {
		n += copy(b[n:], r.text)
	}
	r.left -= n
	return n, nil
}

// TestShellLine holds that the shell passes over a line that is too long, without
// keeping it.
func TestShellLine(t *testing.T) {
	var out, errs bytes.Buffer
	e := newEnv()
	e.in = io.MultiReader(&endless{"\x00", 100 << 20}, strings.NewReader("\nversion\n"+strings.Repeat(" ", maxShellLine-9)+"--bad\n"+strings.Repeat(" ", maxShellLine)+"\n"))
	e.out, e.err, e.tty, e.errTTY = escape.NewWriter(&out), escape.NewWriter(&errs), false, false
	read := e.plainReader()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var got []string
	for {
		line, err := read("")
		if err == io.EOF {
			break
		}
		if err != nil {
			line = err.Error()
		}
		got = append(got, strings.TrimSpace(line))
	}
	runtime.ReadMemStats(&after)
	long := "a line has more than 1024 KiB: it is skipped"
	if want := []string{long, "version", "--bad", long}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %.100q", got)
	}
	if size := after.TotalAlloc - before.TotalAlloc; size > 20<<20 {
		t.Errorf("it takes %d bytes", size)
	}
	e.in = io.MultiReader(strings.NewReader(strings.Repeat("x", maxShellLine)+"x\n#\n"), &endless{"x", 2 << 20})
	if err := e.runShell(); codeOf(err) != wrongUsage || strings.Count(errs.String(), "tasks: "+long+"\n") != 2 {
		t.Errorf("%v, %q", err, errs.String())
	}
}

// TestManyInputs holds that inputs without end are refused before all are read.
func TestManyInputs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"y\n", "\xff\n", strings.Repeat("x", 1000) + "\n"} {
		in := &endless{text, 1 << 30}
		_, _, err := readInputs(in, false, false)
		if codeOf(err) != wrongUsage || err.Error() != "more than 100000 inputs, or 64 MiB of them: give them to several commands" || in.left < 900<<20 {
			t.Errorf("%.5q: %v, with %d bytes left", text, err, in.left)
		}
	}
	inputs, skipped, err := readInputs(strings.NewReader(strings.Repeat("y\n", maxInputs)), false, false)
	if len(inputs) != maxInputs || skipped != nil || err != nil {
		t.Errorf("%d inputs, %v, %v", len(inputs), skipped, err)
	}
}

// What a terminal may have cut is not run.
func TestInputsOfATerminal(t *testing.T) {
	t.Parallel()
	whole, cut := strings.Repeat("x", longestTyped-1), strings.Repeat("x", longestTyped)
	for text, ok := range map[string]bool{whole + "\n" + whole + "\n": true, "a\n" + cut + "\nb\n": false} {
		for _, nul := range []bool{false, true} {
			_, _, err := readInputs(strings.NewReader(text), nul, true)
			if (err == nil) != ok {
				t.Errorf("%d bytes, nul %t: %v", len(text), nul, err)
			}
			if _, _, err := readInputs(strings.NewReader(text), nul, false); err != nil {
				t.Errorf("in a pipe: %v", err)
			}
		}
	}
}
