package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// TestMain makes the test binary itself the `tasks` of the scripts, also for
// the supervisors that it forks, and the programs of the examples in docs/.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // unless it is given: scripts wait more than they work
	testscript.Main(m, map[string]func(){"tasks": main, "idle": idle, "interrupted": interrupted, "listen": listen, "notify": notify, "unread": unread})
}

// TestScript runs testdata/script, each with a home and a supervisor of its own.
func TestScript(t *testing.T) {
	t.Parallel()
	completions, err := filepath.Abs("../../completions")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(e *testscript.Env) error { return setUp(e, completions) },
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"due":       dueAt,
			"ending":    ending,
			"exitcode":  exitCode,
			"fill":      fill,
			"freeze":    freeze,
			"gone":      gone,
			"hang":      hang,
			"interrupt": interrupt,
			"json":      jsonValue,
			"lease":     lease,
			"misdate":   misdate,
			"oneline":   oneLine,
			"processes": processes,
			"setenv":    setEnv,
			"smalldisk": smallDisk,
			"thaw":      thaw,
			"waitfor":   waitFor,
		},
	})
}

// setUp gives the script directories of its own.
func setUp(e *testscript.Env, completions string) error {
	t := e.T().(testing.TB)
	dir, vars := sandbox(t)
	for name, value := range vars {
		e.Setenv(name, value)
	}
	e.Setenv("COMPLETIONS", completions)
	// After testscript has ended the script's own jobs.
	t.Cleanup(func() { tearDown(t, e.Getenv, dir) })
	return nil
}

// sandbox makes a home and a runtime directory, and the variables that say so;
// $RUN has a short path, since the length of a socket's path is limited.
func sandbox(t testing.TB) (dir string, vars map[string]string) {
	dir, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, map[string]string{
		"RUN":                      dir,
		"HOME":                     home,
		"XDG_RUNTIME_DIR":          dir,
		"STATE":                    filepath.Join(home, ".local/state/tasks/default"),
		"SOCKET":                   filepath.Join(dir, "tasks/default.sock"),
		"UID":                      strconv.Itoa(os.Getuid()),
		"TERM":                     "xterm",
		"TASKS_COMPLETION_TIMEOUT": timeout.String(),    // the machine may be busy
		"GORACE":                   "atexit_sleep_ms=0", // else every command takes a second under the race detector
	}
}

// tearDown ends every supervisor of the script as a user would, and sees to it
// that nothing is left of it.
func tearDown(t testing.TB, getenv func(string) string, dir string) {
	defer os.RemoveAll(dir)
	ended := make(map[string]bool) // by socket: a child on its way to its exec looks like a supervisor, too
	for _, p := range processesOf(dir) {
		if p.supervisor != "" && !ended[p.supervisor] {
			ended[p.supervisor] = true
			syscall.Kill(p.pid, syscall.SIGCONT) // a script that failed may have left it stopped
			cmd := command(getenv, "/", "timeout", fmt.Sprint(timeout.Seconds()), "tasks", "--allow-foreign", "-s", p.supervisor, "exit", "--timeout", "0s", "-q")
			// On a busy machine what was killed may take longer to go than an exit waits, and the
			// supervisor may have ended since it was listed: the remaining processes are looked for below.
			if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 124 && cmd.ProcessState.ExitCode() != 3 {
				t.Errorf("cannot end the supervisor on %s: %v: %s", p.supervisor, err, out)
			}
		}
	}
	left := processesOf(dir)
	for end := time.Now().Add(timeout); len(left) > 0 && time.Now().Before(end); left = processesOf(dir) {
		time.Sleep(10 * time.Millisecond) // what PID 1 has yet to reap
	}
	for _, p := range left {
		t.Errorf("left behind: process %d: %s", p.pid, p.command)
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
}

type process struct {
	pid        int
	command    string
	supervisor string // its socket, if it is one
	task       string // whose run it belongs to
}

// processesOf finds what has the script's directory in its environment: its
// supervisors, and their tasks by TASKS_SOCKET.
func processesOf(dir string) []process {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []process
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(env), dir+"/") && !strings.Contains(string(env), "="+dir+"\x00") {
			continue
		}
		p := process{}
		p.pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		p.command = strings.Join(args, " ")
		if len(args) > 2 && filepath.Base(args[0]) == "tasks" && args[1] == "supervise" {
			p.supervisor = args[2]
		}
		for _, kv := range strings.Split(string(env), "\x00") {
			if name, ok := strings.CutPrefix(kv, "TASKS_NAME="); ok {
				p.task = name
			}
		}
		if p.command != "" { // not a zombie
			found = append(found, p)
		}
	}
	return found
}

// condition is [root]: the tests run as root; [mount]: they may mount; [lease]: they may
// have leases, fcntl(2); [freezer]: there is one of cgroup v1, which puts processes beyond KILL.
func condition(cond string) (bool, error) {
	switch cond {
	case "freezer":
		dir, err := os.MkdirTemp(freezers, "tasks")
		if err != nil {
			return false, nil
		}
		_, err = os.Stat(filepath.Join(dir, "freezer.state"))
		return err == nil && os.Remove(dir) == nil, nil
	case "mount":
		return exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").Run() == nil, nil
	case "strace":
		return exec.Command("strace", "-qq", "-o", os.DevNull, "true").Run() == nil, nil
	case "lease":
		f, err := os.CreateTemp("/tmp", "tasks")
		if err != nil {
			return false, err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		_, err = unix.FcntlInt(f.Fd(), setLease, syscall.F_WRLCK)
		return err == nil, nil
	case "xattr":
		f, err := os.CreateTemp("/tmp", "tasks")
		if err != nil {
			return false, err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		return unix.Fsetxattr(int(f.Fd()), "user.tasks", []byte("1"), 0) == nil, nil
	case "root":
		return os.Getuid() == 0, nil
	case "bash-completion":
		_, err := os.Stat("/usr/share/bash-completion/bash_completion")
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
