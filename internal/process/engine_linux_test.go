package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func TestExits(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]task.Exit{
		"exit 0":        {},
		"exit 1":        {Code: 1},
		"exit 255":      {Code: 255},
		"exit 143":      {Code: 143}, // looks like a death by TERM
		"kill -TERM $$": {Signal: syscall.SIGTERM},
		"kill -KILL $$": {Signal: syscall.SIGKILL},
		"kill -SEGV $$": {Signal: syscall.SIGSEGV},
		"kill -34 $$":   {Signal: 34},
	} {
		if got := start(t, sh(script)).wait(t); got != want {
			t.Errorf("%s: %+v, want %+v", script, got, want)
		}
	}
}

func TestLogHasAllBytes(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`printf 'a\000b\377'; printf 'to stderr' >&2; head -c 300000 /dev/zero`))
	s.wait(t)
	if got, want := s.log(t), "a\x00b\xffto stderr"+strings.Repeat("\x00", 300000); got != want {
		t.Errorf("the log has %d bytes, begins %.30q; want %d", len(got), got, len(want))
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pwd := sh("pwd -P")
	home := start(t, pwd)
	pwd.Cwd = dir
	given := start(t, pwd)
	home.wait(t)
	given.wait(t)
	if got := home.line(t, ""); got != shared.opts.Home {
		t.Errorf("without a directory it is %q, want %q", got, shared.opts.Home)
	}
	if got := given.line(t, ""); got != dir {
		t.Errorf("the directory is %q, want %q", got, dir)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	id := func(name string) string { return shared.opts.ID + "/" + name + "/7" }
	ours := func(name, group string) []string {
		return []string{"TASKS_NAME=" + name, "TASKS_GROUP=" + group, "TASKS_RUN=7", "TASKS_RUN_ID=" + id(name), "TASKS_SLOT=", "TASKS_SOCKET=/run/test.sock"}
	}
	home := shared.opts.Home
	for _, tt := range []struct {
		name, group string
		env         task.Env
		want        []string
	}{
		{"not-given", "g", task.Env{}, []string{"PATH=/usr/bin:/bin", "COLOUR=blue", "PWD=" + home}},
		{"empty", "", env(t, nil), nil},
		{"given", "", env(t, map[string]string{"A": "1\n2", "PWD": "/x", "TASKS_SLOT": "9", "TASKS_OWN": "kept"}), []string{"A=1\n2", "PWD=" + home, "TASKS_OWN=kept"}},
	} {
		s := start(t, task.Spec{Name: tt.name, Group: tt.group, Env: tt.env, Command: []string{"env", "-0"}})
		if e := s.wait(t); !e.OK() {
			t.Errorf("%s: %+v", tt.name, e)
		}
		want := strings.Join(append(tt.want, ours(tt.name, tt.group)...), "\x00") + "\x00"
		if got := s.log(t); got != want {
			t.Errorf("%s: the environment is\n%q, want\n%q", tt.name, got, want)
		}
	}
}

// The launch's variables win over the task's; what systemd set for the supervisor is for
// nobody else.
func TestEnvironmentOfALaunch(t *testing.T) {
	t.Parallel()
	spec := func(vars map[string]string) *task.Spec { return &task.Spec{Name: "x", Env: env(t, vars)} }
	of := &Engine{opts: Options{ID: "id", Environ: []string{"A=1", "NOTIFY_SOCKET=/systemd", "WATCHDOG_USEC=1", "WATCHDOG_PID=1"}}}
	for _, tt := range []struct {
		l    engine.Launch
		want string
		slot string
	}{
		{engine.Launch{Spec: &task.Spec{Name: "x"}}, "A=1", ""},
		{engine.Launch{Spec: &task.Spec{Name: "x"}, Env: []string{"NOTIFY_SOCKET=@ours"}, Slot: 12}, "A=1 NOTIFY_SOCKET=@ours", "12"},
		{engine.Launch{Spec: spec(map[string]string{"B": "2", "NOTIFY_SOCKET": "/own"})}, "B=2 NOTIFY_SOCKET=/own", ""},
		{engine.Launch{Spec: spec(map[string]string{"B": "2", "NOTIFY_SOCKET": "/own"}), Env: []string{"NOTIFY_SOCKET=@ours", "C=3=4"}}, "B=2 NOTIFY_SOCKET=@ours C=3=4", ""},
		{engine.Launch{Spec: spec(map[string]string{"TASKS_RUN": "9"}), Env: []string{"TASKS_RUN_ID=y", "TASKS_EXIT=1"}}, "TASKS_EXIT=1", ""},
	} {
		got := strings.Join(of.environ(tt.l, of.newRun("id/x/0"), "/"), " ")
		want := strings.TrimSpace(tt.want + " TASKS_NAME=x TASKS_GROUP= TASKS_RUN=0 TASKS_RUN_ID=id/x/0 TASKS_SLOT=" + tt.slot + " TASKS_SOCKET=")
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	of.opts.Commits = func() uint64 { return 12 }
	l := engine.Launch{Spec: spec(map[string]string{"TASKS_COMMIT": "id/9"}), Env: []string{"TASKS_COMMIT=id/8"}}
	if got := strings.Join(of.environ(l, of.newRun("id/x/0"), "/"), " "); !strings.HasSuffix(got, " TASKS_COMMIT=id/12") || strings.Count(got, "COMMIT") != 1 {
		t.Errorf("with commits: %q", got)
	}
}

func TestStdinAndDescriptors(t *testing.T) {
	t.Parallel()
	f, err := os.Open("/") // one that a child could inherit
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := start(t, sh("readlink /proc/$$/fd/0; readlink /proc/$$/fd/1; readlink /proc/$$/fd/2; exec ls /proc/self/fd"))
	s.wait(t)
	// ls itself has the directory open as 3.
	if got, want := strings.Join(strings.Fields(s.log(t)), " "), "/dev/null "+s.path+" "+s.path+" 0 1 2 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithoutALogOutputGoesNowhere(t *testing.T) {
	t.Parallel()
	p, err := shared.Start(t.Context(), engine.Launch{Spec: &task.Spec{Name: "nowhere", Command: []string{
		"sh", "-c", `test "$(readlink /proc/$$/fd/1 /proc/$$/fd/2 | uniq)" = /dev/null`,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := (started{Process: p}); s.wait(t) != (task.Exit{}) {
		t.Errorf("%+v", p.Exit())
	}
}

func TestSessionOfItsOwn(t *testing.T) {
	t.Parallel()
	s := start(t, task.Spec{Command: []string{"sleep", "1000"}})
	ref := s.Ref()
	st, ok := statOf(ref.PID)
	if !ok || st.pgrp != ref.PID || st.session != ref.PID || st.ppid != os.Getpid() || st.start != ref.Start {
		t.Errorf("%+v, %v for %+v", st, ok, ref)
	}
	if ref.Boot != seen(bootID()) || ref.Boot == "" {
		t.Errorf("Ref = %+v", ref)
	}
}

func TestCannotExec(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, mode fs.FileMode, text string) string {
		path := filepath.Join(dir, name)
		writeProgram(t, path, []byte(text), mode)
		return path
	}
	plain := write("plain", 0o600, "")
	bad := write("bad", 0o700, "\x7fELF")
	script := write("script", 0o700, "#!/no/such/interpreter -u\n")
	write("crlf", 0o700, "#!/bin/sh\r\necho\r\n")
	lines := write("lines", 0o700, "echo\n")
	for _, tt := range []struct {
		spec task.Spec
		is   error
		says string
	}{
		{task.Spec{Command: []string{"nope"}}, fs.ErrNotExist, `exec "nope": executable file not found in $PATH`},
		{task.Spec{Command: []string{"nope"}}, syscall.ENOENT, "not found"},
		{task.Spec{Command: []string{"/no/such"}}, fs.ErrNotExist, `exec "/no/such": no such file or directory`},
		{task.Spec{Command: []string{"./nope"}}, fs.ErrNotExist, `exec "./nope": no such file`},
		{task.Spec{Command: []string{plain}}, fs.ErrPermission, "permission denied"},
		{task.Spec{Command: []string{dir}}, fs.ErrPermission, "permission denied"},
		{task.Spec{Command: []string{"plain"}, Env: env(t, map[string]string{"PATH": dir})}, fs.ErrPermission, `exec "plain": permission denied`},
		{task.Spec{Command: []string{bad}}, syscall.ENOEXEC, "exec format error"},
		{task.Spec{Command: []string{script}}, fs.ErrNotExist, `no such file or directory: its interpreter "/no/such/interpreter", of its #! line, is not there`},
		{task.Spec{Command: []string{"crlf"}, Env: env(t, map[string]string{"PATH": dir})}, fs.ErrNotExist, "its #! line ends with CR LF: end its lines with LF alone"},
		{task.Spec{Command: []string{"./crlf"}, Cwd: dir, Attributes: task.Attributes{Nice: new(1)}}, fs.ErrNotExist, "its #! line ends with CR LF"},
		{task.Spec{Command: []string{lines}}, syscall.ENOEXEC, "exec format error: it has no #! line: run it by sh"},
		{task.Spec{Command: []string{"true"}, Cwd: dir + "/missing"}, fs.ErrNotExist, `cannot use directory "` + dir + `/missing": no such file or directory`},
		{task.Spec{Command: []string{"true"}, Cwd: plain}, syscall.ENOTDIR, `cannot use directory "` + plain + `": not a directory`},
		{task.Spec{Command: []string{"true"}, Env: env(t, map[string]string{"PATH": ""})}, fs.ErrNotExist, "not found"},
		{task.Spec{}, nil, "there is no command"},
	} {
		_, err := try(t, tt.spec)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q in %q: error %v, want %q, %v", tt.spec.Command, tt.spec.Cwd, err, tt.says, tt.is)
		}
	}
}

func TestLookPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(dir, "bin", "mine"), []byte("#!/bin/sh\necho $0\n"), 0o700)
	bin := filepath.Join(dir, "bin")
	for _, tt := range []struct{ command, path, cwd, says string }{
		{"mine", "/usr/bin:" + bin, "/", bin + "/mine"},
		{"mine", "bin:/usr/bin", dir, bin + "/mine"},
		{"mine", ":/usr/bin", bin, bin + "/mine"},
		{"./mine", "/usr/bin", bin, "./mine"},
		{"bin/mine", "", dir, "bin/mine"},
	} {
		s, err := try(t, task.Spec{Command: []string{tt.command}, Cwd: tt.cwd, Env: env(t, map[string]string{"PATH": tt.path})})
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		s.wait(t)
		if got := strings.TrimSpace(s.log(t)); got != tt.says {
			t.Errorf("%+v: ran %q", tt, got)
		}
	}
	// Without a PATH there is a usual one.
	if e := start(t, task.Spec{Command: []string{"true"}, Env: env(t, nil)}).wait(t); !e.OK() {
		t.Errorf("%+v", e)
	}
}

func TestSignalGoesToTheGroup(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`trap 'echo main; wait' USR1
		sh -c 'trap "echo child; exit" USR1; echo pid $$; while :; do sleep 0.1; done' &
		wait`))
	s.line(t, "pid")
	if err := s.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	s.line(t, "main")
	s.line(t, "child")
	s.wait(t)
	if err := s.Signal(syscall.SIGUSR1); err == nil {
		t.Error("an ended run took a signal")
	}
}

func TestStopWakesTheStopped(t *testing.T) {
	t.Parallel()
	s := start(t, sh("echo up; kill -STOP $$"))
	s.line(t, "up")
	for {
		if st, _ := statOf(s.Ref().PID); st.state == 'T' {
			break
		}
	}
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e != (task.Exit{Signal: syscall.SIGTERM}) {
		t.Errorf("%+v", e)
	}
}

func TestDefaultSignals(t *testing.T) {
	t.Parallel()
	s := start(t, task.Spec{Command: []string{"grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"}})
	s.wait(t)
	for _, word := range []string{"SigIgn:", "SigBlk:"} {
		if mask, err := strconv.ParseUint(s.line(t, word), 16, 64); err != nil || mask != 0 {
			t.Errorf("%s %x, %v", word, mask, err)
		}
	}
	// The engine of a program that was started with signals ignored.
	h := helper(t, "ignoring")
	h.Command = []string{"sh", "-c", `trap "" HUP INT QUIT TERM PIPE USR1 TSTP TTIN TTOU; exec "$0"`, h.Command[0]}
	s = start(t, h)
	if e := s.wait(t); e != (task.Exit{}) {
		t.Errorf("%+v\n%s", e, s.log(t))
	}
	if mask, err := strconv.ParseUint(s.line(t, "SigIgn:"), 16, 64); err != nil || mask != 0 {
		t.Errorf("of an ignoring program: %x, %v", mask, err)
	}
}

// What a process is called may look like the rest of its stat.
func TestStatOfAMisleadingName(t *testing.T) {
	t.Parallel()
	exe, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a) Z 0 0\n(b) ")
	writeProgram(t, path, exe, 0o700)
	s := start(t, task.Spec{Command: []string{path, "1000"}})
	st, ok := statOf(s.Ref().PID)
	if !ok || st.state == 'Z' || st.ppid != os.Getpid() || st.start == 0 || st.dead() {
		t.Errorf("%+v, %v", st, ok)
	}
}

// helpers are what this binary does instead of tests when a test asks for it.
var helpers = map[string]func(){
	"first": playFirst, "orphanage": playOrphanage, "reuse": playReuse, "second": playSecond, "probe": playProbe, "unbegun": playUnbegun,
	"descriptors": playDescriptors, "fail": playFail, "begin": playBegin, "headless": headless, "hidden": playHidden, "freeze": playFreeze, "unreadable": playUnreadable, "few": playFew, "sibling": playSibling, "traced": playTraced, "tracer": playTracer, "refusing": playRefusing, "puppet": playPuppet,
	"ignoring": func() {
		e, err := New(options("/"))
		if err != nil {
			panic(err)
		}
		p, err := e.Start(context.Background(), engine.Launch{Spec: &task.Spec{Name: "inner", Command: []string{"grep", "SigIgn", "/proc/self/status"}}, Log: os.Stdout})
		if err != nil {
			panic(err)
		}
		<-p.Gone()
		if err := e.Close(); err != nil {
			panic(err)
		}
	},
}
