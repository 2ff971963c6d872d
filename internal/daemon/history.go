package daemon

import (
	"log/slog"
	"os"
	"slices"
	"strconv"

	"tasks/internal/events"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// historyRoom is how many changes of tasks wait for a disk that takes none for a
// while before some are missed.
const historyRoom = 16 << 10

// history begins to write what happens, from before the records are loaded.
func history(cfg Config, sup *supervisor.Supervisor, records []task.Record, owned func() error) *events.Recorder {
	how := "version " + cfg.Version
	if cfg.Handed != nil {
		how += ", in place of the one before"
	}
	return events.Record(cfg.Paths.State, events.Sources{
		Watch: sup.Watch(historyRoom, nil).Next,
		List:  sup.List,
		Runs: func(name string) []task.Run {
			info, _ := sup.Info(name) // without runs where it is gone
			return info.Runs
		},
		Records: records,
		Owned:   owned,
	}, cfg.Log, events.Event{Event: events.Serving, PID: os.Getpid(), Reason: how})
}

// A forgotten finds the runs that the history shows while the records do not: what is
// shown was recorded, so that the database is an older one, put back.
type forgotten struct {
	dir   string
	log   *slog.Logger
	shown map[string]bool // by name/run; nil until the first one is asked for
	runs  []string        // those that were found, as name/run
}

// has tells whether the history shows that the present task of that name had the run.
func (f *forgotten) has(name string, run int) bool {
	if f.shown == nil {
		f.shown = make(map[string]bool)
		if err := f.read(); err != nil {
			f.log.Warn(err.Error())
		}
	}
	id := name + "/" + strconv.Itoa(run)
	if f.shown[id] && !slices.Contains(f.runs, id) {
		f.runs = append(f.runs, id)
	}
	return f.shown[id]
}

func (f *forgotten) read() error {
	past, err := events.Open(f.dir)
	if err != nil {
		return err
	}
	defer past.Close()
	over := make(map[string]bool) // names that were another task's before
	for e, err := range past.Back() {
		switch {
		case err != nil:
			return err
		case over[e.Name]:
		case e.Event == events.Created || e.Event == events.Removed:
			over[e.Name] = true
		case e.Run != 0 && e.PID != 0:
			f.shown[e.Name+"/"+strconv.Itoa(e.Run)] = true
		}
	}
	return nil
}

// logEmptied is the event of a log that was emptied while its run wrote to it.
func logEmptied(name string, run int) events.Event {
	return events.Event{
		Event: events.Note, Name: name, Run: run,
		Reason: "its log was emptied while it ran: '> /dev/stderr' and '> /dev/stdout' do that, '>&2' and '>> /dev/stderr' do not",
	}
}

// leavingBecause says why a supervisor ends that was asked to.
func leavingBecause(leaving bool, next string) string {
	switch {
	case next != "":
		return "is replaced by " + next
	case leaving:
		return "exit: tasks run on"
	}
	return "exit"
}
