// Package socket knows where the supervisor's socket and its state directory
// are, makes and checks them, and says who is at the other end of a connection.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"tasks/internal/home"
	"tasks/pkg/task"
)

// MaxPath is the length, in bytes, of the longest path a socket can have here.
const MaxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Paths are the absolute paths by which one supervisor is found.
type Paths struct {
	Socket string
	State  string // directory of the database, the logs and the lock
	Named  bool   // the socket was named by the user, with the flag or TASKS_SOCKET
}

// Locate finds the paths for the user uid. The socket is socketFlag, else
// TASKS_SOCKET, else tasks/default.sock in XDG_RUNTIME_DIR, else in
// /run/user/UID where that is the user's, else /tmp/tasks-UID/default.sock. An
// XDG_RUNTIME_DIR of another user, as su leaves it behind, is passed over; so
// are XDG variables that are not absolute, as their specification asks.
//
// The state directory is stateFlag, else TASKS_STATE_DIR, else for a named
// socket DIR/NAME.sock the directory DIR/NAME.state, else tasks/default in
// XDG_STATE_HOME or ~/.local/state. Without a HOME of this user or root it is the
// default socket's neighbour, default.state, so that everything works without one.
//
// Locate makes nothing. It reports a [task.ErrUsage] for a path that no socket
// can have, and refuses a /tmp/tasks-UID that others made or can enter, since
// there they could answer in the supervisor's place.
func Locate(socketFlag, stateFlag string, getenv func(string) string, uid int) (Paths, error) {
	return system{runUser: "/run/user", tmp: "/tmp"}.locate(socketFlag, stateFlag, getenv, uid)
}

// system is where an operating system keeps the directories of its users.
type system struct{ runUser, tmp string }

func (s system) locate(socketFlag, stateFlag string, getenv func(string) string, uid int) (Paths, error) {
	var p Paths
	named := first(socketFlag, getenv("TASKS_SOCKET"))
	path, err := named, error(nil)
	if p.Named = named != ""; !p.Named {
		path, err = s.defaultSocket(getenv, uid)
	}
	if err != nil {
		return Paths{}, err
	}
	if p.Socket, err = absolute("socket path", path, getenv); err != nil {
		return Paths{}, err
	}
	if n := len(p.Socket); n > MaxPath {
		return Paths{}, task.Errorf(task.ErrUsage, "",
			"the socket path %s has %d bytes, at most %d are possible: name a shorter one with --socket or TASKS_SOCKET", p.Socket, n, MaxPath)
	}
	state := first(stateFlag, getenv("TASKS_STATE_DIR"))
	if state == "" {
		state = defaultState(p, getenv, uid)
	}
	if p.State, err = absolute("state directory", state, getenv); err != nil {
		return Paths{}, err
	}
	return p, nil
}

func (s system) defaultSocket(getenv func(string) string, uid int) (string, error) {
	const name = "tasks/default.sock"
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		// A directory that is not there yet will be made.
		if fi, err := os.Stat(dir); err != nil || owner(fi) == uid {
			return filepath.Join(dir, name), nil
		}
	}
	run := filepath.Join(s.runUser, strconv.Itoa(uid))
	if fi, err := os.Lstat(run); err == nil && fi.IsDir() && owner(fi) == uid {
		return filepath.Join(run, name), nil
	}
	dir := filepath.Join(s.tmp, "tasks-"+strconv.Itoa(uid))
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		if err := checkOwn(dir, uid); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "default.sock"), nil
}

func defaultState(p Paths, getenv func(string) string, uid int) string {
	if dir := UserDir(getenv, uid); dir != "" && !p.Named {
		return filepath.Join(dir, "default")
	}
	return besideSocket(p.Socket)
}

// UserDir is where the user's own state is, whichever supervisor is meant; "" without a HOME
// of this user or root. It need not be there, see [MakeDir].
func UserDir(getenv func(string) string, uid int) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tasks")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) && !foreignHome(home, uid) {
		return filepath.Join(home, ".local/state/tasks")
	}
	return ""
}

func besideSocket(path string) string { return strings.TrimSuffix(path, ".sock") + ".state" }

// Fleeting reports whether the state directory is beside the default socket because
// there is no HOME: what is there may be deleted when the machine is booted.
func (p Paths) Fleeting() bool { return !p.Named && p.State == besideSocket(p.Socket) }

// foreignHome reports whether home belongs to another user, as sudo may leave it,
// or root has in a container. One of root's is the administrator's choice.
func foreignHome(home string, uid int) bool {
	fi, err := os.Stat(home)
	return err == nil && owner(fi) != uid && owner(fi) != 0
}

// CheckSudo refuses to serve as root on the default paths with the HOME of the
// user who called sudo. It would be another supervisor than that user means,
// and its state would not be where root's is.
func (p Paths) CheckSudo(getenv func(string) string) error {
	home := getenv("HOME")
	if p.Named || os.Geteuid() != 0 || getenv("SUDO_UID") == "" || getenv("SUDO_UID") == "0" || !foreignHome(home, 0) {
		return nil
	}
	return fmt.Errorf("this is root with the home of another user, %s: leave out sudo, or use 'sudo -H', or name --socket", home)
}

// Fallback is the socket of the living supervisor that holds the lock of
// p.State, or "" when there is none, when it is p.Socket, and when the user
// named a socket. A client that finds nothing on p.Socket tries it: cron, su
// and ssh do not set the XDG_RUNTIME_DIR that the supervisor was started with.
func (p Paths) Fallback() string {
	if p.Named {
		return ""
	}
	h, err := ReadLock(p.State)
	if err != nil || !h.Held || h.Elsewhere != nil && !h.Elsewhere.Container || h.Socket == p.Socket {
		return ""
	}
	return h.Socket
}

// Elsewhere reports, as a [task.ErrUnavailable], that the supervisor of p.State is on
// another host, or in another container.
func (p Paths) Elsewhere() error {
	if h, err := ReadLock(p.State); err == nil && h.Elsewhere != nil {
		return task.Errorf(task.ErrUnavailable, "", "%v", h.Elsewhere)
	}
	return nil
}

// MakeDirs makes or checks both directories: the socket's by [CheckNamedDir] or [MakeDir],
// whichever rule is its, then the state directory, which may be inside it. It is for a
// supervisor before its lock.
func (p Paths) MakeDirs() error {
	check := MakeDir
	if p.Named {
		check = CheckNamedDir
	}
	if err := check(filepath.Dir(p.Socket)); err != nil {
		return err
	}
	return MakeDir(p.State)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func absolute(what, path string, getenv func(string) string) (string, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", task.Errorf(task.ErrUsage, "", "bad %s %q: it has a NUL byte", what, path)
	}
	path, err := home.Expand(path, getenv("HOME"))
	if err != nil {
		return "", task.Errorf(task.ErrUsage, "", "bad %s %v", what, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot resolve %s %s: %w", what, path, err)
	}
	if !utf8.ValidString(abs) { // clients get paths below it as JSON
		return "", task.Errorf(task.ErrUsage, "", "bad %s %q: it is not UTF-8 text", what, abs)
	}
	return abs, nil
}
