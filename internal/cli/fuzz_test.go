package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"tasks/internal/events"
	"tasks/pkg/task"
)

// Whatever a supervisor says of its tasks, groups and events can be printed, and
// takes no more room than it has to.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		`[{"name":"a","state":"running","wish":"up","engine":"process","command":["sleep","1"],"pid":7,"run":1,"ready":true,"started_at":"2026-11-23T10:15:30Z","spec":{"name":"a"},
		   "tree":[{"pid":7,"command":["sleep"]},{"pid":8,"parent":7,"command":[]},{"pid":9,"parent":9}],"runs":[{"run":1,"pid":7,"started_at":"2026-11-23T10:15:30Z"}]}]`,
		`[{"tree":[{"pid":0}]}]`, `[{"tree":[{"pid":5},{"pid":5,"parent":5},{"pid":6,"parent":5},{"pid":5,"parent":6}]}]`,
		`[{"name":"\u001b[","state":"\u001b[31","reason":"\u001b[1;2","cwd":"\u001b","group":"\u202e"}]`,
		`[{"name":"a\nb","state":"x\ty","exit_code":-1,"restarts":-9223372036854775808,"pid":-1,"cpu_percent":1e308,"memory_bytes":-1,"processes":-1}]`,
		`[{"next_at":"9999-12-31T23:59:59Z","state":"backoff","started_at":"0001-01-01T00:00:01Z","ended_at":"0000-01-01T00:00:00Z","runs":[{"ended_at":"0001-01-01T00:00:01Z"}]}]`,
		`[{"spec":{"ready_http":"x","health_cmd":"y","max_restarts":-1,"restart":"always","timeout":"-1s","every":"2540400h","cron":"*","overlap":"z","success_codes":[1]}}]`,
		`[{"spec":{"cron":" "},"last_exit":{"started_at":"0001-01-01T00:00:01Z"},"duration":"-1s","place":-1,"waits_for":["","x"],"state":"waiting"}]`,
		`[{"name":"g","slots":-5,"running":-1,"on_exit":"\n"}]`, `[{"event":"missed","missed":18446744073709551615,"at":"9999-12-31T23:59:59Z","exit_code":3,"signal":"","reason":"\r"}]`,
		`[{},{}]`, `[null]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var tasks []task.Info
		var groups []task.Group
		var evs []events.Event
		isTasks, isGroups, isEvents := json.Unmarshal(text, &tasks) == nil, json.Unmarshal(text, &groups) == nil, json.Unmarshal(text, &evs) == nil
		for _, tty := range []bool{false, true} {
			for _, output := range []string{"table", "wide", "json", "name"} {
				var out, errs bytes.Buffer
				e := &printer{streams: streams{out: &out, err: &errs, tty: tty, errTTY: tty, width: 40}, output: output, color: "auto"}
				if isTasks {
					for _, key := range sortWords() {
						sortTasks(tasks, "-"+key)
					}
					if err := e.printTimers(slices.Clone(tasks)); err != nil {
						t.Error(err)
					}
					if err := e.printTasks(tasks); err != nil {
						t.Error(err)
					}
					for _, i := range tasks {
						if err := e.showTask(i); err != nil {
							t.Error(err)
						}
						if code := codeOfTask(i); code < 0 || code > 255 {
							t.Errorf("exit code %d", code)
						}
					}
				}
				if isGroups {
					if err := e.printGroups(groups, false); err != nil {
						t.Error(err)
					}
				}
				if isEvents {
					if err := e.printEvents(evs); err != nil {
						t.Error(err)
					}
				}
				if rows := bytes.Count(text, []byte("{")); out.Len() > 64<<10+len(text)*64+rows*20*maxColumn {
					t.Errorf("%d bytes of %d", out.Len(), len(text))
				}
			}
		}
	})
}
