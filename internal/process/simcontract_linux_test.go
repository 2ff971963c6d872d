package process

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"tasks/internal/enginetest"
)

// contract is what processes do one after another: "who does what". After each step the
// engine must see the same of them, whether the kernel is simulated or not.
var contract = map[string][]string{
	"a sibling has its parent's parent":   {"a fork b", "b clone c", "a clone d", "b end", "a end"},
	"orphans go to the next subreaper":    {"a fork b", "b subreaper", "b fork c", "c fork d", "d fork e", "c end", "d subreaper", "b end", "d end"},
	"a session is inherited":              {"a fork b", "b setsid", "b fork c", "b clone d", "b end", "c end"},
	"an exec keeps the log and its mark":  {"a exec", "a fork b", "b exec", "b exec bare"},
	"an exec closes what it must close":   {"a fork b", "a cloexec", "a exec"},
	"a mark is of all who share the log":  {"a fork b", "b fork c", "c clearflags", "c exec"},
	"an exec keeps what it is a part of":  {"a fork b", "b setsid", "b subreaper", "b exec bare", "b fork c", "c fork d", "c end"},
	"TERM to a stopped process":           {"a sleep", "a STOP", "a TERM", "a CONT"},
	"KILL to a stopped process":           {"a sleep", "a STOP", "a KILL"},
	"TERM to frozen processes":            {"a fork b", "b sleep", "cgroup takes a", "cgroup takes b", "cgroup freeze", "a TERM", "b TERM", "cgroup thaw"},
	"KILL to frozen processes":            {"a fork b", "cgroup takes b", "cgroup freeze", "b KILL"},
	"STOP and CONT to frozen processes":   {"a sleep", "cgroup takes a", "cgroup freeze", "a STOP", "a CONT", "a STOP", "cgroup thaw", "cgroup freeze", "a CONT", "cgroup thaw"},
	"who comes into a frozen cgroup":      {"a fork b", "b sleep", "cgroup freeze", "cgroup takes b", "b STOP", "cgroup thaw"},
	"signals to one in the kernel":        {"a sleep", "a block", "a STOP", "a CONT", "a unblock", "a block", "a STOP", "a unblock"},
	"KILL to one in the kernel":           {"a sleep", "a block", "a KILL", "a unblock"},
	"TERM and STOP to one in the kernel":  {"a sleep", "a block", "a STOP", "a TERM", "a unblock"},
	"one in the kernel freezes afterward": {"a fork b", "b sleep", "cgroup takes b", "b block", "cgroup freeze", "b unblock"},
	"one in the kernel is killed in ice":  {"a fork b", "b sleep", "cgroup takes b", "b block", "cgroup freeze", "b KILL", "b unblock"},
}

// A world is where the contract is played.
type world interface {
	do(who, does, what string) error // errors.ErrUnsupported: not here
	pids() map[string]int
	log() fileID
	cgroup() cgroup
}

// The engine sees the same of the simulated kernel as of the real one.
func TestSimulatedKernelIsLikeTheReal(t *testing.T) {
	if !onMachine(t) {
		return
	}
	if err := becomeSubreaper(); err != nil {
		t.Fatal(err)
	}
	for name, steps := range contract {
		t.Run(name, func(t *testing.T) {
			steps = append([]string{"self fork a"}, steps...)
			var want []string
			synctest.Test(t, func(t *testing.T) {
				w := newSimWorld(t)
				defer w.close()
				seen := make(sights)
				for _, step := range steps {
					if err := doStep(w, step); err != nil {
						t.Fatal(step, err)
					}
					time.Sleep(10 * time.Second) // an exec may take a while
					want = append(want, seen.of(w))
				}
			})
			w := newRealWorld(t)
			defer w.close()
			seen := make(sights)
			for i, step := range steps {
				if err := doStep(w, step); errors.Is(err, errors.ErrUnsupported) {
					t.Skip(step, err)
				} else if err != nil {
					t.Fatal(step, err)
				}
				got := seen.of(w)
				for end := time.Now().Add(enginetest.Timeout / 15); got != want[i] && time.Now().Before(end); got = seen.of(w) {
					time.Sleep(time.Millisecond)
				}
				if got != want[i] {
					t.Fatalf("%s: the real kernel shows\n%sthe simulated one\n%s", step, got, want[i])
				}
			}
		})
	}
}

func doStep(w world, step string) error {
	words := append(strings.Fields(step), "")
	return w.do(words[0], words[1], words[2])
}

// sights is the programs of processes as they were seen first, by role.
type sights map[string]string

// of is what the engine sees of all that has ever been in the world.
func (first sights) of(w world) string {
	roles := map[int]string{ownPID: "self"}
	for role, pid := range w.pids() {
		roles[pid] = role
	}
	var text strings.Builder
	for _, role := range slices.Sorted(maps.Keys(w.pids())) {
		pid := w.pids()[role]
		s, err := readStat(pid, make([]byte, 1024))
		switch {
		case gone(err):
			fmt.Fprintf(&text, "%s is gone\n", role)
			continue
		case err != nil:
			fmt.Fprintf(&text, "%s: %v\n", role, err)
			continue
		}
		if s.state == 'R' {
			s.state = 'S'
		}
		fmt.Fprintf(&text, "%s: %c, child of %s, in the session of %s", role, s.state, roles[s.ppid], roles[s.session])
		if !s.dead() {
			name, _ := readAll("/proc/" + strconv.Itoa(pid) + "/comm")
			program := fmt.Sprint(string(name), s.code)
			if first[role] == "" {
				first[role] = program
			}
			id, _, err := readMarks(pid)
			fmt.Fprintf(&text, ", another program %v, run %q %v", program != first[role], id, err)
			if file, _ := statFile(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/fd/1", pid), 0, unix.S_IFREG); file == w.log() {
				flags, err := openFlags(fmt.Sprintf("/proc/%d/fdinfo/1", pid))
				fmt.Fprintf(&text, ", has the log open, marked %v %v", flags&logMark != 0, err)
			}
		}
		text.WriteString("\n")
	}
	frozen, _ := w.cgroup().frozen()
	fmt.Fprintf(&text, "the cgroup is frozen: %v\n", frozen)
	return text.String()
}

var signals = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}

// simWorld is the simulated one.
type simWorld struct {
	*sim
	procs map[string]*simProc
	group *simGroup
}

func newSimWorld(t *testing.T) *simWorld {
	w := &simWorld{sim: newSim(t, 1, kernelKind{cgroups: true, groupKill: true}), procs: make(map[string]*simProc)}
	w.inMachine(func(m *machine) {
		m.beginSupervisor()
		w.group = m.newGroup(m.root, "scene")
	})
	w.inMachine(func(m *machine) { m.hold(false) })
	return w
}

func (w *simWorld) close() {
	w.inMachine((*machine).die)
	intercept.Store(nil)
	ownPID = os.Getpid()
	close(w.m.quit)
}

func (w *simWorld) log() fileID    { return fileID{0, 1000} }
func (w *simWorld) cgroup() cgroup { return mountPoint + "/scene" }

func (w *simWorld) pids() map[string]int {
	pids := make(map[string]int)
	for role, p := range w.procs {
		pids[role] = p.pid
	}
	return pids
}

func (w *simWorld) do(who, does, what string) error {
	w.inMachine(func(m *machine) {
		p := w.procs[who]
		switch does {
		case "fork", "clone":
			if who == "self" {
				p = m.self
			}
			c := m.fork(p)
			if c.reaps, c.resists = false, time.Microsecond; does == "clone" {
				m.becomeSibling(c, p)
			}
			if who == "self" {
				m.setsid(c)
				c.env, c.files = []string{"TASKS_RUN_ID=scene"}, map[int]descriptor{1: {&openFile{1000, syscall.O_WRONLY | syscall.O_APPEND | logMark}, false}}
			}
			w.procs[what] = c
		case "exec", "sleep":
			env := p.env
			if what == "bare" {
				env = nil
			}
			if m.exec(p, env); does == "exec" {
				p.resists = time.Microsecond
			}
			p.hidden = false
		case "end":
			m.end(p, 0)
		case "setsid":
			m.setsid(p)
		case "subreaper":
			p.subreaper = true
		case "cloexec":
			p.files[1] = descriptor{p.files[1].openFile, true}
		case "clearflags":
			p.files[1].flags = syscall.O_WRONLY
		case "block":
			p.inKernel, p.killable = 'D', false
		case "unblock":
			m.leaveKernel(p)
		case "takes":
			w.group.move(w.procs[what])
			m.goOn(w.procs[what])
		case "freeze", "thaw":
			w.group.freeze(m, does == "freeze")
		default:
			m.signal(p, signals[does])
		}
	})
	return nil
}

// realWorld is this machine: its processes are puppets.
type realWorld struct {
	t       *testing.T
	dir     string
	socket  *net.UnixListener
	file    *os.File
	puppets map[string]*puppet
	group   cgroup
	freezer string // of version 1: what is frozen in that is in uninterruptible sleep, beyond KILL
}

type puppet struct {
	pid  int
	conn net.Conn
	in   *bufio.Reader
}

func newRealWorld(t *testing.T) *realWorld {
	dir, err := os.MkdirTemp("", "puppets") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	w := &realWorld{t: t, dir: dir, puppets: make(map[string]*puppet)}
	w.socket, err = net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unix"})
	if err == nil {
		w.file, err = os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	}
	if err != nil || !markLog(w.file) {
		t.Fatal("no log: ", err)
	}
	w.socket.SetDeadline(time.Now().Add(enginetest.Timeout))
	if own, err := ownCgroup(); err == nil {
		w.group = cgroup(filepath.Join(own, filepath.Base(dir)))
		if mkdir(string(w.group)) != nil {
			w.group = ""
		}
	}
	w.freezer = filepath.Join("/sys/fs/cgroup/freezer", filepath.Base(dir))
	if mkdir(w.freezer) != nil {
		w.freezer = ""
	}
	return w
}

func (w *realWorld) close() {
	w.block(nil, false)
	if w.group != "" {
		w.group.thaw()
	}
	for _, p := range w.puppets {
		syscall.Kill(p.pid, syscall.SIGKILL) // none was reaped
		p.conn.Close()
	}
	for pid := 1; pid > 0; {
		pid, _ = syscall.Wait4(-1, nil, 0, nil)
	}
	w.socket.Close()
	w.file.Close()
	w.group.remove()
	os.Remove(w.freezer)
	os.RemoveAll(w.dir)
}

func (w *realWorld) log() fileID    { return seen(fileIDOf(w.file)) }
func (w *realWorld) cgroup() cgroup { return w.group }

func (w *realWorld) pids() map[string]int {
	pids := make(map[string]int)
	for role, p := range w.puppets {
		pids[role] = p.pid
	}
	return pids
}

// meet waits for a puppet that has begun a program.
func (w *realWorld) meet() error {
	conn, err := w.socket.Accept()
	if err != nil {
		return err
	}
	p := &puppet{conn: conn, in: bufio.NewReader(conn)}
	var role string
	_, err = fmt.Fscanln(p.in, &role, &p.pid)
	w.puppets[role] = p
	return err
}

func (w *realWorld) do(who, does, what string) error {
	p := w.puppets[who]
	switch does {
	case "takes", "freeze", "thaw":
		return w.byCgroup(does, what)
	case "block", "unblock":
		return w.block(p, does == "block")
	case "fork":
		if who == "self" {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			null, err := openNull()
			if err != nil {
				return err
			}
			defer null.Close()
			env := []string{"PROCESS_TEST_HELPER=puppet", "PUPPET_ROLE=" + what, "PUPPETS=" + w.dir, "TASKS_RUN_ID=scene", "GORACE=atexit_sleep_ms=0"}
			attr := &syscall.ProcAttr{Env: env, Files: []uintptr{null.Fd(), w.file.Fd(), 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
			if _, err = forkExec(exe, []string{exe}, attr); err != nil {
				return err
			}
			return w.meet()
		}
	}
	if sig, ok := signals[does]; ok {
		return syscall.Kill(p.pid, sig)
	}
	if _, err := fmt.Fprintln(p.conn, does, what); err != nil {
		return err
	}
	if reply, err := p.in.ReadString('\n'); err == nil && reply != "done\n" {
		return errors.New(reply)
	} else if err == nil && does != "fork" && does != "clone" {
		return nil
	} else if does == "end" || does == "sleep" { // and hangs up
		return nil
	}
	return w.meet()
}

func (w *realWorld) byCgroup(does, what string) error {
	switch {
	case w.group == "":
		return errors.ErrUnsupported
	case does == "takes":
		return writeCgroup(string(w.group), "cgroup.procs", strconv.Itoa(w.puppets[what].pid))
	case does == "freeze":
		return writeCgroup(string(w.group), "cgroup.freeze", "1")
	default:
		return w.group.thaw()
	}
}

func (w *realWorld) block(p *puppet, on bool) error {
	if w.freezer == "" {
		return errors.ErrUnsupported
	}
	if !on {
		return writeFile(w.freezer+"/freezer.state", "THAWED")
	}
	return cmp.Or(writeFile(w.freezer+"/cgroup.procs", strconv.Itoa(p.pid)), writeFile(w.freezer+"/freezer.state", "FROZEN"))
}

// playPuppet does what the test says over a socket.
func playPuppet() {
	role, dir := os.Getenv("PUPPET_ROLE"), os.Getenv("PUPPETS")
	conn, err := net.Dial("unix", filepath.Join(dir, "socket"))
	must(err)
	fmt.Fprintln(conn, role, os.Getpid())
	exe, err := os.Executable()
	must(err)
	env := os.Environ()
	orders := bufio.NewScanner(conn)
	for orders.Scan() {
		does, what, _ := strings.Cut(orders.Text(), " ")
		switch does {
		case "fork", "clone":
			attr := &syscall.ProcAttr{Env: append([]string{"PUPPET_ROLE=" + what}, env...), Files: []uintptr{0, 1, 2}, Sys: new(syscall.SysProcAttr)}
			if does == "clone" {
				attr.Sys.Cloneflags = unix.CLONE_PARENT
			}
			_, err = syscall.ForkExec(exe, []string{exe}, attr)
		case "exec":
			other := filepath.Join(dir, "other")
			_ = os.Symlink(exe, other)
			if what == "bare" {
				env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "TASKS_RUN_ID=") })
			}
			err = syscall.Exec(other, []string{other}, env)
		case "sleep":
			err = syscall.Exec("/bin/sleep", []string{"sleep", "1000"}, env)
		case "end":
			os.Exit(0)
		case "setsid":
			_, err = syscall.Setsid()
		case "subreaper":
			err = becomeSubreaper()
		case "cloexec":
			_, err = unix.FcntlInt(1, unix.F_SETFD, unix.FD_CLOEXEC)
		case "clearflags":
			_, err = unix.FcntlInt(1, unix.F_SETFL, unix.O_WRONLY)
		}
		must(err)
		fmt.Fprintln(conn, "done")
	}
}
