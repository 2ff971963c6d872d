package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A process that reads a log, has opened it to write to it, or was passed it over a socket
// is not the run's: of what a lost run left only the one that inherited its output is.
func TestAdoptedStopSparesWhoOpenedTheLog(t *testing.T) {
	t.Parallel()
	o := one(t, `env -i /usr/bin/setsid /bin/sh -c 'echo out $$; exec /bin/sleep 1000' & until grep -q '^out' /proc/$$/fd/1; do sleep 0.05; done`)
	out := procOf(t, o.started().line(t, "out"))
	o.reaped(t)
	spared := make(map[string]proc)
	passed, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND|logMark, 0) // as one that the run has passed
	must(err)
	defer passed.Close()
	null, log := shared.null.Fd(), passed.Fd()
	for what, tt := range map[string]struct {
		line  string
		files []uintptr
	}{
		"reader":                             {`exec sleep 1000 <"$0"`, []uintptr{null, null, null}},
		"writer":                             {`exec sleep 1000 >>"$0"`, []uintptr{null, null, null}},
		"reader and writer":                  {`exec sleep 1000 <>"$0"`, []uintptr{null, null, null}},
		"one that was passed its output":     {`exec sleep 1000`, []uintptr{null, null, null, log}},
		"service that was passed its output": {`exec env SYSTEMD_EXEC_PID=$$ sleep 1000`, []uintptr{null, log, log}},
	} {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", tt.line, o.path}, &syscall.ProcAttr{
			Env: []string{"PATH=/usr/bin:/bin"}, Files: tt.files, Sys: &syscall.SysProcAttr{Setsid: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := proc{pid, startOf(pid)}
		spared[what] = p
		t.Cleanup(func() { shared.tree.signal(p, syscall.SIGKILL) })
		ready := func() bool { return programOf(pid) == "sleep" && len(openFiles(pid, o.path)) > 0 }
		for end := time.Now().Add(enginetest.Timeout); !ready(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the %s does not open the log", what)
			}
		}
	}
	s := o.adopt(t)
	enginetest.Await(t, s.Exited(), "Exited")
	notGone(t, s)
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); !e.Lost || e.LeftBehind != 1 {
		t.Errorf("%+v", e)
	}
	noneAlive(t, out)
	for what, p := range spared {
		if !alive(p) {
			t.Errorf("the %s of the log was ended", what)
		}
	}
}

// What writes to the log of another run is not that one's, even if its
// environment names no run: it has not inherited the log.
func TestEndSparesAnothersWriter(t *testing.T) {
	t.Parallel()
	for _, begin := range []func(way, testing.TB, task.Spec) started{way.start, way.startBeforeExecve} {
		endSparesAnothersWriter(t, begin)
	}
}

// startBeforeExecve is a run that this very process began, and took back after an execve.
func (w way) startBeforeExecve(t testing.TB, spec task.Spec) started {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	spec.Name = strings.ReplaceAll(path, "/", ".")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := shared.start(t.Context(), engine.Launch{Spec: &spec, Run: 7, Log: log}, w.groups(shared))
	if err != nil {
		t.Fatal(err)
	}
	return orphan{spec, begun.Ref(), path}.adopt(t)
}

func endSparesAnothersWriter(t *testing.T, begin func(way, testing.TB, task.Spec) started) {
	for _, w := range ways {
		for _, clear := range []string{"", "env -i "} {
			for _, stop := range []bool{true, false} {
				end := filepath.Join(t.TempDir(), "end")
				s := begin(w, t, sh(`echo up; until test -e `+end+`; do sleep 0.02; done`))
				s.line(t, "up")
				another := w.start(t, sh(`(`+clear+`/usr/bin/setsid /bin/sh -c 'echo writer $$ >>`+s.path+`; exec /bin/sleep 1000 >>`+s.path+` 2>&1' &); exec sleep 1000`))
				writer := procOf(t, s.line(t, "writer"))
				t.Cleanup(func() { shared.tree.signal(writer, syscall.SIGKILL) })
				for end := time.Now().Add(enginetest.Timeout); len(openFiles(writer.pid, s.path)) < 2; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("the writer does not open the log")
					}
				}
				if stop {
					s.Stop(syscall.SIGTERM)
				} else if err := os.WriteFile(end, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if e := s.wait(t); e.LeftBehind != 0 {
					t.Errorf("%s, %q, stop %v: %+v", w, clear, stop, e)
				}
				if !alive(writer) {
					t.Errorf("%s, %q, stop %v: the writer was ended", w, clear, stop)
				}
				another.Stop(syscall.SIGTERM)
				another.wait(t)
				if w == grouped || clear == "" { // else nothing ties it to its run
					noneAlive(t, writer)
				}
			}
		}
	}
}

// programOf is the name of the program that the process executes.
func programOf(pid int) string {
	name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSpace(string(name))
}

// openFiles is the descriptors by which the process has the file open.
func openFiles(pid int, path string) (fds []string) {
	all, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "fd", "*"))
	for _, fd := range all {
		if to, _ := os.Readlink(fd); to == path {
			fds = append(fds, fd)
		}
	}
	return fds
}

// A process that reads the output of a line does not belong to it.
func TestPipeOfALine(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	r := new(run)
	k := evidence{byLog: map[fileID]*run{seen(pipeIDOf(out)): r}}
	for what, tt := range map[string]struct {
		files []uintptr
		want  *run
	}{
		"reader": {[]uintptr{in.Fd(), shared.null.Fd()}, nil},
		"writer": {[]uintptr{shared.null.Fd(), out.Fd()}, r},
	} {
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{Files: tt.files})
		if err != nil {
			t.Fatal(err)
		}
		if got := seen(k.byOpenFiles(pid)); got != tt.want {
			t.Errorf("the %s: %p, want %p", what, got, tt.want)
		}
		shared.tree.signal(proc{pid, startOf(pid)}, syscall.SIGKILL)
	}
}

func TestWhoseOrphan(t *testing.T) {
	t.Parallel()
	ours, theirs := new(run), &run{adopted: true, reaper: proc{7, 1}}
	ours.ref.PID, ours.ref.Start = 100, 50
	theirs.ref.PID, theirs.ref.Start = 200, 50
	lost := &run{adopted: true}
	lost.ref.PID, lost.ref.Start = 300, 50
	at := func(pid int, start uint64, ppid int) stat { return stat{proc: proc{pid, start}, ppid: ppid} }
	main, reaper, next := at(200, 50, 7), at(7, 1, 1), at(1, 0, 0)
	self := os.Getpid()
	for _, tt := range []struct {
		what string
		all  []stat
		run  *run
		s    stat
		want bool
	}{
		{"child of ours", nil, ours, at(400, 60, self), true},
		{"older than the run", nil, ours, at(400, 49, self), false},
		{"of another parent", nil, ours, at(400, 60, 7), false},
		{"with the reaper of the run", []stat{main, reaper}, theirs, at(400, 60, 7), true},
		{"with another parent", []stat{main, reaper}, theirs, at(400, 60, 1), false},
		{"with the reaper, once main is gone", []stat{reaper}, theirs, at(400, 60, 7), true},
		{"with another parent, once main is gone", []stat{reaper}, theirs, at(400, 60, 1), false},
		{"main has a new reaper", []stat{at(200, 50, 1), reaper, next}, theirs, at(400, 60, 1), true},
		{"main's pid is another's", []stat{at(200, 70, 8), reaper}, theirs, at(400, 60, 8), false},
		{"main and reaper are gone", []stat{next, at(400, 60, 1)}, theirs, at(400, 60, 1), true},
		{"nobody saw main", []stat{reaper, at(400, 60, 9)}, lost, at(400, 60, 9), true},
		{"nobody saw main, and older", []stat{reaper, at(400, 49, 9)}, lost, at(400, 49, 9), false},
		{"nobody saw main, and of a daemon's", []stat{at(8, 2, 1), at(400, 60, 8)}, lost, at(400, 60, 8), false},
	} {
		r := &run{adopted: tt.run.adopted, reaper: tt.run.reaper, ref: tt.run.ref}
		mayReap := func(p proc) bool { return p != proc{8, 2} }
		k := evidence{adopted: []*run{r}, reapers: make(map[*run]int), oldest: make(map[int]uint64), mayReap: mayReap, parents: make(map[int]bool)}
		if !r.adopted {
			k.adopted = nil
		}
		k.findReapers(tt.all)
		if got := k.mayOwn(r, tt.s); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
		if tt.want && !k.mayBeOrphan(tt.s) {
			t.Errorf("%s: it is not looked at", tt.what)
		}
	}
}

// Where the kernel cannot signal a process group by pidfd, its members are
// signalled by theirs.
func TestAdoptedGroupOneByOne(t *testing.T) {
	t.Parallel()
	const tree = `sh -c 'trap "echo child" USR1; echo up $$; while :; do sleep 0.1; done' &
		trap 'echo main' USR1; while :; do sleep 0.1; done`
	o := one(t, tree)
	child := procOf(t, o.started().line(t, "up"))
	s := o.adopt(t)
	shared.mu.Lock()
	s.Process.(*run).oneByOne = true
	shared.mu.Unlock()
	if err := s.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	s.line(t, "main")
	s.line(t, "child")
	s.Stop(syscall.SIGTERM)
	s.wait(t)
	noneAlive(t, child, o.proc())
	if strings.Count(s.log(t), "main") != 1 {
		t.Errorf("%s", s.log(t))
	}
}

// What a run has imported into systemd's environment makes no service part of it.
func TestServiceWithTheEnvironmentOfARun(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`sh -c 'echo child $$; exec sleep 1000' & sh -c 'echo service $$; exec env SYSTEMD_EXEC_PID=$$ sleep 1000' & wait`))
	child, service := procOf(t, s.line(t, "child")), procOf(t, s.line(t, "service"))
	for end := time.Now().Add(enginetest.Timeout); nameOfRun(service.pid) != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a service counts as part of the run")
		}
	}
	if nameOfRun(child.pid) == "" {
		t.Error("a child of the run does not count")
	}
}
