package supervisor

import (
	"context"
	"io"
	"slices"
	"sync"

	"tasks/pkg/task"
)

// KeptOutput is how much of what a function writes to its [Log] is kept in memory, in
// bytes, where there are no Options.Logs: the newest, of all runs of its task together.
const KeptOutput = 64 << 10

// Output is a part of what a run has written.
type Output struct {
	Run    int
	Offset int64 // of Text in all that the run wrote: more than was asked for where that is not kept any more
	Size   int64 // of all that the run wrote so far
	Text   []byte
	Ended  bool // the run has ended, and nothing comes after Text
}

// Output is what the function called name wrote in a run, from offset on, if it is still
// kept. Run 0 is the newest. It does not wait. A task or a run that is not there is an
// ErrNotFound, and one whose output is in files, see Options.Logs, an ErrUsage.
func (s *Supervisor) Output(name string, run int, offset int64) (Output, error) {
	return s.output(name, run, offset, slices.Clone)
}

// ReadOutput is Output of as much as piece has room for, which has it afterwards.
func (s *Supervisor) ReadOutput(name string, run int, offset int64, piece []byte) (Output, error) {
	return s.output(name, run, offset, func(text []byte) []byte { return piece[:copy(piece, text)] })
}

// NextOutput is Output once there is some, or the run has ended. If ctx ends first its
// cause is the error.
func (s *Supervisor) NextOutput(ctx context.Context, name string, run int, offset int64) (Output, error) {
	out, err := s.AwaitOutput(ctx, name, run, offset)
	if err != nil {
		return out, err
	}
	return s.Output(name, out.Run, offset)
}

// AwaitOutput is NextOutput without its Text, which it does not copy.
func (s *Supervisor) AwaitOutput(ctx context.Context, name string, run int, offset int64) (Output, error) {
	changed, stop := s.Changes(name)
	defer stop()
	for {
		written := s.nextWrite(name)
		out, err := s.ReadOutput(name, run, offset, nil)
		if err != nil || out.Offset < out.Size || out.Ended {
			return out, err
		}
		select {
		case <-written:
		case <-changed: // also where no run comes of it
		case <-ctx.Done():
			return out, context.Cause(ctx)
		}
	}
}

// nextWrite is closed when the function called name writes, or a run of it ends.
func (s *Supervisor) nextWrite(name string) <-chan struct{} {
	if now := s.lookup(name); now != nil && now.output != nil {
		return now.output.nextChange()
	}
	return nil
}

func (s *Supervisor) output(name string, run int, offset int64, copied func(text []byte) []byte) (Output, error) {
	now := s.lookup(name)
	switch {
	case now == nil:
		return Output{}, s.noSuch(name)
	case s.opts.Logs != nil:
		return Output{}, task.Errorf(task.ErrUsage, name, "the output of %s is in %s", name, now.info.Log)
	case now.output == nil:
		return Output{}, task.Errorf(task.ErrNotFound, name, "%s has no output", name)
	}
	if run == 0 {
		run = now.info.Run
	}
	out, ok := now.output.read(run, offset, copied)
	switch {
	case !ok && run == now.info.Run && !now.info.State.Ended(): // it is about to begin
		return Output{Run: run}, nil
	case !ok:
		return out, task.Errorf(task.ErrNotFound, name, "No such run: of %s no output of that run is kept", name)
	}
	return out, nil
}

// output is the newest of what the runs of one task wrote.
type output struct {
	mu    sync.Mutex // the last of all locks, and guards what follows
	text  []byte     // at most twice KeptOutput
	start int64      // where text begins in all that was written
	runs  []outputRun
	more  chan struct{} // closed at the next change; nil: nobody waits
}

// outputRun is where the output of a run is.
type outputRun struct {
	run      int
	from, to int64
	ended    bool
}

// startRun returns where a run writes to, until endRun.
func (o *output) startRun(run int) io.Writer {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.start + int64(len(o.text))
	o.runs = append(o.runs, outputRun{run: run, from: at, to: at})
	o.runs = slices.DeleteFunc(o.runs, func(r outputRun) bool { return r.to < o.start || r.run <= run-keepRuns })
	return outputWriter{o, run}
}

func (o *output) endRun(run int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.findRun(run); r != nil {
		r.ended = true
	}
	o.changed()
}

type outputWriter struct {
	o   *output
	run int
}

// Write writes for a run that has not ended; what one writes later is thrown away.
func (w outputWriter) Write(text []byte) (int, error) {
	o := w.o
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.findRun(w.run)
	if r == nil || r.ended {
		return len(text), nil
	}
	o.text = append(o.text, text...)
	if extra := len(o.text) - KeptOutput; extra > KeptOutput {
		o.text = append(make([]byte, 0, 2*KeptOutput), o.text[extra:]...)
		o.start += int64(extra)
	}
	r.to = o.start + int64(len(o.text))
	o.changed()
	return len(text), nil
}

// findRun is the run, or with 0 the newest, or nil.
func (o *output) findRun(run int) *outputRun {
	for i := len(o.runs) - 1; i >= 0; i-- {
		if run == 0 || o.runs[i].run == run {
			return &o.runs[i]
		}
	}
	return nil
}

func (o *output) changed() {
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
}

// nextChange is closed when something has changed since.
func (o *output) nextChange() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more == nil {
		o.more = make(chan struct{})
	}
	return o.more
}

// read is the part from offset on, or what copied takes of it, unless the run is not known.
func (o *output) read(run int, offset int64, copied func(text []byte) []byte) (Output, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.findRun(run)
	if r == nil || r.to < o.start { // or nothing of it is kept
		return Output{}, false
	}
	from := min(max(r.from+offset, r.from, o.start), max(r.to, r.from))
	out := Output{Run: r.run, Offset: from - r.from, Size: r.to - r.from}
	if from >= o.start && from < r.to {
		out.Text = copied(o.text[from-o.start : r.to-o.start])
	}
	out.Ended = r.ended && from+int64(len(out.Text)) == r.to
	return out, true
}
