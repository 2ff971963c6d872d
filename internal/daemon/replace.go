package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tasks/internal/early"
	"tasks/internal/failpoint"
	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/internal/store"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A supervisor is replaced by another version of the program without its tasks
// noticing: by execve(2), so that the pid stays, the children stay children and
// their exit codes are exact. The socket, the lock and the database are passed on
// as descriptors; what is known of the tasks is in the database.

// handed is what the program before this one in the same process passed on.
type handed struct{ listener, lock, database *os.File } // the last is nil of an earlier version

// The words that follow Command in a program that is executed by a supervisor.
const (
	wordCheck  = "check" // can this program use the database of that format?
	wordResume = early.Resume
)

// handover is the version of what is passed on: from 2 on the database, which others
// wait to lock, and a signal that has come too late for the program before.
const handover = 2

// fit is what a program answers to wordCheck if it can take over: any might exit with 0.
const fit = "tasks can go on\n"

func (cfg *Config) lock() (*socket.Lock, error) {
	if cfg.Handed != nil {
		return socket.InheritLock(cfg.Handed.lock, cfg.Paths.State), nil
	}
	return socket.AcquireLock(cfg.Paths.State)
}

func databasePath(paths socket.Paths) string { return filepath.Join(paths.State, "tasks.db") }

func (cfg *Config) database() (db *store.Store, notice string, err error) {
	path := databasePath(cfg.Paths)
	if cfg.Handed != nil && cfg.Handed.database != nil {
		return store.Inherit(cfg.Handed.database, path)
	}
	return store.Open(path)
}

func (cfg *Config) listen() (*socket.Listener, error) {
	if cfg.Handed != nil {
		if l, err := socket.Inherit(cfg.Handed.listener, cfg.Paths.Socket); err == nil {
			return l, nil
		}
	}
	return socket.Listen(cfg.Paths.Socket)
}

// checkTimeout is how long a program may take to say whether it can take over.
const checkTimeout = 10 * time.Second

// check runs the program to see whether it can take over.
// format is the oldest one that the database can be read by.
func check(commands *process.Engine, program string, format int) error {
	if !filepath.IsAbs(program) {
		return task.Errorf(task.ErrUsage, "", "bad program %q: give an absolute path", program)
	}
	said, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot replace the supervisor: %w", err)
	}
	defer said.Close()
	spec := &task.Spec{Name: "check", Command: []string{program, Command, wordCheck, strconv.Itoa(format), strconv.Itoa(handover)}, Cwd: "/"}
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	run, err := commands.Start(ctx, engine.Launch{Spec: spec, Log: out})
	if err != nil {
		return fmt.Errorf("cannot replace the supervisor: %w", err)
	}
	select {
	case <-run.Exited():
	case <-ctx.Done():
		run.Stop(syscall.SIGKILL)
		return fmt.Errorf("cannot replace the supervisor: %s does not answer", program)
	}
	if exit := run.Exit(); !exit.OK() {
		return fmt.Errorf("cannot replace the supervisor: %s cannot use this state (exit code %d): the running supervisor is kept", program, exit.Code)
	}
	said.SetReadDeadline(time.Now().Add(time.Second)) // somebody else may have the other end
	if b, _ := io.ReadAll(io.LimitReader(said, int64(len(fit)))); string(b) != fit {
		return fmt.Errorf("cannot replace the supervisor: %s is not a tasks binary: the running supervisor is kept", program)
	}
	return nil
}

// restore writes again what was removed or replaced of the state directory: the next
// program goes by what is found there.
func (cfg *Config) restore(lock *socket.Lock, db *store.Store) error {
	if err := lock.Retake(cfg.Paths.Socket); err != nil {
		return fmt.Errorf("cannot replace the supervisor: %w", err)
	}
	notice, err := db.Rewrite()
	if err != nil {
		return fmt.Errorf("cannot replace the supervisor: %w", err)
	}
	if notice != "" {
		cfg.Log.Warn(notice)
	}
	return nil
}

// handOver executes the next program in place of this one. It returns only if
// even this program itself cannot be executed.
func handOver(cfg Config, next string, l *socket.Listener, lock *socket.Lock, db *store.Store, m manager) error {
	database := db.HandOver()
	failpoint.At("handing")
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("cannot hand over the socket: %w", err)
	}
	args := []string{
		"tasks", Command, wordResume, cfg.Paths.Socket, cfg.Paths.State, strconv.FormatBool(cfg.Paths.Named), keepArg(cfg.KeepEnded, cfg.Logs),
		strconv.FormatBool(cfg.file == nil),
	}
	for _, f := range []*os.File{file, lock.File(), database} {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil { // stays open across the exec
			return fmt.Errorf("cannot hand over: %w", os.NewSyscallError("fcntl", err))
		}
		args = append(args, strconv.Itoa(int(f.Fd())))
	}
	cfg.Log.Info("handing over", "program", next)
	cfg.Console.Flush()
	cfg.First.Do(func() {
		args = append(args, strconv.Itoa(int(early.Leave())))
		for _, program := range []string{next, "/proc/self/exe"} {
			err = syscall.Exec(program, args, append(os.Environ(), m.environ()...))
			cfg.Log.Error("cannot execute", "program", program, "err", err)
		}
	})
	return fmt.Errorf("cannot hand over to %s: %w", next, err)
}

// checkFormat is the side of check that is executed.
func checkFormat(args []string) error {
	if n, err := strconv.Atoi(args[0]); err != nil || n > store.Format {
		return fmt.Errorf("this program reads databases up to format %d", store.Format)
	}
	if args = args[1:]; len(args) > 0 { // an earlier version gives no other
		if n, err := strconv.Atoi(args[0]); err != nil || n > handover {
			return fmt.Errorf("this program knows version %d of the takeover", handover)
		}
	}
	return process.Probe()
}

// resume is the side of handOver that is executed.
func resume(args []string, version string) error {
	if len(args) == 7 { // of an earlier version
		args = append(args, "-1", "0")
	}
	if len(args) != 9 {
		return errors.New("this command is for 'tasks serve --replace' alone")
	}
	named, err1 := strconv.ParseBool(args[2])
	keep, limits, err2 := parseKeep(args[3])
	foreground, err3 := strconv.ParseBool(args[4])
	listener, err4 := strconv.Atoi(args[5])
	lock, err5 := strconv.Atoi(args[6])
	database, err6 := strconv.Atoi(args[7])
	late, err7 := strconv.Atoi(args[8])
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, closeOnExec()); err != nil {
		return err
	}
	if late != 0 {
		early.Redeliver(syscall.Signal(late))
	}
	paths := socket.Paths{Socket: args[0], State: args[1], Named: named}
	cfg := Config{
		Paths: paths, KeepEnded: keep, Logs: limits, Version: version,
		Handed: &handed{os.NewFile(uintptr(listener), "socket"), os.NewFile(uintptr(lock), "lock"), os.NewFile(uintptr(database), databasePath(paths))},
	}
	if foreground {
		cfg.Console = NewConsole(os.Stderr)
		cfg.Log = slog.New(slog.NewTextHandler(cfg.Console, nil))
		defer cfg.Console.Flush()
	} else {
		log := &ownLog{path: logPath(paths), stderr: os.Stderr}
		cfg.file, cfg.Log = log, slog.New(slog.NewTextHandler(log, nil))
	}
	err := process.OnFirstThread(func(first *process.FirstThread) error {
		cfg.First = first
		return Run(cfg, func() {})
	})
	if err != nil {
		cfg.Log.Error(err.Error())
	}
	return err
}
