package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"

	"tasks/internal/escape"
	"tasks/internal/logs"
	"tasks/pkg/task"
)

// mostFailed is for how many tasks of one command the last lines are shown.
const mostFailed = 5

// lastLines shows on stderr how the output of tasks that went wrong ended.
func (p *printer) lastLines(tasks []task.Info) {
	shown := 0
	for _, t := range tasks {
		again := t.State == task.BackingOff || t.State == task.Starting && t.Restarts > 0
		if !t.State.Ended() && !again || shown == mostFailed {
			continue
		}
		if text := lastOutput(t, again); len(text) > 0 {
			fmt.Fprintf(p.err, "last lines of %s ('tasks logs %[1]s' shows all):\n%s\n", plain(t.Name), escape.Colours(text))
			shown++
		}
	}
}

// lastOutput is the last lines of a task's newest run, or if that has begun again after a
// failure and written nothing yet, of the run before.
func lastOutput(t task.Info, again bool) []byte {
	if t.Log == "" || t.StartedAt.IsZero() { // it has begun no run, and the log is of one before
		return nil
	}
	for _, path := range []string{t.Log, filepath.Join(filepath.Dir(t.Log), strconv.Itoa(t.Run-1)+".log")} {
		if text, err := logs.Last(path, 10); err == nil && len(text) > 0 {
			return bytes.TrimRight(text, "\n")
		}
		if !again {
			break
		}
	}
	return nil
}

// whyFailed says why the last runs of tasks failed, and shows their last lines.
func (p *printer) whyFailed(tasks []task.Info) {
	if p.quiet {
		return
	}
	var failed []task.Info
	for _, t := range tasks {
		is := ""
		switch t.State {
		case task.Failed:
			is = "failed"
		case task.Lost:
			is = "is lost"
		case task.BackingOff:
			is = "failed, and will be started again"
		default:
			continue
		}
		failed = append(failed, t)
		p.remark("tasks: %s %s: %s", t.Name, is, t.Reason)
	}
	p.lastLines(failed)
}
