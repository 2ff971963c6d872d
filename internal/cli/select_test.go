package cli

import (
	"strings"
	"testing"
)

// A question whose answer is empty says how many tasks there are, without a table.
func TestNone(t *testing.T) {
	t.Parallel()
	const night = `[{"name":"mirror","state":"waiting","exit_code":7,"spec":{"name":"mirror","every":"1h"}},{"name":"sync","state":"waiting","exit_code":0,"spec":{"name":"sync","every":"1h"}}]`
	fine := strings.Replace(night, `"exit_code":7`, `"exit_code":0`, 1)
	const off = `[{"name":"off","state":"stopped","command":["x"],"spec":{"name":"off"}}]`
	for _, tt := range []struct{ line, has, answer, errs string }{
		{"list", "[]", "[]", "no tasks: start one with 'tasks start NAME -- COMMAND'"},
		{"list -g g", "[]", "[]", "group g has no tasks"},
		{"list --state failed", night, "[]", "none of the 2 tasks is failed, but the last run of 1 failed: use --failing"},
		{"list -g conv --state failed,lost,done -o wide", two, "[]", "none of the 2 tasks of group conv is failed, lost or done, but the last run of 1 failed: use --failing"},
		{"list --failing", off, off, "off is stopped, not failing"},
		{"list off --failing --state done", off, "[]", "off is stopped, not done and failing"},
		{"list mirror --state failed", night[:strings.Index(night, ",{")] + "]", "[]", "mirror is waiting, not failed: its last run failed: use --failing"},
		{"list --state running", night, "[]", "none of the 2 tasks is running"},
		{"timers --failing", fine, fine, "none of the 2 schedules is failing"},
		{"show -a --failing", off, off, "tasks: off is stopped, not failing"},
		{"logs -a --state failed", off, "[]", "tasks: off is stopped, not failed"},
		{"logs -g g --failing", off, off, "tasks: off is stopped, not failing"},
	} {
		script := scripted{"list": tt.answer, "get": tt.answer}
		for _, all := range []string{`{}`, `{"all":true}`, `{"group":"g"}`, `{"group":"conv"}`, `{"names":["mirror"]}`, `{"names":["off"]}`} {
			script["list "+all] = tt.has
		}
		r := script.onTerminal(t, 80, strings.Fields(tt.line)...)
		if r.code != done || r.out != "" || r.errs != tt.errs+"\n" {
			t.Errorf("%s: exit code %d, %q, %q, not %q", tt.line, r.code, r.out, r.errs, tt.errs)
		}
	}
}
