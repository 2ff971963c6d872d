package events

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/task"
)

// A feed is what a recorder watches.
type feed struct {
	changes chan []task.Event
	list    []task.Info
}

func (f *feed) sources() Sources {
	return Sources{
		Watch: func(ctx context.Context) ([]task.Event, bool) {
			select {
			case changes, ok := <-f.changes:
				return changes, ok
			case <-ctx.Done():
				return nil, false
			}
		},
		List: func() []task.Info { return f.list },
		Runs: func(string) []task.Run { return nil },
	}
}

// running says that tasks of these numbers run.
func running(ns ...int) (changes []task.Event) {
	for _, n := range ns {
		changes = append(changes, task.Event{Task: task.Info{Name: fmt.Sprint("t", n), State: task.Running, Run: 1, PID: n}})
	}
	return changes
}

// recorded is each event in dir: its name and word, and how many were missed.
func recorded(t *testing.T, dir string) string {
	t.Helper()
	var words []string
	for _, e := range all(t, dir) {
		w := strings.TrimPrefix(e.Name+":"+string(e.Event), ":")
		if e.Missed > 0 {
			w += fmt.Sprint(e.Missed)
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &feed{changes: make(chan []task.Event)}
		r := Record(dir, f.sources(), slog.New(slog.DiscardHandler), Event{Event: Serving})
		want := "serving"
		check := func(what string) {
			t.Helper()
			synctest.Wait()
			if got := recorded(t, dir); got != want {
				t.Errorf("%s: have %s\n want %s", what, got, want)
			}
		}
		check("at once")
		time.Sleep(pace)
		f.changes <- running(1)
		want += " t1:created t1:running"
		check("a lone event at once")
		f.changes <- running(2)
		check("the next ones together")
		f.changes <- running(3)
		time.Sleep(pace - time.Nanosecond)
		check("not yet")
		time.Sleep(time.Nanosecond)
		want += " t2:created t2:running t3:created t3:running"
		check("in one write")
		began := time.Now()
		time.Sleep(24 * time.Hour)
		f.changes <- running(4)
		close(f.changes)
		r.Close(Event{Event: Ending})
		want += " t4:created t4:running ending"
		check("the last ones")
		if got := all(t, dir); got[len(got)-1].At.Time != began.Add(24*time.Hour).UTC() || got[len(got)-1].Seq != 10 {
			t.Errorf("ends with %+v", got[len(got)-1])
		}
	})
}

func TestRecorderSaysWhatItMissed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &feed{changes: make(chan []task.Event)}
		r := Record(dir, f.sources(), slog.New(slog.DiscardHandler), Event{Event: Serving})
		f.changes <- running(1, 2)
		f.list = []task.Info{{Name: "t1", State: task.Done, Run: 1, EndedAt: at(1), ExitCode: new(0)}, {Name: "t3", State: task.Running, Run: 1, PID: 3}}
		changes := running(3)
		changes[0].Missed = 7
		f.changes <- changes
		close(f.changes)
		r.Close(Event{Event: Ending})
		want := "serving t1:created t1:running t2:created t2:running missed7 t3:created t3:running t1:done t2:removed ending"
		if got := recorded(t, dir); got != want {
			t.Errorf("have %s\n want %s", got, want)
		}
	})
}

// A disk that takes nothing is said once, and tried again; what waits for it is
// bounded, and what is more is counted.
func TestRecorderWaitsForRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &feed{changes: make(chan []task.Event)}
		r := Record(dir, f.sources(), slog.New(slog.NewTextHandler(&log, nil)), Event{Event: Serving})
		synctest.Wait()
		if err := os.Rename(newest(dir), dir+"/aside"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(newest(dir), 0o700); err != nil { // nothing can be written to it
			t.Fatal(err)
		}
		sent := 0
		for range 3 {
			f.changes <- running(sent)
			sent++
			time.Sleep(retry)
			synctest.Wait()
		}
		for r.w.missed < 50 { // of no other goroutine, while all are blocked
			changes := running(sent)
			changes[0].Task.Reason = strings.Repeat("x", 900)
			f.changes <- changes
			sent++
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 || r.w.pending.Len() > maxPending+maxLine {
			t.Errorf("%d bytes wait; said:\n%s", r.w.pending.Len(), &log)
		}
		f.changes <- nil // after what was just read of it
		if err := os.Remove(newest(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir+"/aside", newest(dir)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retry)
		synctest.Wait()
		got := all(t, dir)
		last := got[len(got)-1]
		if last.Event != Missed || last.Missed < 50 || len(got)-2+int(last.Missed) != 2*sent {
			t.Errorf("%d events of %d, then %+v", len(got), 2*sent, last)
		}
		if got := numbers(got); got[0] != 1 || got[len(got)-1] != uint64(len(got)) {
			t.Errorf("numbers %d to %d of %d", got[0], got[len(got)-1], len(got))
		}
		if !strings.Contains(log.String(), "wrote the history at last") {
			t.Errorf("said:\n%s", &log)
		}
		close(f.changes)
		r.Close(Event{Event: Ending})
	})
}

// A disk that hangs does not hold up the end of the supervisor for long.
func TestRecorderDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &feed{changes: make(chan []task.Event)}
		r := Record(dir, f.sources(), slog.New(slog.DiscardHandler), Event{Event: Serving})
		began := time.Now()
		r.Close(Event{Event: Ending}) // something is watched still
		if d := time.Since(began); d != leave {
			t.Errorf("waited %s", d)
		}
		close(f.changes)
	})
}
