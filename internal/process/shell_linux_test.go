package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

var _ engine.Shell = (*Engine)(nil)

// launchOf is a launch of a run that need not be there.
func launchOf(t *testing.T, spec task.Spec) engine.Launch {
	t.Helper()
	if spec.Name == "" {
		spec.Name = strings.ReplaceAll(t.TempDir(), "/", ".")
	}
	return engine.Launch{Spec: &spec, Run: 7}
}

func TestExec(t *testing.T) {
	t.Parallel()
	l := launchOf(t, task.Spec{})
	for _, tt := range []struct {
		line, output string
		exit         task.Exit
	}{
		{"", "", task.Exit{}},
		{"echo out; echo err >&2; exit 3", "out\nerr\n", task.Exit{Code: 3}},
		{`printf 'a\000\377'; kill -SEGV $$`, "a\x00\xff", task.Exit{Signal: syscall.SIGSEGV}},
		{"no-such-program-at-all 2>/dev/null", "", task.Exit{Code: 127}},
		{"pwd", shared.opts.Home + "\n", task.Exit{}},
		{"seq 1 100000", tail100000(), task.Exit{}},
		{"head -c 4095 /dev/zero; printf ab", strings.Repeat("\x00", 4094) + "ab", task.Exit{}},
		{"head -c 3000000 /dev/zero; printf end", strings.Repeat("\x00", engine.MaxOutput-3) + "end", task.Exit{}},
		{"cat; echo none", "none\n", task.Exit{}},
		{"sleep 60 & echo left", "left\n", task.Exit{LeftBehind: 1}},
	} {
		output, exit, err := shared.Exec(t.Context(), l, tt.line)
		if output != tt.output || exit != tt.exit || err != nil {
			t.Errorf("%q: %d bytes, %.40q, %+v, %v", tt.line, len(output), output, exit, err)
		}
	}
}

func tail100000() string {
	var b strings.Builder
	for i := range 100000 {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()[b.Len()-engine.MaxOutput:]
}

func TestExecCannotBegin(t *testing.T) {
	t.Parallel()
	_, _, err := shared.Exec(t.Context(), launchOf(t, task.Spec{Cwd: "/no/such"}), "true")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	_, _, err = shared.Exec(t.Context(), launchOf(t, task.Spec{}), strings.Repeat("x", 1<<20))
	if !errors.Is(err, syscall.E2BIG) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := shared.Exec(ctx, launchOf(t, task.Spec{}), "true"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestExecEnvironment(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := launchOf(t, task.Spec{Name: "checked", Group: "g", Cwd: dir, Env: env(t, map[string]string{"A": "1", "B": "2", "PATH": "/usr/bin:/bin"})})
	l.Slot, l.Env = 4, []string{"B=3", "TASKS_STATE=failed", "TASKS_NAME=another"}
	var ids []string
	for range 2 {
		output, _, err := shared.Exec(t.Context(), l, "env | grep -v '^_=\\|^SHLVL=\\|^PWD=\\|^OLDPWD='; pwd")
		lines := strings.Split(strings.TrimSpace(output), "\n")
		ids = append(ids, lines...)
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "TASKS_RUN_ID=") })
		if i < 0 || err != nil {
			t.Fatalf("%q, %v", output, err)
		}
		ids = append(ids[:len(ids)-len(lines)], lines[i])
		lines = slices.Delete(lines, i, i+1)
		slices.Sort(lines)
		want := []string{dir, "A=1", "B=3", "PATH=/usr/bin:/bin", "TASKS_GROUP=g", "TASKS_NAME=checked", "TASKS_RUN=7", "TASKS_SLOT=4", "TASKS_SOCKET=/run/test.sock", "TASKS_STATE=failed"}
		if !slices.Equal(lines, want) {
			t.Errorf("%q, want %q", lines, want)
		}
	}
	run := "TASKS_RUN_ID=" + shared.opts.ID + "/checked/7"
	if ids[0] == ids[1] || !strings.HasPrefix(ids[0], run+":") || !strings.HasPrefix(ids[1], run+":") {
		t.Errorf("the ids are %q", ids)
	}
}

// A line has the descriptors that a shell's command has, and may block on them.
func TestExecDescriptors(t *testing.T) {
	t.Parallel()
	output, _, err := shared.Exec(t.Context(), launchOf(t, task.Spec{}),
		`readlink /proc/$$/fd/0; ls /proc/self/fd; grep flags /proc/$$/fdinfo/1`)
	f := strings.Fields(output)
	// ls itself has the directory open as 3; 04000 is O_NONBLOCK.
	if err != nil || len(f) != 7 || !slices.Equal(f[:5], []string{"/dev/null", "0", "1", "2", "3"}) || !strings.HasSuffix(f[6], "1") || strings.Contains(f[6], "4") {
		t.Errorf("%q, %v", output, err)
	}
}

// awaitLine waits for the line that begins with word in the file.
func awaitLine(t *testing.T, path, word string) string {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not come", path)
		}
	}
	return started{path: path}.line(t, word)
}

func TestExecEndsWithItsContext(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		file := filepath.Join(t.TempDir(), "out")
		var out proc
		go func() {
			out = procOf(t, awaitLine(t, file, "out"))
			awaitLine(t, file, "main")
			cancel()
		}()
		line := "trap '' TERM; echo said; exec 4>&1 >>" + file + " 2>&1; " + trees[i].script + "echo main; wait; sleep 1000"
		output, exit, err := shared.exec(ctx, launchOf(t, task.Spec{}), line, w.groups(shared))
		if output != "said\n" || exit.Signal != syscall.SIGKILL || !errors.Is(err, context.Canceled) {
			t.Errorf("%q, %+v, %v", output, exit, err)
		}
		noneAlive(t, out)
	})
}

// What a line leaves behind ends before the call does, also what says nothing of
// where it is from but by the pipe.
func TestExecSweeps(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		l := launchOf(t, task.Spec{StopTimeout: new(task.Duration(100 * time.Millisecond)), LeaveChildren: true})
		file := filepath.Join(t.TempDir(), "file")
		script := strings.ReplaceAll(trees[i].script, "echo out", "echo >"+file+" out")
		output, exit, err := shared.exec(t.Context(), l, script+`until test -s `+file+`; do sleep 0.02; done; echo said; exit 3`, w.groups(shared))
		if !strings.HasSuffix(output, "said\n") || exit.Code != 3 || exit.LeftBehind < 1 || err != nil {
			t.Errorf("%q, %+v, %v", output, exit, err)
		}
		noneAlive(t, procOf(t, started{path: file}.line(t, "out")))
	})
}

// A run and a line beside it are two things, even if the line has the run's log open.
func TestExecIsNoPartOfTheRun(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		for _, clear := range []string{"", "env -i "} {
			if w == bare && clear != "" {
				continue // it has the log open and nothing else: it is the run's
			}
			s := w.start(t, sh(`setsid sh -c 'echo out $$; exec sleep 1000' & wait`))
			runs := procOf(t, s.line(t, "out"))
			l := launchOf(t, task.Spec{Name: strings.ReplaceAll(s.path, "/", ".")})
			file := filepath.Join(t.TempDir(), "file")
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, _, err := shared.exec(ctx, l, `(`+clear+`/usr/bin/setsid /bin/sh -c 'exec 4<`+s.path+`; echo line $$ >`+file+`; exec /bin/sleep 1000' &) ; sleep 1000`, w.groups(shared))
				ended <- err
			}()
			lines := procOf(t, awaitLine(t, file, "line"))
			if w == grouped {
				var pids []int
				tree, err := s.Process.(engine.Tree).Tree()
				for _, p := range append(tree, s.Process.(engine.Tree).Remaining()...) {
					pids = append(pids, p.PID)
				}
				if slices.Contains(pids, lines.pid) || err != nil {
					t.Errorf("%s: the line is among %v, %v", w, pids, err)
				}
			}
			if strays := seen(shared.Strays()); slices.Contains(strays, lines.pid) {
				t.Errorf("%s: %d is among the strays", w, lines.pid)
			}
			s.Stop(syscall.SIGTERM)
			s.wait(t)
			noneAlive(t, runs)
			if !alive(lines) {
				t.Errorf("%s: a stop of the run has ended the line", w)
			}
			again := w.start(t, task.Spec{Name: l.Spec.Name, Command: []string{"sleep", "1000"}})
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			noneAlive(t, lines)
			if !alive(proc{again.Ref().PID, again.Ref().Start}) {
				t.Errorf("%s: the end of the line has ended the run", w)
			}
		}
	}
}

// Another run may have opened the pipe: nobody waits for that.
func TestExecPipeHeldElsewhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	holder := start(t, sh(`until test -s `+file+`; do sleep 0.02; done; exec 4>/proc/$(cat `+file+`)/fd/1; echo held >&4; echo held; sleep 1000`))
	output, exit, err := shared.Exec(t.Context(), launchOf(t, task.Spec{}), `echo $$ >`+file+`; until grep -q held `+holder.path+`; do sleep 0.02; done; echo end`)
	if output != "held\nend\n" || !exit.OK() || err != nil {
		t.Errorf("%q, %+v, %v", output, exit, err)
	}
	if !alive(proc{holder.Ref().PID, holder.Ref().Start}) {
		t.Error("the holder was ended")
	}
}

func TestThousandExecs(t *testing.T) { // not parallel: it counts
	const n = 1000
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := count()
	l := launchOf(t, task.Spec{})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer release.Close()
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n {
		all.Go(func() {
			output, exit, err := shared.Exec(t.Context(), l, fmt.Sprintf("echo %d; read -r _ <%s; exit %d", i, fifo, i%3))
			if output != fmt.Sprintln(i) || exit != (task.Exit{Code: i % 3}) || err != nil {
				t.Errorf("%d: %q, %+v, %v", i, output, exit, err)
			}
		})
	}
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(10 * time.Millisecond) {
		if len(shared.ownLines()) == n {
			break
		}
		if time.Now().After(end) {
			t.Fatal("they do not begin")
		}
	}
	self, _ := statOf(os.Getpid())
	if self.threads >= n/2 { // no line holds one; those of the tests before, and spare ones, are there
		t.Errorf("%d threads for %d lines", self.threads, n)
	}
	begun := time.Since(begin)
	if _, err := release.WriteString(strings.Repeat("\n", n)); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	t.Logf("%d lines with %d threads: begun in %v, ended after %v", n, self.threads, begun, time.Since(begin))
	if after := count(); after > before+10 { // of cgroups that are being looked at, and the like
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// What a killed supervisor leaves of a line is ended by the next; the run stays. It is by
// itself: all tests share the state, and whoever looks for what is unknown finds the line.
func TestKillUnknownEndsLines(t *testing.T) {
	for _, w := range ways {
		line := `setsid sh -c 'echo lineout $$ >>"$OUT"; exec sleep 1000' & echo line $$ >>"$OUT"; trap "" TERM PIPE; wait; sleep 1000`
		o := outlive(t, stage{Specs: []task.Spec{sh(`echo run; exec sleep 1000`)}, Way: w, Line: line})[0]
		out := filepath.Join(filepath.Dir(o.path), "line")
		main, left := procOf(t, awaitLine(t, out, "line ")), procOf(t, awaitLine(t, out, "lineout"))
		if !alive(main) || !alive(left) {
			t.Fatal("the line has not outlived its supervisor")
		}
		if w == grouped && shared.groups.dir != "" && runByCgroup(main.pid) == "" {
			t.Error("the line has no cgroup")
		}
		got := seen(shared.killUnknown(Database{Known: func(string, int) bool { return true }}))
		slices.Sort(got)
		for _, p := range []proc{main, left} {
			if !slices.Contains(got, p.pid) {
				t.Errorf("%s: ended %v, not %d", w, got, p.pid)
			}
		}
		noneAlive(t, main, left)
		if !alive(o.proc()) {
			t.Errorf("%s: the run was ended", w)
		}
		o.adopt(t) // to be ended
	}
}

// A line does not make its task one that outlives the supervisor.
func TestSurvivorsAreRuns(t *testing.T) {
	t.Parallel()
	l, s := launchOf(t, task.Spec{}), start(t, sh("echo up; sleep 1000"))
	s.line(t, "up")
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "file")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		shared.Exec(ctx, l, "echo up >"+file+"; sleep 1000")
	}()
	awaitLine(t, file, "up")
	if names := seen(Survivors("/run/test.sock", "/nowhere")); slices.Contains(names, l.Spec.Name) || !slices.Contains(names, strings.ReplaceAll(s.path, "/", ".")) {
		t.Errorf("%q", names)
	}
	cancel()
	<-ended
}

func TestParseID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct {
		name     string
		run      int
		line, ok bool
	}{
		"e/web/7":     {"web", 7, false, true},
		"e/web/7:12":  {"web", 7, true, true},
		"e/7/3":       {"7", 3, false, true},
		"e/web/7:":    {},
		"e/web/:1":    {},
		"e/web/7:1:1": {},
		"e/web/7/1":   {},
		"e/web":       {},
		"f/web/7":     {},
		"":            {},
	} {
		name, run, line, ok := parseID(id, "e")
		if ok != want.ok || ok && (name != want.name || run != want.run || line != want.line) {
			t.Errorf("%q is %q, %d, %v, %v", id, name, run, line, ok)
		}
		if isLine(id, "e") != (want.ok && want.line) {
			t.Errorf("%q: a line?", id)
		}
	}
	if path, id := "/x/"+cgroupName("id")+"/web:3:5/below", "id/web/3:5"; runIDOfPath(path) != id {
		t.Errorf("%s is of %q", path, runIDOfPath(path))
	}
}

func runIDOfPath(path string) string {
	id, _ := runOfCgroup(path, "id")
	return id
}
