package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tasks/internal/store"
	"tasks/pkg/task"
)

// timeout bounds each wait for an event that must come.
const timeout = time.Minute

// command is an external program as `exec` would run it.
func command(getenv func(string) string, dir string, args ...string) *exec.Cmd {
	path := args[0]
	if !strings.Contains(path, "/") {
		for _, d := range filepath.SplitList(getenv("PATH")) {
			if _, err := os.Stat(filepath.Join(d, path)); err == nil {
				path = filepath.Join(d, path)
				break
			}
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = dir
	for _, key := range []string{
		"PATH", "GORACE", "HOME", "TERM", "RUN", "STATE", "SOCKET", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "TASKS_SOCKET", "TASKS_STATE_DIR", "TMPDIR", "NO_COLOR", "WORK",
	} {
		if v := getenv(key); v != "" {
			cmd.Env = append(cmd.Env, key+"="+v)
		}
	}
	return cmd
}

// exitCode is `exitcode N PROGRAM [ARG…]`: exec, with the exit code as given.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	checkCode(ts, args[0], err)
}

func checkCode(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Check(err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// oneLine is `oneline FILE PREFIX`: FILE is a single line that begins so.
func oneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: oneline FILE PREFIX")
	}
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || !strings.HasPrefix(text, args[1]) {
		ts.Fatalf("want one line that begins with %q, have:\n%s", args[1], text)
	}
}

// jsonValue is `json FILE PATH VALUE`: PATH, such as 0.spec.restart, or len for
// a length, leads to VALUE; null is also what is not there.
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] json FILE PATH VALUE")
	}
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	have := "null"
	switch v := at(doc, strings.Split(args[1], ".")).(type) {
	case nil:
	case string:
		have = v
	default:
		b, err := json.Marshal(v)
		ts.Check(err)
		have = string(b)
	}
	if (have == args[2]) == neg {
		ts.Fatalf("%s is %s, want %s", args[1], have, args[2])
	}
}

func at(doc any, path []string) any {
	for _, key := range path {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[key]
		case []any:
			if key == "len" {
				return len(v)
			}
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}

// setEnv is `setenv NAME FILE`: the variable becomes the file's text.
func setEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setenv NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// waitFor is `waitfor PROGRAM [ARG…]`: exec again and again until it succeeds,
// or with ! until it does not. It is for facts that tell nobody of their coming.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] waitfor PROGRAM [ARG...]")
	}
	var out []byte
	for end := time.Now().Add(timeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		out, err = command(ts.Getenv, ts.MkAbs("."), args...).CombinedOutput()
		if (err == nil) != neg {
			return
		}
	}
	ts.Fatalf("%s: not within %s; last output:\n%s", strings.Join(args, " "), timeout, out)
}

// interrupt is `interrupt [-output | -exists FILE] SIGNAL N PROGRAM [ARG…]`: send
// the signal once the program has connected to a socket, has written something,
// or has had the file made, and expect the exit code.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	output := len(args) > 0 && args[0] == "-output"
	if output {
		args = args[1:]
	}
	ready := connected
	if len(args) > 1 && args[0] == "-exists" {
		file := ts.MkAbs(args[1])
		ready = func(int) bool { _, err := os.Stat(file); return err == nil }
		args = args[2:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt [-output | -exists FILE] SIGNAL N PROGRAM [ARG...]")
	}
	sig, err := task.ParseSignal(args[0])
	ts.Check(err)
	cmd := command(ts.Getenv, ts.MkAbs("."), args[2:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	if output {
		first := make([]byte, 1)
		_, err := io.ReadFull(stdout, first)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s", first)
	}
	for end := time.Now().Add(timeout); !output && !ready(cmd.Process.Pid) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	ts.Check(cmd.Process.Signal(sig))
	_, err = io.Copy(ts.Stdout(), stdout)
	ts.Check(err)
	err = cmd.Wait()
	fmt.Fprint(ts.Stderr(), stderr.String())
	checkCode(ts, args[1], err)
}

func connected(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, _ := os.ReadDir(dir)
	for _, fd := range fds {
		if to, _ := os.Readlink(filepath.Join(dir, fd.Name())); strings.HasPrefix(to, "socket:") {
			return true
		}
	}
	return false
}

// hang is `hang PATH`: a socket that takes connections and never answers.
func hang(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hang PATH")
	}
	ts.Check(os.MkdirAll(filepath.Dir(args[0]), 0o700))
	l, err := net.Listen("unix", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
}

// ending is `ending PATH`: a socket on which a supervisor gives its last answer.
func ending(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ending PATH")
	}
	ts.Check(os.MkdirAll(filepath.Dir(args[0]), 0o700))
	l, err := net.Listen("unix", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		conn.Read(make([]byte, 1024))
		l.Close()
		fmt.Fprintln(conn, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		conn.Close()
	}()
}

// misdate is `misdate NAME DURATION`: the task's run began so much later by the
// record, as if the clock had been set back since. No supervisor may be there.
func misdate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: misdate NAME DURATION")
	}
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	changeRecord(ts, args[0], func(r *task.Record) {
		run := &r.Runs[len(r.Runs)-1]
		run.StartedAt.Time = run.StartedAt.Add(by)
	})
}

// dueAt is `due NAME DURATION`: by the record, the task's next time comes so much
// from now. No supervisor may be there.
func dueAt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: due NAME DURATION")
	}
	in, err := time.ParseDuration(args[1])
	ts.Check(err)
	changeRecord(ts, args[0], func(r *task.Record) { r.NextAt = task.Time{Time: time.Now().Add(in)} })
}

// changeRecord changes what is on disk of a task.
func changeRecord(ts *testscript.TestScript, name string, change func(*task.Record)) {
	db, _, err := store.Open(filepath.Join(ts.Getenv("STATE"), "tasks.db"))
	ts.Check(err)
	defer db.Close()
	records, err := db.Records()
	ts.Check(err)
	i := slices.IndexFunc(records, func(r task.Record) bool { return r.Spec.Name == name })
	if i < 0 {
		ts.Fatalf("no record of %s", name)
	}
	change(&records[i])
	ts.Check(db.Save(records[i]))
}

// processes is `processes NAME N`: the task called NAME comes to have at least
// N processes, or has none where N is 0.
func processes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: processes NAME N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	count := func() int {
		n := 0
		for _, p := range processesOf(ts.Getenv("RUN")) {
			if p.task == args[0] {
				n++
			}
		}
		return n
	}
	n := count()
	for end := time.Now().Add(timeout); n < want && time.Now().Before(end); n = count() {
		time.Sleep(time.Millisecond)
	}
	if n < want || want == 0 && n > 0 {
		ts.Fatalf("%s has %d processes, want %d", args[0], n, want)
	}
}

// gone is `gone PID`: the process comes to its end; PID 1 may have yet to reap it.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone PID")
	}
	var stat []byte
	for end := time.Now().Add(timeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var err error
		if stat, err = os.ReadFile("/proc/" + args[0] + "/stat"); err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	ts.Fatalf("process %s is still there: %s", args[0], stat)
}

// smallDisk is `smalldisk DIR SIZE`: a file system of its own, of that size, for
// its owner alone.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	ts.Check(os.Mkdir(args[0], 0o700))
	ts.Check(ts.Exec("mount", "-t", "tmpfs", "-o", "mode=700,size="+args[1], "none", args[0]))
	ts.Defer(func() { ts.Check(exec.Command("umount", "-l", args[0]).Run()) }) // a script that failed may have left it in use
}

// fill is `fill DIR`: DIR/fill grows until the file system has no byte left.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill DIR")
	}
	f, err := os.OpenFile(filepath.Join(args[0], "fill"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	ts.Check(err)
	defer f.Close()
	for n := 1 << 20; n > 0; n /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			ts.Fatalf("cannot fill %s: %v", args[0], err)
		}
	}
}
