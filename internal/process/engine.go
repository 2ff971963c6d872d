// Package process is the engine that runs commands as local processes.
//
// A run is the leader of a session and process group of its own, and writes to
// its log file directly: no pipe and no goroutine stands between, and it needs
// this program for nothing. One reaper collects all ends; no thread is held per
// run, as os/exec would (golang.org/issue/60320). Nothing else in a program that
// uses this engine may wait for children: the reaper takes them all.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/internal/failpoint"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Options of an Engine.
type Options struct {
	ID      string                           // distinguishes this supervisor's runs from others'
	Socket  string                           // the value of TASKS_SOCKET
	Environ []string                         // for tasks that were given none
	Home    string                           // the directory of tasks that were given none
	Logger  *slog.Logger                     // nil: silent
	Commits func() uint64                    // how many the database has had; nil: there is none
	Begin   <-chan struct{}                  // no child is reaped before this is closed; nil: at once
	MayReap func(pid int, start uint64) bool // whether that process may have taken in what an earlier supervisor left; nil: any may
	First   *FirstThread                     // from OnFirstThread; nil: the end of each run costs a search of /proc
}

// Engine starts and reaps processes. A program has at most one.
type Engine struct {
	opts      Options
	boot      string
	namespace uint64      // of pids; 0: there is but one
	own       task.Caller // what runs inherit of this process
	null      *os.File
	tree      tree // finds what belongs to a run

	directories directories // that runs and lines begin in

	groups   cgroups            // of the runs to come
	emptied  []cgroup           // to be removed; the reaper's own
	occupied []cgroup           // likewise, by what their runs were allowed to leave behind
	lefts    batch[[]task.Proc] // asks for the processes that remain of a run
	members  batch[membership]  // who asks for all that is part of a run
	descents batch[[]stat]      // who asks for what descends from a main process
	lines    atomic.Uint64      // of Exec

	unwatched atomic.Int64 // adopted runs that could not be watched so far
	scarce    atomic.Bool  // whether it was logged that there are some because descriptors ran out

	mu             sync.Mutex     // held from a fork until it is known, and from a wait until it is noted
	runs           map[int]*run   // by the pid of the main process, until that is reaped
	leftBehind     map[*run]bool  // main process ended, others did not
	makers         makers         // of orphans
	bare           bool           // some run could not be put in a cgroup, and that was said
	ended          []*run         // adopted ones whose end the reaper has not seen
	stirred        bool           // a process that is not a child of ours has ended
	chld           chan os.Signal // SIGCHLD
	ignoredSignals chan os.Signal // what this process ignores, so that runs do not
	look           chan struct{}  // somebody wants a pass
	quit           chan struct{}
	over           sync.WaitGroup

	freeze chan chan []*run // Freeze asks
	frozen chan struct{}    // closed under the mutex, when no main process is reaped any more
}

// New makes the engine: from now on this process takes in the orphans of its
// descendants (PR_SET_CHILD_SUBREAPER) and reaps every child.
func New(o Options) (*Engine, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	null, err := openNull()
	if err != nil {
		return nil, fmt.Errorf("cannot start the process engine: %w", err)
	}
	e := &Engine{
		opts: o, own: CallerOf(0), null: null,
		runs: make(map[int]*run), leftBehind: make(map[*run]bool), directories: directories{byPath: make(map[string]*directory)},
		chld: make(chan os.Signal, 1), ignoredSignals: make(chan os.Signal), look: make(chan struct{}, 1),
		freeze: make(chan chan []*run), frozen: make(chan struct{}), quit: make(chan struct{}),
	}
	e.tree.first = o.First
	boot, bootErr := bootID()
	namespace, namespaceErr := pidNamespace()
	sigs, sigErr := ignored()
	e.tree.reserve(null)
	if err := cmp.Or(bootErr, namespaceErr, sigErr, e.tree.open()); err != nil {
		e.tree.release()
		null.Close()
		return nil, fmt.Errorf("cannot start the process engine: %w", err)
	}
	e.boot, e.namespace = boot, namespace
	e.makers.noteOrphans(e.anyOrphans())
	if e.groups, err = openCgroups(o.ID); err != nil {
		o.Logger.Info("runs have no cgroups of their own: what leaves them is found by other means", "err", err)
	}
	signal.Notify(e.chld, syscall.SIGCHLD)
	// An ignored signal would be ignored in what is executed, a caught one is not.
	if len(sigs) > 0 {
		signal.Notify(e.ignoredSignals, sigs...)
	}
	e.over.Go(e.reap)
	return e, nil
}

// Close ends the engine. Its runs, if any are left, keep running.
func (e *Engine) Close() error {
	close(e.quit)
	e.over.Wait()
	signal.Stop(e.chld)
	signal.Stop(e.ignoredSignals)
	e.groups.close(e.opts.ID)
	e.tree.release()
	return e.null.Close()
}

// Start begins a run. An error that is an fs.ErrNotExist means that the program
// or the directory is not there.
func (e *Engine) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	return e.start(ctx, l, e.groups)
}

func (e *Engine) start(ctx context.Context, l engine.Launch, groups cgroups) (engine.Process, error) {
	number := strconv.Itoa(l.Run)
	r := e.newRun(runID(e.opts.ID, l.Spec.Name, number))
	r.leave = l.Spec.LeaveChildren
	err := e.bound(ctx, r, func() error { return e.startRun(ctx, r, l, number, groups) })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// bound calls begin, which may hang at a file system that does not answer, until ctx ends.
// If r has no process by then, it gets none.
func (e *Engine) bound(ctx context.Context, r *run, begin func() error) error {
	result := make(chan error, 1)
	go func() { result <- begin() }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	e.mu.Lock()
	forked := r.ref.PID != 0
	e.mu.Unlock()
	if forked {
		return <-result
	}
	return engine.ErrHangs
}

func (e *Engine) startRun(ctx context.Context, r *run, l engine.Launch, number string, groups cgroups) error {
	if l.Log != nil {
		defer l.Log.Close()
	}
	dir, far, err := e.dir(ctx, l.Spec)
	if err != nil {
		return err
	}
	env := e.environ(l, r, dir)
	if len(l.Spec.Command) == 0 {
		return errors.New("there is no command")
	}
	path, err := lookPath(l.Spec.Command[0], dir, env)
	if err != nil {
		return err
	}
	out := e.null
	if l.Log != nil {
		out = l.Log
		r.marked = markLog(l.Log)
		if r.log, err = fileIDOf(l.Log); err != nil {
			return fmt.Errorf("cannot use the log: %w", err)
		}
	}
	c := command{
		path: path, argv: l.Spec.Command, dir: dir, farDir: far, env: env, out: out, task: l.Spec.Name, number: number, attributes: &l.Spec.Attributes,
	}
	if err = e.startCommand(ctx, r, c, groups); err != nil && !c.mayWait() {
		err = explained(err, path, dir)
	}
	return err
}

func (e *Engine) newRun(id string) *run {
	r := &run{engine: e, id: id, exited: make(chan struct{}), gone: make(chan struct{})}
	if e.opts.Commits != nil {
		r.ref.Commit = commitMark(e.opts.ID, e.opts.Commits())
	}
	return r
}

// A command is a program to execute.
type command struct {
	path   string
	argv   []string
	dir    string
	farDir bool // the chdir may wait
	env    []string
	out    *os.File // it writes to

	report *os.File // the shim does; nil: none

	task, number string // of the run
	attributes   *task.Attributes
}

// startCommand starts c as r. After an error nothing is left of it, but before the first child
// is reaped: then it is the first.
func (e *Engine) startCommand(ctx context.Context, r *run, c command, groups cgroups) error {
	err := e.execute(ctx, r, c, groups)
	if err != nil && r.ref.PID != 0 {
		r.Stop(syscall.SIGKILL)
		if e.opts.Begin != nil && !closed(e.opts.Begin) {
			return err
		}
		select {
		case <-r.gone:
		case <-e.frozen: // the next supervisor finds it
		case <-e.quit:
		}
	}
	return err
}

// execute has r execute c, by way of the shim where it takes that, or where the exec may
// wait: that is then its own affair.
func (e *Engine) execute(ctx context.Context, r *run, c command, groups cgroups) error {
	program, settings := c.argv[0], e.settings(c.attributes)
	if c.mayWait() {
		if settings == nil {
			settings = new(shimSettings)
		}
		settings.Dir, c.dir = c.dir, "/"
	}
	if settings == nil {
		return e.forkRun(ctx, r, c, program, groups)
	}
	c, err := settings.through(c)
	if err != nil {
		return execError(program, err)
	}
	in, out, err := pipe()
	if err != nil {
		return execError(program, err)
	}
	defer in.Close()
	c.report = out
	err = e.forkRun(ctx, r, c, program, groups)
	out.Close()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { in.SetReadDeadline(time.Now()) })()
	return settings.report(in, program) // without the lock
}

// forkRun forks the process of r, which may be the shim.
func (e *Engine) forkRun(ctx context.Context, r *run, c command, program string, groups cgroups) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil { // nobody waits for it any more
		return engine.ErrHangs
	}
	r.used.from = time.Now()
	pid, group, err := e.fork(c, groups)
	if err != nil {
		return execError(program, err)
	}
	failpoint.At("forked")
	r.ref.PID, r.ref.Boot, r.ref.Cgroup = pid, e.boot, string(group)
	e.runs[pid] = r
	// Not reaped before the lock is released, so it is there to be read.
	if r.ref.Start, err = startTime(pid); err != nil {
		return fmt.Errorf("cannot tell when process %d began: %w", pid, err)
	}
	return nil
}

// fork executes c in a cgroup of its own, or without where that cannot be. The
// caller holds the mutex.
func (e *Engine) fork(c command, groups cgroups) (pid int, group cgroup, err error) {
	group, in, groupErr := groups.create(c.task, c.number)
	attr := &syscall.ProcAttr{Dir: c.dir, Env: c.env, Files: []uintptr{e.null.Fd(), c.out.Fd(), c.out.Fd()}, Sys: sysProcAttr(in)}
	if c.report != nil {
		attr.Files = append(attr.Files, c.report.Fd()) // shimReport
	}
	pid, err = e.forkExec(c.path, c.argv, attr)
	if in >= 0 {
		closeFD(in)
	}
	if err != nil && group != "" {
		group.remove()
		group = ""
		if refused(err) {
			attr.Sys, groupErr = sysProcAttr(-1), err
			pid, err = e.forkExec(c.path, c.argv, attr)
		}
	}
	if err == nil && groupErr != nil && !e.bare {
		e.bare = true
		e.opts.Logger.Warn("cannot put a run in a cgroup of its own: what leaves it is found by other means", "task", c.task, "err", groupErr)
	}
	return pid, group, err
}

// forkExec forks on a thread that lives as long as this process does, also over an execve
// of its own: a run may have asked for a signal at the end of that thread.
func (e *Engine) forkExec(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	e.tree.first.Do(func() { pid, err = forkExec(path, argv, attr) })
	return pid, err
}

func execError(name string, err error) error { return fmt.Errorf("exec %q: %w", name, err) }
