package process

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Another user's cgroup with the name of one of a run makes nobody part of that run, and is
// none that a supervisor has begun before.
func TestCgroupOfAnotherUser(t *testing.T) {
	t.Parallel()
	if shared.groups.dir == "" || os.Geteuid() != 0 {
		t.Skip("it takes root, and cgroups")
	}
	s := start(t, sh("echo up; exec sleep 1000"))
	s.line(t, "up")
	id := s.Process.(*run).id
	group := cgroup(s.Ref().Cgroup)
	parent := filepath.Dir(shared.groups.dir)
	elsewhere := filepath.Join(parent, "elsewhere-"+shared.opts.ID)
	other := cgroup(filepath.Join(elsewhere, filepath.Base(filepath.Dir(string(group))), filepath.Base(string(group))))
	must(os.MkdirAll(string(other), 0o755))
	t.Cleanup(func() { cgroup(elsewhere).remove() })
	for dir := string(other); dir != parent; dir = filepath.Dir(dir) {
		must(os.Chown(dir, 65534, 65534))
	}
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
	must(err)
	p := proc{pid, startOf(pid)}
	t.Cleanup(func() {
		shared.tree.signal(p, syscall.SIGKILL)
		for isPopulated(other) {
		}
	})
	must(writeCgroup(string(other), "cgroup.procs", strconv.Itoa(pid)))
	if got := runByCgroup(s.Ref().PID); got != id {
		t.Errorf("its own cgroup belongs to %q, want %q", got, id)
	}
	if got := runByCgroup(pid); got != "" {
		t.Errorf("another user's cgroup belongs to %q", got)
	}
	must(os.Chown(filepath.Dir(string(other)), 0, 0))
	if got := runByCgroup(pid); got != id {
		t.Errorf("one that this user made elsewhere belongs to %q, want %q", got, id)
	}
	look, err := shared.lookForUnknown(Database{Known: func(string, int) bool { return true }}, make(map[cgroup]bool), nil)
	if err != nil || len(look.later) > 0 || len(look.left) > 0 {
		t.Errorf("%+v, %v", look, err)
	}
}
