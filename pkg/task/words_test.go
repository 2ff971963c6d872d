package task_test

import (
	"slices"
	"syscall"
	"testing"

	"tasks/pkg/task"
)

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "SIGTERM": syscall.SIGTERM, "sigterm": syscall.SIGTERM, "Term": syscall.SIGTERM, "15": syscall.SIGTERM,
		"9": syscall.SIGKILL, "KILL": syscall.SIGKILL, "hup": syscall.SIGHUP, "usr1": syscall.SIGUSR1, "1": 1, "64": 64, "34": 34,
	} {
		if got, err := task.ParseSignal(in); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "65", "-9", "SIG", "SIGSIGTERM", "TERM ", "TERMINATE", "9.0", "SIG9"} {
		if got, err := task.ParseSignal(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	names := task.SignalNames()
	if !slices.IsSorted(names) || !slices.Contains(names, "TERM") {
		t.Errorf("names: %v", names)
	}
	for _, name := range names {
		sig, err := task.ParseSignal(name)
		if err != nil || task.SignalName(sig) != "SIG"+name {
			t.Errorf("%s is %d is %s, %v", name, sig, task.SignalName(sig), err)
		}
	}
	if got := task.SignalName(40); got != "SIG40" {
		t.Errorf("40 is %s", got)
	}
}

func TestSelectorEmpty(t *testing.T) {
	t.Parallel()
	if !(task.Selector{}).Empty() || (task.Selector{All: true}).Empty() || (task.Selector{Group: "g"}).Empty() || (task.Selector{Names: []string{"a"}}).Empty() {
		t.Error("Empty is wrong")
	}
}
