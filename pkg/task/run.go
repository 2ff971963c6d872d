package task

import "syscall"

// A Ref identifies a process on this machine for as long as it is up.
type Ref struct {
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"` // clock ticks after boot, proc_pid_stat(5) field 22
	Boot  string `json:"boot,omitempty"`  // /proc/sys/kernel/random/boot_id

	Commit string `json:"commit,omitempty"` // its TASKS_COMMIT, which tells it from a run of a removed task with its name and number

	Cgroup string `json:"cgroup,omitempty"` // directory of its cgroup, if it has one of its own

	Over      uint64 `json:"over,omitempty"`      // clock ticks after boot when its end was seen; 0: it was not
	Namespace uint64 `json:"namespace,omitempty"` // of the pids, as Over was seen: inode of /proc/self/ns/pid

	Unknown Unknown `json:"-"`
}

// Exit is how a run ended: with a code, by a signal, or not known.
type Exit struct {
	Code       int
	Signal     syscall.Signal // if not 0, this ended it and Code has no meaning
	Lost       bool           // how it ended is unknown
	LeftBehind int            // processes that the run left behind and that were ended after it
	Err        string         // why a run could not begin, or what a function returned
	Stack      string         // of the function's panic
}

// OK reports whether the run ended well.
func (e Exit) OK() bool { return e.Code == 0 && e.Signal == 0 && !e.Lost && e.Err == "" }
