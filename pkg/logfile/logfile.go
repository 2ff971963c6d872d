// Package logfile keeps what functions write in files, each run's in one of its own:
//
//	files, err := logfile.New("/var/lib/app/logs", logfile.Options{})
//	if err != nil { … }
//	sup := supervisor.New(supervisor.Options{Logs: files})
//	// …
//	sup.Close(ctx)
//	files.Close()
//
// The files are DIR/NAME/RUN.log, for their user alone. `tasks -s app.sock logs NAME`
// reads them.
package logfile

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"tasks/internal/logs"
	"tasks/internal/socket"
	"tasks/pkg/task"
)

// Options bound what is kept. The zero Options are those of `tasks serve`.
type Options struct {
	// MaxSize is what the log of one run may take up on disk, in bytes: of a larger one
	// the oldest output is discarded. 0: 64 MiB.
	MaxSize task.Size
	// Keep is of how many runs of a task the logs stay. 0: 10.
	Keep int
	// Total is what all logs may take up, in bytes: beyond it the oldest logs of ended
	// runs are removed. 0: 2 GiB.
	Total task.Size
	// Logger hears what cannot be kept within the bounds, and why. nil: nobody does.
	Logger *slog.Logger
}

// Logs are files below one directory. Make them with [New]. All methods may be called
// from any goroutine.
type Logs struct{ keeper *logs.Keeper }

// New keeps logs in dir, which is made with mode 0700 whenever it is not there, and must be
// this user's alone: else nothing in it is touched. No other program, and no other Logs, may use it at the same time.
// A program counts the runs of a task from 1 again, so the first one removes the task's
// logs of an earlier program. The Logs must be closed, after the supervisor.
func New(dir string, o Options) (*Logs, error) {
	if dir == "" { // an unset variable, and no wish for the current directory
		return nil, task.Errorf(task.ErrUsage, "", "cannot keep logs: name a directory")
	}
	err := cmp.Or(task.CheckSize("MaxSize", &o.MaxSize), task.CheckCount("Keep", &o.Keep), task.CheckSize("Total", &o.Total))
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "cannot keep logs: %v", err)
	}
	dir, err = filepath.Abs(dir)
	if err == nil {
		err = socket.MakeDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep logs: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limits := logs.Limits{
		MaxSize: cmp.Or(o.MaxSize, logs.DefaultMaxSize), Keep: cmp.Or(o.Keep, logs.DefaultKeep), Total: cmp.Or(o.Total, logs.DefaultTotal),
	}
	ours := func() error { return socket.CheckDir(dir) } // another may have made it since, where it was removed
	l := &Logs{logs.NewKeeper(logs.Dir(dir), limits, o.Logger, nil, ours)}
	l.keeper.Ready()
	return l, nil
}

// Close ends the watch over the files, which stay.
func (l *Logs) Close() error { return l.keeper.Close() }

// Create makes the file of a run.
func (l *Logs) Create(name string, run int) (*os.File, error) { return l.keeper.Create(name, run) }

// Path is the file of a run.
func (l *Logs) Path(name string, run int) string { return l.keeper.Path(name, run) }

// Watch bounds the file of a run that is about to begin.
func (l *Logs) Watch(spec *task.Spec, run int) { l.keeper.Watch(spec, run) }

// WatchLeft bounds the files that processes left by ended runs still write to.
func (l *Logs) WatchLeft(spec *task.Spec, last int) { l.keeper.WatchLeft(spec, last) }

// Written reports whether a process still writes to a file of the task.
func (l *Logs) Written(name string) bool { return l.keeper.Written(name) }

// Done tells that a run is over.
func (l *Logs) Done(name string, run int) { l.keeper.Done(name, run) }

// Reserve keeps what the next run needs; the error is why it cannot.
func (l *Logs) Reserve(name string, run int) error { return l.keeper.Reserve(name, run) }

// Release gives up what is kept for the first run of a task, which does not come.
func (l *Logs) Release(name string) { l.keeper.Release(name) }

// Remove deletes the files of a task.
func (l *Logs) Remove(name string) error { return l.keeper.Remove(name) }
