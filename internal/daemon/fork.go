package daemon

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	godaemon "github.com/sevlyar/go-daemon"
	"golang.org/x/sys/unix"

	"tasks/internal/early"
	"tasks/internal/logs"
	"tasks/internal/process"
	"tasks/internal/protocol"
	"tasks/internal/ready"
	"tasks/internal/socket"
	"tasks/pkg/task"
)

// Command is the hidden command that the forked child runs.
const Command = early.Command

// mark is how go-daemon tells the child from the parent.
const mark = "_GO_DAEMON"

// startTime bounds how long a supervisor may take to answer.
const startTime = 30 * time.Second

// silentAfter is when serve reports a supervisor that does not answer, as every other
// command does.
const silentAfter = 5 * time.Second

// endingAfter is when serve reports that it waits for a supervisor that is ending.
const endingAfter = time.Second

// maxReply bounds what is read of a reply to info.
const maxReply = 1 << 20

// How often another supervisor is looked for that is just starting or ending.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// handOff is how long a supervisor in another container, which may just be ending, is
// waited for.
const handOff = 2 * time.Second

// Start forks the supervisor into the background and returns when its socket
// answers. already tells that one was serving there before; six at once give
// one supervisor. One that is ending is waited for. silent is called if there is one that
// does not answer, and is waited for, and waits with what else is in the way for longer than
// a moment. The error is why the child ended, in its own words.
func Start(ctx context.Context, paths socket.Paths, keepEnded int, limits logs.Limits, silent func(), waits func(what string)) (already bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		if already, err = Await(ctx, paths, silent, waits); already || err != nil {
			return already, err
		}
		verdict, err := fork(paths, keepArg(keepEnded, limits))
		switch {
		case err != nil:
			return false, err
		case verdict == "ready":
			return false, nil
		case verdict != "held":
			return false, errors.New(verdict)
		}
	}
}

// Await returns when a supervisor can begin: one that is ending is waited for. already tells
// that one serves there, and none can. silent and waits are those of Start.
func Await(ctx context.Context, paths socket.Paths, silent func(), waits func(what string)) (already bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	began := time.Now()
	var once sync.Once
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		switch who, err := answers(ctx, paths.Socket, silent); {
		case err != nil:
			return false, err
		case who == serving:
			return true, nil
		case who == ends:
			if time.Since(began) > endingAfter {
				once.Do(func() { waits("the supervisor is ending") })
			}
			if pause(ctx, wait) != nil {
				return false, task.Errorf(task.ErrUnavailable, "", "the supervisor is still ending: try again once its tasks have ended")
			}
			continue
		}
		if err := process.Probe(); err != nil {
			return false, err
		}
		if err := paths.MakeDirs(); err != nil {
			return false, err
		}
		h, err := socket.ReadLock(paths.State)
		switch {
		case err != nil:
			return false, err
		case h.Elsewhere != nil && (!h.Elsewhere.Container || h.Socket != paths.Socket || time.Since(began) > handOff):
			return false, h.Elsewhere
		case h.Held && h.PID != 0 && h.Socket != paths.Socket:
			return false, &socket.HeldError{Dir: paths.State, PID: h.PID, Socket: h.Socket}
		case h.Held:
			// It has lost its socket file, or is just starting or ending.
			socket.Nudge(paths.State, paths.Socket)
			if time.Since(began) > silentAfter {
				once.Do(func() {
					waits(cmp.Or(socket.LockedBy(paths.State), "another process") + " holds the lock of the state directory")
				})
			}
			if pause(ctx, wait) != nil {
				return false, heldTooLong(paths)
			}
			continue
		}
		return false, nil
	}
}

// pause waits for another supervisor to come up or go.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func heldTooLong(paths socket.Paths) error {
	if by := socket.LockedBy(paths.State); by != "" {
		return fmt.Errorf("%s holds the lock of %s but does not answer on %s: end it first", by, paths.State, paths.Socket)
	}
	return fmt.Errorf("another supervisor holds %s but does not answer on %s", paths.State, paths.Socket)
}

// found is what is at the socket.
type found int

const (
	absent  found = iota
	serving       // a supervisor that serves
	ends          // one that is about to be gone
)

// answers asks for a word: of one that was just killed the socket still takes
// connections for a moment. That another user's answers is an error.
func answers(ctx context.Context, path string, silent func()) (found, error) {
	conn, err := socket.Dial(ctx, path)
	var foreign *socket.ForeignError
	if errors.As(err, &foreign) {
		return absent, err
	}
	if err != nil {
		return absent, nil
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"info"}` + "\n")); err != nil {
		return absent, nil
	}
	defer time.AfterFunc(silentAfter, silent).Stop()
	line, err := bufio.NewReader(io.LimitReader(conn, maxReply)).ReadBytes('\n')
	if err != nil {
		return absent, nil
	}
	var reply struct {
		Result protocol.Info `json:"result"`
	}
	if json.Unmarshal(line, &reply) == nil && reply.Result.Ending {
		return ends, nil
	}
	return serving, nil
}

// fork starts the child and returns its verdict: "ready", "held" where another
// was faster, or why it failed.
func fork(paths socket.Paths, keep string) (string, error) {
	// Nothing of the caller's, but what is asked for, may live on in the
	// supervisor and so in every task.
	if err := closeOnExec(); err != nil {
		return "", fmt.Errorf("cannot fork: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("cannot fork: %w", err)
	}
	defer r.Close()
	// Above the descriptors that go-daemon uses, and open across the exec.
	fd, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD, 10)
	w.Close()
	if err != nil {
		return "", fmt.Errorf("cannot fork: %w", err)
	}
	logPath := logPath(paths)
	if f, err := openLog(logPath); err != nil {
		unix.Close(fd)
		return "", err
	} else {
		f.Close()
	}
	os.Unsetenv(mark)
	child := &godaemon.Context{
		Env:     CallerEnv(),
		WorkDir: "/", LogFileName: logPath, LogFilePerm: 0o600,
		Args: []string{os.Args[0], Command, paths.Socket, paths.State, strconv.FormatBool(paths.Named), keep, strconv.Itoa(fd)},
	}
	proc, err := child.Reborn()
	unix.Close(fd)
	// The library's last write comes after what the child waits for, which may
	// be done reading by then. Whether it lives is for the verdict to say.
	if err != nil && (proc == nil || !errors.Is(err, unix.EPIPE)) {
		return "", fmt.Errorf("cannot fork: %w", err)
	}
	verdict, err := io.ReadAll(r) // to its end: the child closes it, or dies
	if err != nil {
		return "", fmt.Errorf("cannot read the start-up status of the supervisor: %w", err)
	}
	if len(verdict) == 0 {
		state, _ := proc.Wait()
		return "", fmt.Errorf("the supervisor died as it started (%v): see %s", state, logPath)
	}
	return strings.TrimSpace(string(verdict)), nil
}

// CallerEnv is the environment of this process, NAME=VALUE each, without the variables of
// the run that it is part of, if any: what it starts is not part of that run, cannot report
// it ready, and does not know its secret.
func CallerEnv() []string {
	number, _ := strconv.Atoi(os.Getenv("TASKS_RUN"))
	notify := "NOTIFY_SOCKET=" + ready.SocketBeside(os.Getenv("NOTIFY_SOCKET"), os.Getenv("TASKS_NAME"), number)
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(runNames, name) || kv == notify
	})
}

// runNames are the variables that name a run.
var runNames = []string{"TASKS_NAME", "TASKS_GROUP", "TASKS_RUN", "TASKS_RUN_ID", "TASKS_SLOT", "TASKS_COMMIT"}

func logPath(paths socket.Paths) string { return filepath.Join(paths.State, "supervisor.log") }

// Child is the forked side of Start: args are those after Command.
func Child(args []string, version string) error {
	switch {
	case len(args) > 1 && args[0] == wordCheck:
		err := checkFormat(args[1:])
		if err == nil {
			_, err = os.Stdout.WriteString(fit)
		}
		return err
	case len(args) > 0 && args[0] == wordResume:
		return resume(args[1:], version)
	}
	if os.Getenv(mark) == "" || len(args) != 5 {
		return errors.New("this command is for 'tasks serve' alone")
	}
	if _, err := new(godaemon.Context).Reborn(); err != nil {
		return err
	}
	// go-daemon leaves its variable and descriptors behind; a task must not
	// inherit them.
	os.Unsetenv(mark)
	if err := closeOnExec(); err != nil {
		return err
	}
	if err := process.LeaveCgroup(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot leave the cgroup of the task that this supervisor was started by:", err)
	}
	named, err1 := strconv.ParseBool(args[2])
	keep, limits, err2 := parseKeep(args[3])
	fd, err3 := strconv.Atoi(args[4])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	verdict := os.NewFile(uintptr(fd), "verdict")
	paths := socket.Paths{Socket: args[0], State: args[1], Named: named}
	log := &ownLog{path: logPath(paths), stderr: os.Stderr}
	cfg := Config{
		Paths: paths, KeepEnded: keep, Logs: limits, Version: version, file: log, Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	answered := false
	answer := func(what string) {
		if !answered {
			answered = true
			fmt.Fprintln(verdict, what)
			verdict.Close()
		}
	}
	err := process.OnFirstThread(func(first *process.FirstThread) error {
		cfg.First = first
		return Run(cfg, func() { answer("ready") })
	})
	var held *socket.HeldError
	switch {
	case errors.As(err, &held) && held.Host == "" && (held.PID == 0 || held.Socket == paths.Socket):
		answer("held")
	case err != nil:
		cfg.Log.Error(err.Error())
		answer(err.Error())
	}
	return err
}
