// Package daemon is the supervisor as a process: the one place that puts its
// parts together (run.go), and the fork that sends it into the background
// (fork.go, the only user of go-daemon).
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"tasks/internal/early"
	"tasks/internal/events"
	"tasks/internal/failpoint"
	"tasks/internal/logs"
	"tasks/internal/process"
	"tasks/internal/protocol"
	"tasks/internal/ready"
	"tasks/internal/server"
	"tasks/internal/socket"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Config is what a supervisor is given by who starts it.
type Config struct {
	Paths     socket.Paths
	KeepEnded int // done tasks to remember; 0: all
	Logs      logs.Limits
	Version   string // of this program
	Log       *slog.Logger
	file      *ownLog  // behind Log; nil in the foreground
	Console   *Console // where Log goes in the foreground; nil in the background
	First     *process.FirstThread
	Handed    *handed // what a supervisor that this one replaces passed on
}

// harmless are the signals that must not end or stop a supervisor: a hangup, and
// what its own output may cause. They are handled, not ignored: tasks would
// inherit that.
var harmless = []os.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGXFSZ}

// startsTime is how long what must be started again may keep `tasks serve` from returning.
const startsTime = 3 * time.Second

// Run is the supervisor. It calls serving once its socket answers and what must be started
// again has been, or after startsTime, and returns when a client or a TERM or INT signal has
// ended it and all that it ran.
func Run(cfg Config, serving func()) error {
	// Asked for first, so that none of them ends the process half way.
	early.Catch()
	resetIgnored()

	if err := process.Probe(); err != nil {
		return err
	}
	process.MakeThreads()
	systemd := newManager()
	if err := cfg.Paths.MakeDirs(); err != nil {
		if cfg.Handed == nil {
			return err
		}
		cfg.Log.Warn(err.Error()) // the program before this one took less care, and tasks run
	}
	// Held until the process is gone, however it ends: who waits for that
	// waits for the lock.
	lock, err := cfg.lock()
	if err != nil {
		return err
	}
	cfg.Console.spillTo(&ownLog{path: logPath(cfg.Paths), owned: lock.Check})
	if cfg.file != nil {
		cfg.file.owned = lock.Check
	}
	db, notice, err := cfg.database()
	if err != nil {
		return err
	}
	defer db.Close()
	db.Require(lock.Check)
	if notice != "" {
		cfg.Log.Warn(notice)
	}
	records, err := db.Records()
	if err != nil {
		return err
	}
	listener, err := cfg.listen()
	if err != nil {
		return err
	}
	if err := lock.Record(cfg.Paths.Socket); err != nil {
		listener.Close()
		return err
	}
	if err := lock.Unnoted(); err != nil {
		cfg.Log.Warn("a copy of the state directory, or another host that shares it, cannot tell that this supervisor lives", "err", err)
	}

	home := homeDir()
	begin := make(chan struct{})
	engine, err := process.New(process.Options{
		ID: db.ID(), Socket: cfg.Paths.Socket, Environ: os.Environ(), Home: home, Logger: cfg.Log, First: cfg.First, Begin: begin,
		Commits: db.Commits, MayReap: lock.MayReap,
	})
	if err != nil {
		listener.Close()
		return err
	}
	defer engine.Close()
	var past *events.Recorder // set before any log is watched
	keeper := logs.NewKeeper(logs.Dir(filepath.Join(cfg.Paths.State, "logs")), cfg.Logs, cfg.Log,
		func(name string, run int, gone bool) { past.Note(logHarmed(name, run, gone)) }, lock.Check)
	defer keeper.Close()
	checker := ready.New(ready.Options{Shell: engine, ID: db.ID(), Dir: filepath.Join(cfg.Paths.State, "notify"), Logger: cfg.Log})
	var srv *server.Server
	sup := supervisor.New(supervisor.Options{
		Commands: lastly{engine, func() { within(flushTime, srv.Flush) }}, Builtin: heartbeat, Store: db, Logs: keeper,
		Checker: checker, KeepEnded: cfg.KeepEnded, Logger: cfg.Log,
		HookFailed: func(spec *task.Spec, run int, why string) { past.Note(hookFailed(spec, run, why)) },
	})
	keeper.Processes(func(name string, run int) int { return mainOf(sup.SharedInfo(name), run) })
	killed, err := engine.KillUnknown(process.Database{
		Known: recorded(records, logs.Dir(filepath.Join(cfg.Paths.State, "logs"))), Commits: db.Commits(), Older: db.Older(),
	})
	if len(killed) > 0 {
		cfg.Log.Warn("ended processes of runs that were never recorded", "pids", killed)
	}
	var older *process.OlderError
	if errors.As(err, &older) {
		listener.Close()
		return fmt.Errorf("the database %s is %w: put the newer database back, or end these processes", databasePath(cfg.Paths), older)
	}
	if err != nil {
		listener.Close()
		return fmt.Errorf("cannot look for processes of runs that were never recorded: %w", err)
	}
	if db.Older() {
		cfg.Log.Warn("the database is an older copy: changes made after it are lost")
		if err := db.Renew(); err != nil {
			cfg.Log.Warn(err.Error())
		}
	}
	if cfg.Handed != nil {
		failpoint.At("resumed")
	}
	past = history(cfg, sup, records, lock.Check)
	began := task.Now()
	// A child of the program that this one replaced must be known before it is reaped.
	started := sup.Load(context.Background(), records, db.Groups()...)
	if pid := past.Killed(); pid != 0 {
		past.Note(supervisorKilled(pid, sup.List(), began))
	}
	close(begin)
	keeper.Ready()
	sup.ResumeChanges(db.Changes())

	since := task.Now()
	ending := newEnding()
	stirred := make(stirred, 1)
	srv = server.New(server.Config{
		Supervisor: sup, Home: home, Environ: engine.Environ(), Caller: process.CallerOf(0), Logger: cfg.Log, Answered: stirred.stir,
		Info: func() protocol.Info {
			strays, err := engine.Strays()
			if err != nil {
				cfg.Log.Warn("cannot look for strays", "err", err)
			}
			info := protocol.Info{
				Version: cfg.Version, PID: os.Getpid(), StartedAt: since,
				Socket: cfg.Paths.Socket, StateDir: cfg.Paths.State, Log: cfg.file.name(),
				Strays: strays, Ending: ending.ends(),
			}
			if err := db.InPlace(); err != nil {
				info.StateLost = err.Error()
			}
			return info
		},
		Exit: func(ctx context.Context, e supervisor.End, keep bool) (tasks []task.Info, err error) {
			touched := live(sup.List())
			asked := end{way: exiting}
			if keep {
				asked.way = leaving
			}
			if _, err := ending.accept(asked); err != nil {
				return nil, err
			}
			defer ending.done()
			cfg.Log.Info("exit: " + asked.way.String())
			if keep {
				tasks, err = sup.Leave(ctx)
			} else {
				tasks, err = sup.StopAll(ctx, e)
			}
			return slices.DeleteFunc(tasks, func(t task.Info) bool { return !touched[t.Name] }), err
		},
		Replace: func(o protocol.Replace) error {
			if err := check(engine, o.Program, db.MinReader()); err != nil {
				return err
			}
			if err := cfg.restore(lock, db); err != nil {
				return err
			}
			first, err := ending.accept(end{way: replaced, program: o.Program})
			if err != nil {
				if first == replaced {
					<-ending.over // then its caller can ask the program that has taken over
				}
				return err
			}
			defer ending.done()
			cfg.Log.Info("replaced: "+replaced.String(), "program", o.Program)
			if _, err := sup.Leave(context.Background()); err != nil {
				cfg.Log.Warn("some tasks did not end", "err", err)
			}
			cfg.setLimits(o)
			return nil
		},
	}, os.Getuid())
	bound := socket.Keep(listener, func() (*socket.Listener, error) {
		if err := cfg.Paths.MakeDirs(); err != nil {
			return nil, err
		}
		return socket.Listen(cfg.Paths.Socket)
	}, srv.Serve, cfg.Log)
	go trim(sup, stirred)
	go func() {
		err := watchClock(sup.ClockSet)
		cfg.Log.Warn("schedules will not notice that the clock is set", "err", err)
	}()
	cfg.Log.Info("serving", "version", cfg.Version, "pid", os.Getpid(), "socket", cfg.Paths.Socket, "state", cfg.Paths.State, "tasks", len(records))
	announce := sync.OnceFunc(func() {
		serving()
		systemd.notifyOnceRead("READY=1")
	})
	timeout := time.After(startsTime)
	beats, quit := systemd.beats(), early.Quit
	for open := true; open; {
		select {
		case <-started:
			started = nil
			announce()
		case <-timeout: // an exec may hang for as long as the server of its program does not answer
			announce()
		case <-beats: // from the loop that does the work: a hung one sends none
			systemd.notify("WATCHDOG=1")
		case got := <-quit:
			sig := got.(syscall.Signal)
			switch first, err := ending.accept(end{way: shutting, signal: sig}); {
			case err == nil:
				cfg.Log.Info("shutting down: "+shutting.String(), "signal", sig.String())
				announce()
				systemd.notify("STOPPING=1")
				go func() {
					defer ending.done()
					sup.Shutdown(context.Background()) // Close says what did not end
				}()
			case first == replaced:
				cfg.Log.Info("the signal is for the program that takes over", "signal", sig.String())
				early.Redeliver(sig)
				quit = nil
			default:
				cfg.Log.Info("the signal changes nothing: "+err.Error(), "signal", sig.String())
			}
		case <-ending.over:
			cfg.Log.Info("exiting", "tasks run on", sup.EndedByLeave())
			open = false
		case <-early.Nudge:
			bound.Rebind()
		}
	}
	announce()
	next := ending.first.program
	if next == "" {
		systemd.notify("STOPPING=1")
	}
	err = nil
	if !sup.EndedByLeave() {
		err = sup.Close(context.Background())
		checker.Close()
	}
	if err != nil {
		cfg.Log.Error("some tasks did not end", "err", err)
	}
	past.Close(events.Event{Event: events.Ending, PID: os.Getpid(), Reason: ending.why()})
	if next != "" {
		listener := bound.Release()
		within(flushTime, srv.Close)
		return handOver(cfg, next, listener, lock, db, systemd)
	}
	bound.Close()
	within(flushTime, srv.Close)
	if !sup.EndedByLeave() && err == nil { // nothing runs on that another host must not start as well
		if err := lock.Clear(); err != nil {
			cfg.Log.Warn("the lock says that this supervisor has not ended in order", "err", err)
		}
	}
	cfg.Log.Info("ended")
	runtime.KeepAlive(lock)
	return err
}

// recorded reports whether the records know, or knew, a run: the runs of a removed task
// have no logs any more, and what they were allowed to leave behind stays.
func recorded(records []task.Record, dir logs.Dir) func(name string, run int) bool {
	last := make(map[string]int, len(records))
	for _, r := range records {
		for _, run := range r.Runs {
			if run.PID != 0 || !run.EndedAt.IsZero() { // not one that was yet to begin
				last[r.Spec.Name] = run.Run
			}
		}
	}
	return func(name string, run int) bool {
		if run <= last[name] {
			return true
		}
		_, err := os.Lstat(dir.Path(name, run)) // made before the run is
		return err != nil                       // what cannot be looked at ends nothing
	}
}

// live is the names of the tasks that have not ended.
func live(tasks []task.Info) map[string]bool {
	names := make(map[string]bool)
	for _, t := range tasks {
		if !t.State.Ended() {
			names[t.Name] = true
		}
	}
	return names
}

// heartbeat is the task that is started by a name alone: it logs a line every
// two seconds until its stop event is set.
func heartbeat(ctx context.Context) error {
	log := supervisor.Log(ctx)
	beat := time.NewTicker(2 * time.Second)
	defer beat.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(log, "%s heartbeat %d\n", time.Now().Format(time.RFC3339), n)
		select {
		case <-beat.C:
		case <-ctx.Done():
			fmt.Fprintf(log, "%s stop event set, leaving\n", time.Now().Format(time.RFC3339))
			return nil
		}
	}
}

// homeDir is the directory of tasks that were given none.
func homeDir() string {
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			return home
		}
	}
	return "/"
}
