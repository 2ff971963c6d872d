package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A Freeze reports each end before it returns, or leaves it to the program that the
// process becomes. Lines still end, with all that they began.
func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			h := helper(t, "freeze")
			h.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "freeze", "PROCESS_TEST_WAY": string(w), "PATH": "/usr/bin:/bin"})
			s := start(t, h)
			if e := s.wait(t); e != (task.Exit{}) {
				t.Errorf("%+v:\n%s", e, s.log(t))
			}
		})
	}
}

// playFreeze does that in a process of its own.
func playFreeze() {
	must(LeaveCgroup()) // it is itself begun as a run
	w := way(os.Getenv("PROCESS_TEST_WAY"))
	e, err := New(options("/"))
	must(err)
	var runs []engine.Process
	begin := func(name, script string, leave bool) engine.Process {
		spec := sh(script)
		spec.Name, spec.LeaveChildren = name, leave
		p, err := e.start(context.Background(), engine.Launch{Spec: &spec, Run: 7}, w.groups(e))
		must(err)
		runs = append(runs, p)
		return p
	}
	lasts := begin("lasts", "exec sleep 1000", false)
	for i := range 20 { // their ends fall before the Freeze, in its midst and after it
		begin(fmt.Sprint("brief", i), "exit 9", false)
		begin(fmt.Sprint("leaves", i), "setsid sleep 1000 & exit 9", true)
	}
	e.Freeze()
	told := make(map[engine.Process]bool)
	for _, p := range runs {
		told[p] = closed(p.Exited())
	}

	line := func(ctx context.Context, script string) (task.Exit, error) {
		spec := task.Spec{Name: "line"}
		_, exit, err := e.exec(ctx, engine.Launch{Spec: &spec, Run: 7}, script, w.groups(e))
		return exit, err
	}
	exit, err := line(context.Background(), "setsid sleep 1000 & exit 4")
	if must(err); exit.Code != 4 || exit.LeftBehind != 1 {
		must(fmt.Errorf("a line ended with %+v", exit))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if exit, err = line(ctx, "trap '' TERM; setsid sleep 1000 & sleep 1000; true"); !errors.Is(err, context.DeadlineExceeded) {
		must(fmt.Errorf("a line that should be killed ended with %+v, %v", exit, err))
	}

	lasts.Stop(syscall.SIGKILL)
	sums := make(map[bool]int)
	for i, p := range runs {
		pid := p.Ref().PID
		sums[told[p]]++
		var status syscall.WaitStatus
		switch got, err := waitOwn(pid, &status); {
		case told[p] && (got != 0 || p.Exit().Code != 9):
			must(fmt.Errorf("run %d was reported as ended, %+v, but nobody has reaped it: %v, %v", i, p.Exit(), status, err))
		case !told[p] && got != pid:
			must(fmt.Errorf("run %d is gone, and its end was not reported: %v", i, err))
		case !told[p] && p == lasts && status.Signal() != syscall.SIGKILL, !told[p] && p != lasts && status.ExitStatus() != 9:
			must(fmt.Errorf("run %d ended with %v", i, status))
		case closed(p.Exited()) != told[p]:
			must(fmt.Errorf("the end of run %d was reported after the Freeze", i))
		}
	}
	fmt.Println("reported and left:", sums[true], sums[false])
	must(e.Close())
	for _, s := range processes() { // what should be left
		if s.ppid == os.Getpid() {
			must(syscall.Kill(s.pid, syscall.SIGKILL))
		}
	}
}

// waitOwn waits for that child; pid is 0 where there is none.
func waitOwn(child int, status *syscall.WaitStatus) (pid int, err error) {
	for {
		pid, err = syscall.Wait4(child, status, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			return max(pid, 0), err
		}
	}
}
