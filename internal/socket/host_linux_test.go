package socket

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"tasks/internal/safeopen"
)

func TestElsewhere(t *testing.T) {
	t.Parallel()
	me := host{Boot: "b1", PIDNamespace: 1, Machine: "m1", Name: "n1"}
	for _, tt := range []struct {
		what         string
		h            host
		held, shared bool
		want         bool
	}{
		{"not known", host{}, true, true, false},
		{"itself", me, true, true, false},
		{"a container here", host{"b1", 2, "m2", "n2"}, false, true, false},
		{"another, held", host{"b2", 1, "m2", "n2"}, true, false, true},
		{"another, held, with the same names", host{"b2", 1, "m1", "n1"}, true, true, true},
		{"another, which may live", host{"b2", 1, "m2", "n2"}, false, true, true},
		{"another of one image", host{"b2", 1, "m1", "n2"}, false, true, true},
		{"another one's disk, which is here now", host{"b2", 1, "m2", "n2"}, false, false, false},
		{"this one before it was booted", host{"b0", 1, "m1", "n1"}, false, true, false},
	} {
		if got := tt.h.elsewhere(me, tt.held, tt.shared); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}

// change has the holder of the lock in dir say something else of itself.
func change(t *testing.T, dir string, by func(*holder)) {
	t.Helper()
	b, err := os.ReadFile(holderPath(dir))
	check(t, err)
	var h holder
	check(t, json.Unmarshal(b, &h))
	by(&h)
	b, err = json.Marshal(h)
	check(t, err)
	check(t, os.WriteFile(holderPath(dir), b, 0o600))
}

// A process is signalled only if everything says that it is the supervisor.
func TestNudgeOnlyTheSupervisor(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l, err := AcquireLock(dir)
	check(t, err)
	defer l.Release()
	check(t, l.Record("/x.sock"))
	other := exec.Command("sleep", "300") // which SIGUSR1 ends
	check(t, other.Start())
	defer other.Wait()
	defer other.Process.Kill()
	pid := other.Process.Pid
	check(t, os.WriteFile(lockPath(dir), []byte(strconv.Itoa(pid)+" /x.sock\n"), 0o600))
	for what, by := range map[string]func(*holder){
		"another boot":          func(h *holder) { h.Boot = "another" },
		"another pid namespace": func(h *holder) { h.PIDNamespace++ },
		"another process":       func(h *holder) { h.Start++ },
		"not known":             func(h *holder) { h.host = host{} },
		"no start time":         func(h *holder) { h.Start = 0 },
		"of another socket":     func(h *holder) { h.Socket += "x" },
		"of another pid":        func(h *holder) { h.PID++ },
	} {
		check(t, writeHolder(dir, "/x.sock", nil))
		change(t, dir, func(h *holder) {
			h.PID, h.Start = pid, startTime(pid)
			by(h)
		})
		if Nudge(dir, "/x.sock") {
			t.Errorf("%s: signalled", what)
		}
	}
	change(t, dir, func(h *holder) { *h = holder{PID: pid, Socket: "/x.sock", Start: startTime(pid), host: thisHost()} })
	if Nudge(dir, "/another.sock") {
		t.Error("signalled for the sake of another socket")
	}
	check(t, other.Process.Signal(syscall.Signal(0)))
	if !Nudge(dir, "/x.sock") {
		t.Fatal("the supervisor is not signalled")
	}
	other.Wait()
	if sig := other.ProcessState.Sys().(syscall.WaitStatus).Signal(); sig != syscall.SIGUSR1 {
		t.Errorf("it ended by %v", sig)
	}
}

// Who has the lock is not taken for nobody where it cannot be read, and that it could not
// be written is known.
func TestHolderThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l, err := AcquireLock(dir)
	check(t, err)
	check(t, l.Record("/x.sock"))
	check(t, l.Unnoted())
	check(t, os.Mkdir(holderPath(dir)+".new", 0o700))
	check(t, l.Record("/x.sock"))
	if err := l.Unnoted(); !errors.Is(err, safeopen.ErrNotRegular) {
		t.Errorf("unnoted: %v", err)
	}
	check(t, unlock(l.File())) // as when it dies
	check(t, os.Remove(holderPath(dir)))
	check(t, os.Mkdir(holderPath(dir), 0o700))
	_, err = AcquireLock(dir)
	wantError(t, err, "cannot tell who has the lock", "remove that file")
	check(t, os.Remove(holderPath(dir)))
	l, err = AcquireLock(dir)
	check(t, err)
	check(t, l.Release())
}

// The lock of an earlier version tells no process from another.
func TestLockWithoutHolder(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	startChild(t, "lock", dir)
	check(t, os.Remove(holderPath(dir)))
	victim := exec.Command("sleep", "300")
	check(t, victim.Start())
	defer victim.Wait()
	defer victim.Process.Kill()
	socket := filepath.Join(dir, "x.sock")
	for _, pid := range []int{victim.Process.Pid, 1<<22 + 1} {
		check(t, os.WriteFile(lockPath(dir), []byte(strconv.Itoa(pid)+" "+socket+"\n"), 0o600))
		wantLock(t, dir, pid, socket, true)
		wantHeld(t, dir, pid, socket)
		if Nudge(dir, socket) {
			t.Errorf("%d was signalled", pid)
		}
	}
	check(t, victim.Process.Signal(syscall.Signal(0)))
}

// Of a holder on another host the error says where it is, and how to do without.
func TestLockOfAnotherHost(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	c := startChild(t, "lock", dir)
	change(t, dir, func(h *holder) { h.Boot, h.Machine, h.Name = "another", "another", "faraway" })
	p := Paths{Socket: filepath.Join(dir, "default.sock"), State: dir}
	_, err := AcquireLock(dir)
	for _, err := range []error{err, p.Elsewhere()} {
		wantError(t, err, "the state directory "+dir+" is in use on host faraway, by the supervisor with pid "+strconv.Itoa(c.cmd.Process.Pid), "TASKS_STATE_DIR")
	}
	if path := p.Fallback(); path != "" {
		t.Errorf("falls back to %s, which is not here", path)
	}
	// A host that died: on a disk of this one its lock is nobody's.
	c.kill()
	check(t, p.Elsewhere())
	l, err := AcquireLock(dir)
	check(t, err)
	check(t, l.Record("/x.sock"))
	wantLock(t, dir, os.Getpid(), "/x.sock", true)
	check(t, l.Clear())
	wantLock(t, dir, 0, "", true)
	check(t, l.Release())

	h := holder{PID: 12, Socket: "/x.sock", host: host{Boot: "b2", Machine: "m2", Name: "n2"}}
	wantError(t, h.away("/s", host{Boot: "b1"}, false, true), "was last used on host n2, by the supervisor with pid 12, which has not ended in order", "TASKS_STATE_DIR", "remove /s/lock")
}

// A pid of another pid namespace is another's here.
func TestLockOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	c := newChild("lock", dir)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	c.start(t)
	socket := filepath.Join(dir, "x.sock")
	h, err := ReadLock(dir)
	if err != nil || h.PID != 1 || h.Socket != socket || h.Elsewhere == nil || !h.Elsewhere.Container {
		t.Fatalf("%+v, %v", h, err)
	}
	if Nudge(dir, socket) {
		t.Error("pid 1 was signalled")
	}
	_, err = AcquireLock(dir)
	wantError(t, err, "in use in another container, by the supervisor with pid 1 there on socket "+socket, "TASKS_STATE_DIR")
	p := Paths{Socket: filepath.Join(dir, "default.sock"), State: dir}
	if got := p.Fallback(); got != socket { // which may be reached all the same
		t.Errorf("falls back to %q", got)
	}
	c.kill()
	l, err := AcquireLock(dir)
	if held := (*HeldError)(nil); errors.As(err, &held) {
		t.Errorf("%v", err)
	}
	check(t, err)
	check(t, l.Release())
}

// A copy of a running supervisor's state directory cannot be locked, whatever its name; a
// copy of an ended supervisor's can.
func TestLockOfACopy(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	c := startChild(t, "lock", dir)
	pid, socket := c.cmd.Process.Pid, filepath.Join(dir, "x.sock")
	copyDir := func() string {
		to := tempDir(t)
		for _, path := range []string{lockPath(dir), holderPath(dir)} {
			b, err := os.ReadFile(path)
			check(t, err)
			check(t, os.WriteFile(filepath.Join(to, filepath.Base(path)), b, 0o600))
		}
		return to
	}
	dead, refused := copyDir(), copyDir()
	_, err := AcquireLock(refused)
	wantError(t, err, "the state directory "+refused+" is a copy of the one of the supervisor with pid "+strconv.Itoa(pid)+" on socket "+socket, "tasks exit", "TASKS_STATE_DIR")
	wantLock(t, refused, pid, socket, false) // as it was
	for what, by := range map[string]func(*holder){
		"another process": func(h *holder) { h.Start++ },
		"before the boot": func(h *holder) { h.Boot = "another" },
		"of this process": func(h *holder) { h.PID, h.Start = os.Getpid(), startTime(os.Getpid()) },
	} {
		other := copyDir()
		change(t, other, by)
		if what == "of this process" {
			check(t, os.WriteFile(lockPath(other), []byte(strconv.Itoa(os.Getpid())+" "+socket+"\n"), 0o600))
		}
		l, err := AcquireLock(other)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		check(t, l.Release())
	}

	// It is nobody's once that one has died, be it that nobody has waited for it.
	check(t, c.cmd.Process.Kill())
	l, err := AcquireLock(dead)
	check(t, err)
	check(t, l.Release())
	c.kill()
}
