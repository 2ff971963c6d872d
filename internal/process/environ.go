package process

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tasks/pkg/engine"
)

// environ is what the run gets: what the task was given, its directory, what
// the launch adds to or puts in the place of that, and the variables that name
// the run. An earlier run's names are replaced, as for a task that starts another.
func (e *Engine) environ(l engine.Launch, r *run, dir string) []string {
	given := make(map[string]bool, len(l.Env)) // by the launch
	for _, kv := range l.Env {
		given[nameOf(kv)] = true
	}
	var env []string
	keep := func(kv string) {
		switch name := nameOf(kv); {
		case given[name], ownNames[name]:
		case name == "PWD":
			env = append(env, "PWD="+dir)
		default:
			env = append(env, kv)
		}
	}
	if l.Spec.Env.Given() {
		for kv := range l.Spec.Env.Vars() {
			keep(kv)
		}
	} else {
		for _, kv := range e.Environ() {
			keep(kv)
		}
	}
	for _, kv := range l.Env {
		if !ownNames[nameOf(kv)] {
			env = append(env, kv)
		}
	}
	slot := ""
	if l.Slot > 0 {
		slot = strconv.Itoa(l.Slot)
	}
	env = append(env, "TASKS_NAME="+l.Spec.Name, "TASKS_GROUP="+l.Spec.Group, "TASKS_RUN="+strconv.Itoa(l.Run),
		"TASKS_RUN_ID="+r.id, "TASKS_SLOT="+slot, "TASKS_SOCKET="+e.opts.Socket)
	if r.ref.Commit != "" {
		env = append(env, "TASKS_COMMIT="+r.ref.Commit)
	}
	return env
}

// Environ is what tasks have that were given no environment: the supervisor's, without what
// systemd set for the supervisor itself.
func (e *Engine) Environ() []string {
	return slices.DeleteFunc(slices.Clone(e.opts.Environ), func(kv string) bool { return managerNames[nameOf(kv)] })
}

// ownNames are the variables that no task and no launch can set.
var ownNames = map[string]bool{
	"TASKS_NAME": true, "TASKS_GROUP": true, "TASKS_RUN": true, "TASKS_RUN_ID": true, "TASKS_SLOT": true, "TASKS_SOCKET": true,
	"TASKS_COMMIT": true,
}

// managerNames are those by which systemd talks to the supervisor itself, sd_notify(3).
var managerNames = map[string]bool{"NOTIFY_SOCKET": true, "WATCHDOG_USEC": true, "WATCHDOG_PID": true}

// nameOf is the name of the variable NAME=VALUE.
func nameOf(kv string) string {
	name, _, _ := strings.Cut(kv, "=")
	return name
}

// lookPath finds the program as execvp(3) does, with the PATH and the
// directory of the task, which are not this program's own.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // relative to the directory that the child is in
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	var failed error // of what is not looked up any further
	for _, d := range filepath.SplitList(path) {
		if d == "" {
			d = "."
		}
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		file := filepath.Join(d, name)
		info, err := fileInfo(file)
		switch {
		case err == nil && info.IsDir() || absent(err):
		case err != nil:
			failed = err
		case info.Mode()&0o111 != 0:
			return file, nil
		default:
			failed = syscall.EACCES
		}
	}
	if failed != nil {
		return "", execError(name, failed)
	}
	return "", execError(name, errNotInPath)
}

// absent reports whether the error is that a program is not there, exec(3).
func absent(err error) bool {
	for _, e := range []error{
		syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ESTALE, syscall.ENODEV, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// notInPath is ENOENT in os/exec's words.
type notInPath struct{}

var errNotInPath error = notInPath{}

func (notInPath) Error() string        { return "executable file not found in $PATH" }
func (notInPath) Is(target error) bool { return target == syscall.ENOENT || target == os.ErrNotExist }
