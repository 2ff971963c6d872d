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
	Text   []byte
	Ended  bool // the run has ended, and nothing comes after Text
}

// Output is what the function called name wrote in a run, from offset on, if it is still
// kept. Run 0 is the newest. It does not wait. A task or a run that is not there is an
// ErrNotFound, and one whose output is in files, see Options.Logs, an ErrUsage.
func (s *Supervisor) Output(name string, run int, offset int64) (Output, error) {
	return s.output(name, run, func(kept *output, run int) (Output, bool) { return kept.read(run, offset) })
}

// NextOutput is Output once there is some, or the run has ended. If ctx ends first its
// cause is the error.
func (s *Supervisor) NextOutput(ctx context.Context, name string, run int, offset int64) (Output, error) {
	for {
		var more <-chan struct{}
		out, err := s.output(name, run, func(kept *output, run int) (Output, bool) {
			more = kept.nextChange()
			return kept.read(run, offset)
		})
		if err != nil || len(out.Text) > 0 || out.Ended {
			return out, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return out, context.Cause(ctx)
		}
	}
}

func (s *Supervisor) output(name string, run int, read func(kept *output, run int) (Output, bool)) (Output, error) {
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
	out, ok := read(now.output, run)
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

// begin returns where a run writes to, until end.
func (o *output) begin(run int) io.Writer {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.start + int64(len(o.text))
	o.runs = append(o.runs, outputRun{run: run, from: at, to: at})
	o.runs = slices.DeleteFunc(o.runs, func(r outputRun) bool { return r.to < o.start || r.run <= run-keepRuns })
	return outputWriter{o, run}
}

func (o *output) end(run int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.find(run); r != nil {
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
	r := o.find(w.run)
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

// find is the run, or with 0 the newest, or nil.
func (o *output) find(run int) *outputRun {
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

// read is the part from offset on, unless the run is not known.
func (o *output) read(run int, offset int64) (Output, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.find(run)
	if r == nil || r.to < o.start { // or nothing of it is kept
		return Output{}, false
	}
	from := min(max(r.from+offset, r.from, o.start), max(r.to, r.from))
	out := Output{Run: r.run, Offset: from - r.from, Ended: r.ended}
	if from >= o.start && from < r.to {
		out.Text = slices.Clone(o.text[from-o.start : r.to-o.start])
	}
	return out, true
}
