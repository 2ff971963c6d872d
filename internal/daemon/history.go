package daemon

import (
	"fmt"
	"os"
	"slices"

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

// supervisorKilled is the event of a supervisor that did not end in order, and of the runs
// that it had begun before then.
func supervisorKilled(pid int, tasks []task.Info, then task.Time) events.Event {
	runs := "no run was left"
	switch n := len(slices.DeleteFunc(tasks, func(t task.Info) bool { return t.PID == 0 || t.StartedAt.After(then.Time) })); {
	case n == 1:
		runs = "1 run was taken back"
	case n > 1:
		runs = fmt.Sprintf("%d runs were taken back", n)
	}
	return events.Event{Event: events.Note, Reason: fmt.Sprintf("the supervisor before, pid %d, ended without notice: %s", pid, runs)}
}

// hookFailed is the event of a hook that failed after a run.
func hookFailed(spec *task.Spec, run int, why string) events.Event {
	return events.Event{Event: events.Note, Name: spec.Name, Group: spec.Group, Run: run, Reason: why}
}

// logHarmed is the event of a log that was emptied, or removed, while its run wrote to it.
func logHarmed(name string, run int, gone bool) events.Event {
	if gone {
		return events.Event{Event: events.Note, Name: name, Run: run, Reason: "its log was removed while it ran: what it writes is lost, a restart gives it a new one"}
	}
	return events.Event{
		Event: events.Note, Name: name, Run: run,
		Reason: "its log was emptied while it ran: '> /dev/stderr' and '> /dev/stdout' do that, '>&2' and '>> /dev/stderr' do not",
	}
}

// mainOf is the main process of a run of a task, 0 where it has none yet, and below
// where the run is over.
func mainOf(info *task.Info, run int) int {
	switch {
	case info == nil: // it is being loaded
		return 0
	case info.Run != run || info.State.Ended():
		return -1
	}
	return info.PID
}
