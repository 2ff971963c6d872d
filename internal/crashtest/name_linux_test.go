package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// An operation that a client has asked for.
type operation string

const (
	nothing operation = "nothing"
	start   operation = "start"
	again   operation = "start of what ended"
	stop    operation = "stop"
	restart operation = "restart"
	remove  operation = "removal"
	force   operation = "removal by force"
)

// A kind of task, by what its command does.
type kind struct {
	script string
	always bool // is started again when it ends
	brief  bool // ends by itself, with 3
}

var kinds = []kind{
	{script: "exec sleep 1000"},
	{script: "exec sleep 1000", always: true},
	{script: "setsid sleep 1000 & sleep 1000 & (setsid sleep 1000 &); wait"},
	{script: "trap '' TERM; sleep 1000"},
	{script: "sleep 0.03; exit 3", brief: true},
}

// state is what was acknowledged.
type state struct {
	kind   kind
	listed bool
	up     bool
	pid    int
	run    int
	state  task.State // of what is listed and not up
}

func (s state) String() string {
	switch {
	case !s.listed:
		return "not there"
	case s.up:
		return fmt.Sprintf("run %d with process %d of %q", s.run, s.pid, s.kind.script)
	default:
		return fmt.Sprintf("%s after run %d of %q", s.state, s.run, s.kind.script)
	}
}

// A name is one task as its only client knows it.
type name struct {
	text  string
	rand  *rand.Rand
	last  state
	doing operation // not acknowledged
	kind  kind      // of the start under way
}

// errWrong is an answer that the supervisor should not have given.
var errWrong = errors.New("wrong answer")

// act does one operation and notes what is acknowledged. An error is that the
// supervisor is gone.
func (n *name) act(ctx context.Context, c *client.Client) error {
	sel := task.Selector{Names: []string{n.text}}
	n.doing, n.kind = n.choose(), n.last.kind
	var infos []task.Info
	var err error
	switch n.doing {
	case start:
		n.kind = kinds[n.rand.IntN(len(kinds))]
		infos, err = c.Start(ctx, n.spec(), client.StartOptions{})
	case again:
		infos, err = c.StartAgain(ctx, sel, client.StartOptions{})
	case stop:
		infos, err = c.Stop(ctx, client.StopOptions{Selector: sel, Now: n.rand.IntN(3) == 0})
	case restart:
		infos, err = c.Restart(ctx, sel)
	case remove, force:
		infos, err = c.Remove(ctx, client.RemoveOptions{Selector: sel, Force: n.doing == force})
	}
	switch {
	case errors.Is(err, task.ErrConflict), errors.Is(err, task.ErrNotFound), errors.Is(err, task.ErrUsage), errors.Is(err, task.ErrTimeout):
		return fmt.Errorf("%w: %s of %s: %w", errWrong, n.doing, n.last, err)
	case err != nil:
		return err
	case len(infos) != 1:
		return fmt.Errorf("%w: %s: %d tasks answered", errWrong, n.doing, len(infos))
	}
	info := infos[0]
	switch n.doing {
	case stop:
		n.last.up, n.last.state = false, info.State
	case remove, force:
		n.last = state{}
	default:
		if n.last.listed && info.Run <= n.last.run {
			return fmt.Errorf("%w: run %d came after %s", errWrong, info.Run, n.last)
		}
		n.last = state{kind: n.kind, listed: true, up: true, pid: info.PID, run: info.Run}
	}
	n.doing = nothing
	return nil
}

func (n *name) choose() operation {
	from := []operation{start}
	switch {
	case n.last.up:
		from = []operation{stop, stop, stop, restart, restart, force}
	case n.last.listed:
		from = []operation{start, start, again, restart, remove}
	}
	return from[n.rand.IntN(len(from))]
}

func (n *name) spec() task.Spec {
	// One of many environments: they are stored apart, and dropped when nobody has them.
	env, err := task.NewEnv(map[string]string{"PATH": "/usr/bin:/bin", "LUCK": strconv.Itoa(n.rand.IntN(20))})
	if err != nil {
		panic(err)
	}
	s := task.Spec{
		Name: n.text, Command: []string{"sh", "-c", "echo $$; " + n.kind.script}, Cwd: "/", Env: env,
		StopTimeout: new(task.Duration(50 * time.Millisecond)),
	}
	if n.kind.always {
		s.Restart = task.RestartAlways
		s.Backoff = task.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}
	}
	return s
}

// compare tells what is wrong with a task that is shown as info and has these
// processes.
func (n *name) compare(info *task.Info, there []process) error {
	if info != nil && !info.State.Ended() && info.State != task.Running {
		return fmt.Errorf("it is %s", info.State)
	}
	up := info != nil && info.State == task.Running
	if !up && len(there) > 0 {
		return fmt.Errorf("it does not run, but process %d does, of run %d", there[0].pid, there[0].run)
	}
	main := false
	for _, p := range there {
		if p.run != info.Run {
			return fmt.Errorf("it has run %d, but process %d is of run %d", info.Run, p.pid, p.run)
		}
		main = main || p.pid == info.PID
	}
	if up && !main {
		return fmt.Errorf("it runs, but process %d does not", info.PID)
	}
	if up {
		if b, _ := os.ReadFile(info.Log); string(b) != fmt.Sprintln(info.PID) {
			return fmt.Errorf("process %d has written its pid, and its log is %q", info.PID, b)
		}
	}
	if n.asBefore(info) || n.asAsked(info) {
		return nil
	}
	if info == nil {
		return errors.New("it is not there")
	}
	return fmt.Errorf("it is %s, run %d, process %d: %s", info.State, info.Run, info.PID, info.Reason)
}

// asBefore: it is what was acknowledged last.
func (n *name) asBefore(info *task.Info) bool {
	switch was := n.last; {
	case info == nil:
		return !was.listed
	case !was.listed || info.Run != was.run:
		return false
	case was.up && was.kind.brief && info.State.Ended():
		return info.State == task.Lost || info.ExitCode != nil && *info.ExitCode == 3
	case was.up:
		return info.State == task.Running && info.PID == was.pid
	default:
		return info.State == was.state
	}
}

// asAsked: it is what the operation under way was to make of it.
func (n *name) asAsked(info *task.Info) bool {
	if info == nil {
		return n.doing == remove || n.doing == force
	}
	newer := !n.last.listed && info.Run == 1 || n.last.listed && info.Run > n.last.run
	switch n.doing {
	case start, again, restart:
		return newer && (info.State == task.Running || n.kind.brief && info.State.Ended())
	case stop, force:
		// The desired state was not recorded: what had the signal ended, and is started
		// again by its policy.
		return info.Run == n.last.run && info.State.Ended() || newer && n.last.kind.always && info.State == task.Running
	}
	return false
}

// settle takes what there is for what was asked for.
func (n *name) settle(info *task.Info) {
	if n.doing == start && info != nil && (!n.last.listed || info.Run > n.last.run) {
		n.last.kind = n.kind
	}
	n.doing = nothing
	if info == nil {
		n.last = state{}
		return
	}
	n.last = state{kind: n.last.kind, listed: true, up: !info.State.Ended(), pid: info.PID, run: info.Run, state: info.State}
}
