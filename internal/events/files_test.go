package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

// a is an event that the number n is seen in beside its own.
func a(n int) Event {
	return Event{At: at(n), Name: fmt.Sprintf("t%d", n), Event: Done, State: task.Done, Run: n, ExitCode: new(0), Reason: strings.Repeat("r", n%50)}
}

func write(t *testing.T, w *writer, events ...Event) {
	t.Helper()
	for _, e := range events {
		w.add(e)
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
}

func mustWriter(t *testing.T, dir string) *writer {
	t.Helper()
	w, err := newWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustOpen(t *testing.T, dir string) *Reader {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// all is the history in dir, the oldest event first.
func all(t *testing.T, dir string) []Event {
	t.Helper()
	events := backwards(t, mustOpen(t, dir))
	slices.Reverse(events)
	return events
}

func backwards(t *testing.T, r *Reader) (events []Event) {
	t.Helper()
	for e, err := range r.Back() {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func numbers(events []Event) []uint64 {
	ns := make([]uint64, len(events))
	for i, e := range events {
		ns[i] = e.Seq
	}
	return ns
}

// upTo is the numbers from first to last.
func upTo(first, last uint64) []uint64 {
	ns := make([]uint64, 0, last)
	for n := first; n <= last; n++ {
		ns = append(ns, n)
	}
	return ns
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if r := mustOpen(t, dir); !r.Empty() || len(backwards(t, r)) != 0 {
		t.Error("there is a history where nothing was written")
	}
	want := a(7)
	want.NextAt, want.Group, want.Was, want.Signal, want.TimedOut = at(9), "g", task.Running, "SIGKILL", true
	write(t, mustWriter(t, dir), want, Event{At: at(8), Event: Serving, PID: 3, Reason: "\x00\x1b[31m\xff<&>\n"})
	write(t, mustWriter(t, dir), a(9))
	got := all(t, dir)
	if !slices.Equal(numbers(got), upTo(1, 3)) {
		t.Fatalf("have %+v", got)
	}
	want.Seq = 1
	if have, _ := json.Marshal(got[0]); !bytes.Equal(have, must(json.Marshal(want))) {
		t.Errorf("have %s", have)
	}
	if got[1].Reason != "\x00\x1b[31m\ufffd<&>\n" {
		t.Errorf("reason %q", got[1].Reason)
	}
	info, err := os.Stat(newest(dir))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// absent facts are left out; the time has nine decimals
	b, err := os.ReadFile(newest(dir))
	if err != nil {
		t.Fatal(err)
	}
	const line = `{"seq":2,"at":"2026-01-02T00:00:08.000000000Z","event":"serving","pid":3,"reason":"\u0000\u001b[31m\ufffd<&>\n"}`
	if lines := strings.Split(string(b), "\n"); lines[1] != line {
		t.Errorf("have %s", lines[1])
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustWriter(t, dir)
	w.max = 10_000
	for n := range 1000 {
		if write(t, w, a(n)); n%100 == 0 {
			w = mustWriter(t, dir) // the next supervisor
			w.max = 10_000
		}
	}
	total := int64(0)
	for _, path := range []string{newest(dir), older(dir)} {
		info, err := os.Stat(path)
		if err != nil || info.Size() > w.max || info.Mode() != 0o600 {
			t.Fatalf("%s: %v, %v", path, info, err)
		}
		total += info.Size()
	}
	got := numbers(all(t, dir))
	if len(got) < 50 || total < w.max || !slices.Equal(got, upTo(got[0], 1000)) {
		t.Errorf("%d bytes, events %v", total, got)
	}
	// a supervisor died just before rotation created the new file
	if err := os.Remove(newest(dir)); err != nil {
		t.Fatal(err)
	}
	last := all(t, dir)
	write(t, mustWriter(t, dir), a(1))
	if got := all(t, dir); len(got) != len(last)+1 || got[len(last)].Seq != last[len(last)-1].Seq+1 {
		t.Errorf("after a half rotation: %v", numbers(got))
	}
}

func TestTornLines(t *testing.T) {
	t.Parallel()
	whole := `{"seq":1,"at":"2026-01-02T00:00:00Z","event":"serving"}` + "\n"
	for what, file := range map[string]string{
		"torn":           whole + `{"seq":2,"at":"2026-01-`,
		"all but ended":  whole + strings.TrimSuffix(whole, "\n"),
		"zeros":          whole + strings.Repeat("\x00", 5000),
		"zeros and more": whole + strings.Repeat("\x00", 70_000) + "\n",
		"junk":           "junk\n\n{}\n{\"seq\":9}\n[]\n" + whole,
		"long":           strings.Repeat("x", 70_000) + "\n" + whole + `{"seq":5,` + strings.Repeat(" ", 200_000) + "\n",
		"longer":         whole + strings.Repeat("{", 500_000),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(newest(dir), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := numbers(all(t, dir)); !slices.Equal(got, []uint64{1}) {
			t.Errorf("%s: read %v", what, got)
		}
		write(t, mustWriter(t, dir), a(2))
		if got := numbers(all(t, dir)); !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("%s: then %v", what, got)
		}
		if info, err := os.Stat(newest(dir)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", what, info.Mode(), err)
		}
	}
}

// Whatever is in the file, both ways of reading find the same in it, and a
// supervisor appends after it.
func FuzzRead(f *testing.F) {
	line := `{"seq":3,"at":"2026-01-02T00:00:00Z","name":"web","event":"done","exit_code":0}` + "\n"
	f.Add([]byte(line + line[:20]))
	f.Add([]byte("\n\n" + line + "\x00\x00" + line))
	f.Add([]byte(strings.Repeat("x", maxLine) + line))
	f.Add([]byte(`{"seq":18446744073709551615,"event":"x"}` + "\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(newest(dir), file, 0o600); err != nil {
			t.Fatal(err)
		}
		r := mustOpen(t, dir)
		back := numbers(backwards(t, r))
		slices.Reverse(back)
		var fore []uint64
		for l := range bytes.Lines(file) {
			if line, ended := bytes.CutSuffix(l, []byte{'\n'}); ended {
				if e, ok := parse(line); ok {
					fore = append(fore, e.Seq)
				}
			}
		}
		if !slices.Equal(back, fore) {
			t.Errorf("backwards %v, forwards %v", back, fore)
		}
		w := mustWriter(t, dir)
		w.seq = min(w.seq, 1<<60)
		write(t, w, a(1))
		got := all(t, dir)
		if len(got) != len(fore)+1 || got[len(fore)].Name != "t1" || got[len(fore)].Seq != w.seq {
			t.Errorf("then %v after %v", numbers(got), fore)
		}
	})
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(newest(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.HasPrefix(err.Error(), "cannot read the history: ") {
		t.Errorf("a directory is read: %v", err)
	}
	w, err := newWriter(dir)
	if err == nil {
		t.Error("a directory is opened for writing")
	}
	w.add(a(1))
	if err := w.flush(); err == nil || w.pending.Len() == 0 {
		t.Errorf("a directory was written to: %v", err)
	}
	if _, err := os.Stat(older(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it was moved")
	}
}

// The pid of a supervisor is known that did not say that it ended.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		wrote []Event
		want  int
	}{
		{nil, 0},
		{[]Event{{At: at(1), Event: Serving, PID: 7}, a(1), a(2)}, 7},
		{[]Event{{At: at(1), Event: Serving, PID: 8}}, 8},
		{[]Event{{At: at(1), Event: Serving, PID: 9}, a(1), {At: at(2), Event: Ending, PID: 9}}, 0},
	} {
		write(t, mustWriter(t, dir), tt.wrote...)
		if w := mustWriter(t, dir); w.killed != tt.want || w.seq < uint64(len(tt.wrote)) {
			t.Errorf("after %+v: %d, want %d", tt.wrote, w.killed, tt.want)
		}
	}
}

func BenchmarkDeriveAndWrite(b *testing.B) {
	w, err := newWriter(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	d := newDeriver(nil, func(string) []task.Run { return nil })
	job := []task.Info{
		{Name: "job-12345", State: task.Starting, Group: "batch", Run: 1},
		{Name: "job-12345", State: task.Running, Group: "batch", Run: 1, PID: 12345},
		{Name: "job-12345", State: task.Failed, Group: "batch", Run: 1, ExitCode: new(1), EndedAt: task.Now(), Reason: "exit code 1"},
	}
	var events []Event
	for i := range b.N { // an op is an event of a job of three
		now := task.Time{Time: time.Now()}
		events = d.derive(events[:0], now, &job[i%3], false)
		for _, e := range events {
			w.add(e)
		}
		if i%3 == 2 {
			d.derive(nil, now, &job[2], true)
		}
		if i%60 == 59 { // as many as come in 10 ms
			if err := w.flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkBack(b *testing.B) {
	dir := b.TempDir()
	w, err := newWriter(dir)
	if err != nil {
		b.Fatal(err)
	}
	for n := range 10_000 {
		w.add(a(n))
	}
	if err := w.flush(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for n := 0; n < b.N; {
		r, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		for range r.Back() {
			if n++; n == b.N {
				break
			}
		}
		r.Close()
	}
}

// In a directory that is another's nothing is written until it is not any more.
func TestNotOwned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustWriter(t, dir)
	why := errors.New("it is lost")
	lost := why
	w.owned = func() error { return lost }
	w.add(Event{Event: Serving})
	if err := w.flush(); !errors.Is(err, why) {
		t.Errorf("flush: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
	lost = nil
	if err := w.flush(); err != nil || len(all(t, dir)) != 1 {
		t.Errorf("flush: %v", err)
	}
}
