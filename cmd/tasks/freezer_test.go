package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const freezers = "/sys/fs/cgroup/freezer"

// freezer is the one of a script: a cgroup whose processes sleep uninterruptibly
// while it is frozen, so that KILL ends them only once it is thawed.
func freezer(ts *testscript.TestScript) string {
	return filepath.Join(freezers, "tasks-"+filepath.Base(ts.Getenv("RUN")))
}

// freeze is `freeze NAME COMMAND`: those processes of the task called NAME freeze
// whose command line begins so. They are thawed at the script's end, if not before.
func freeze(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: freeze NAME COMMAND")
	}
	dir := freezer(ts)
	if err := os.Mkdir(dir, 0o700); err == nil {
		ts.Defer(func() {
			set(ts, dir, "THAWED")
			procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for _, pid := range strings.Fields(string(procs)) { // one that has just ended cannot be moved
				os.WriteFile(filepath.Join(freezers, "cgroup.procs"), []byte(pid), 0)
			}
			for end := time.Now().Add(timeout); os.Remove(dir) != nil; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					ts.Fatalf("cannot remove %s: %s", dir, procs)
				}
			}
		})
	} else if !os.IsExist(err) {
		ts.Check(err)
	}
	n := 0
	for _, p := range processesOf(ts.Getenv("RUN")) {
		if p.task == args[0] && strings.HasPrefix(p.command, args[1]) {
			ts.Check(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(p.pid)), 0))
			n++
		}
	}
	if n == 0 {
		ts.Fatalf("%s has no process %q", args[0], args[1])
	}
	set(ts, dir, "FROZEN")
}

// thaw is `thaw`: the frozen processes run again.
func thaw(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: thaw")
	}
	set(ts, freezer(ts), "THAWED")
}

func set(ts *testscript.TestScript, dir, state string) {
	file := filepath.Join(dir, "freezer.state")
	for end := time.Now().Add(timeout); ; time.Sleep(time.Millisecond) {
		ts.Check(os.WriteFile(file, []byte(state), 0))
		now, err := os.ReadFile(file)
		ts.Check(err)
		if strings.TrimSpace(string(now)) == state {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s is %s, want %s", dir, now, state)
		}
	}
}
