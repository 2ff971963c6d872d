package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// What may not be read and has left its session is found where it descends from its run
// as that is stopped, or where nothing else can have begun it. What is neither is said.
func TestHidden(t *testing.T) {
	t.Parallel()
	s := start(t, helper(t, "hidden"))
	if e := s.wait(t); e != (task.Exit{}) {
		t.Errorf("%+v: %s", e, s.log(t))
	}
}

const (
	away   = `setsid sh -c 'echo away $$; exec sleep 1000'`
	awayUp = `until grep -q "^away" /proc/$$/fd/1; do sleep 0.01; done; `
)

// playHidden has an engine that may not read any process.
func playHidden() {
	must(LeaveCgroup()) // it is itself begun as a run
	dir, err := os.MkdirTemp("", "hidden")
	must(err)
	private := regexp.MustCompile(`^/proc/(\d+)/(environ|fd|fdinfo/.*)$`)
	var readable atomic.Value // the pid of the one that may be read
	readable.Store("")
	fail(func(c call) error {
		if m := private.FindStringSubmatch(c.path); m != nil && m[1] != readable.Load() {
			return unix.EACCES
		}
		return nil
	})
	var words bytes.Buffer // of the reaper, which is over when it is read
	must(OnFirstThread(func(first *FirstThread) (err error) {
		o := options(dir)
		o.First, o.Logger = first, slog.New(slog.NewTextHandler(&words, nil))
		e, err := New(o)
		must(err)
		st := &hiding{engine: e, dir: dir}
		defer func() { err = errors.Join(err, e.Close(), os.RemoveAll(dir)) }()
		return errors.Join(st.alone(), st.amongOthers(), st.ofAnother(&readable), st.left())
	}))
	said := words.String()
	if strings.Count(said, "it is not ended") != 4 || strings.Count(said, "tasks=run6\n") != 1 ||
		strings.Count(said, "tasks=run9\n") != 1 || strings.Count(said, `tasks="run12, run13"`) != 1 || strings.Count(said, "tasks=run14") != 1 {
		must(errors.New("it says: " + said))
	}
}

type hiding struct {
	engine *Engine
	dir    string
	runs   int
}

// startScript begins a run, and waits until what leaves its session has.
func (st *hiding) startScript(script string) (engine.Process, proc) {
	st.runs++
	path := filepath.Join(st.dir, fmt.Sprint(st.runs))
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(err)
	spec := sh(script)
	spec.Name = fmt.Sprintf("run%d", st.runs)
	p, err := st.engine.start(context.Background(), engine.Launch{Spec: &spec, Run: 7, Log: log}, cgroups{})
	must(err)
	for end := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(path)
		must(err)
		var pid int
		if n, _ := fmt.Sscanf(string(text), "away %d\n", &pid); n == 1 {
			return p, proc{pid, startOf(pid)}
		}
		if time.Now().After(end) {
			must(fmt.Errorf("it does not begin: %q", text))
		}
	}
}

// stop ends a run, and reports whether the process has ended with it.
func (st *hiding) stop(what string, p engine.Process, hidden proc, want bool) error {
	p.Stop(syscall.SIGTERM)
	select {
	case <-p.Gone():
	case <-time.After(bound):
		return fmt.Errorf("%s: it is not gone", what)
	}
	if ended := !lives(hidden.pid); ended != want {
		return fmt.Errorf("%s: what is hidden has ended: %v", what, ended)
	}
	return nil
}

// alone is a run beside which there is no other.
func (st *hiding) alone() error {
	p, hidden := st.startScript(`(` + away + ` &); sleep 1000`)
	err := st.stop("an orphan", p, hidden, true)
	p, hidden = st.startScript(away + ` & sleep 1000`)
	err = errors.Join(err, st.stop("a child", p, hidden, true))
	p, hidden = st.startScript(away + ` & ` + awayUp)
	<-p.Exited()
	return errors.Join(err, st.stop("a process left behind", p, hidden, true))
}

// amongOthers is a run beside which there is another: its child is found by its descent.
func (st *hiding) amongOthers() error {
	older, left := st.startScript(away + ` & sleep 1000`)
	p, hidden := st.startScript(away + ` & sleep 1000`)
	err := st.stop("a child beside another run", p, hidden, true)
	if !lives(left.pid) {
		err = errors.Join(err, errors.New("what is the other run's has ended"))
	}
	return errors.Join(err, st.stop("a child of the other run", older, left, true))
}

// another begins a process that has no sign of the run that begins it, as a second
// supervisor. It begins one, which writes its pid to a file, in this way.
const another = `(env -i /usr/bin/setsid /bin/sh -c 'echo away $$; exec >/dev/null 2>&1; %s' &); sleep 1000`

// ofAnother is what such a process has begun, and that has come to this one.
func (st *hiding) ofAnother(readable *atomic.Value) (err error) {
	path := filepath.Join(st.dir, "its")
	its := `/usr/bin/setsid /bin/sh -c "echo \$\$ >` + path + `; exec /bin/sleep 1000" & `
	for what, script := range []string{its + "wait", "(" + its + "); exec /bin/sleep 1000"} {
		p, second := st.startScript(fmt.Sprintf(another, script))
		hidden := awaitProc(path)
		must(os.Remove(path))
		if what == 0 { // it dies, and nobody has ever seen it
			must(syscall.Kill(second.pid, syscall.SIGKILL))
			awaitReaped(second)
		} else {
			readable.Store(strconv.Itoa(second.pid))
		}
		err = errors.Join(err, st.stop(fmt.Sprintf("what another has begun, %d", what), p, hidden, false))
		if what == 1 && !lives(second.pid) {
			err = errors.Join(err, errors.New("another has ended"))
		}
		for _, left := range []proc{hidden, second} {
			if startOf(left.pid) == left.start {
				must(syscall.Kill(left.pid, syscall.SIGKILL))
				awaitReaped(left)
			}
		}
		readable.Store("")
		p, hidden = st.startScript(away + ` & sleep 1000`)
		err = errors.Join(err, st.stop("a child, after all that", p, hidden, true)) // now there is no orphan at all
		p, hidden = st.startScript(`(` + away + ` &); sleep 1000`)
		err = errors.Join(err, st.stop("an orphan, after all that", p, hidden, true))
	}
	return err
}

// awaitProc waits until a process has written its pid to the file.
func awaitProc(path string) proc {
	for end := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(path)
		if pid, ok := strings.CutSuffix(string(text), "\n"); ok {
			n, err := strconv.Atoi(pid)
			must(err)
			return proc{n, startOf(n)}
		}
		if time.Now().After(end) {
			must(errors.New("nothing is begun by another"))
		}
	}
}

func awaitReaped(p proc) {
	for end := time.Now().Add(bound); startOf(p.pid) == p.start; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			must(fmt.Errorf("process %d is not reaped", p.pid))
		}
	}
}

// left is an orphan that is of one of two runs: it is of neither.
func (st *hiding) left() error {
	older, its := st.startScript(away + ` & sleep 1000`)
	p, hidden := st.startScript(`(` + away + ` &); sleep 1000`)
	err := errors.Join(
		st.stop("an orphan beside another run", p, hidden, false), st.stop("the older run", older, its, true))
	if !lives(hidden.pid) {
		err = errors.Join(err, errors.New("what may be of two runs has ended with the second"))
	}
	p, its = st.startScript(`(` + away + ` &); sleep 1000`)
	err = errors.Join(err, st.stop("a later run", p, its, false)) // the one that is left may have begun it
	strays, strayErr := st.engine.Strays()
	if !slices.Equal(strays, []int{hidden.pid, its.pid}) && !slices.Equal(strays, []int{its.pid, hidden.pid}) {
		err = errors.Join(err, fmt.Errorf("the strays are %v", strays))
	}
	for _, pid := range []int{hidden.pid, its.pid} {
		must(syscall.Kill(pid, syscall.SIGKILL))
	}
	return errors.Join(err, strayErr)
}
