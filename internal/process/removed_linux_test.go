package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/task"
)

// What a removed task has left behind starts others: they do not belong to a new task of
// its name. It is by itself, as all that needs marks of commits.
func TestLeftOfARemovedTask(t *testing.T) {
	var commits uint64
	shared.opts.Commits = func() uint64 { return commits }
	defer func() { shared.opts.Commits = nil }()
	for _, w := range ways {
		t.Run(string(w), func(t *testing.T) {
			commits = 0 // a new database
			begin := filepath.Join(t.TempDir(), "begin")
			leaver := sh(`setsid sh -c 'echo out; until test -e ` + begin + `; do sleep 0.05; done; (exec setsid sh -c "echo late \$\$; exec sleep 1000" &)' &
				until grep -q '^out' /proc/$$/fd/1; do sleep 0.05; done`)
			leaver.Name, leaver.LeaveChildren = "leaver."+string(w), true
			removed := w.start(t, leaver)
			enginetest.Await(t, removed.Gone(), "Gone")
			commits = 2
			again := sh(`(setsid sh -c 'echo out $$; exec sleep 1000' &) ; echo main; exec sleep 1000`)
			again.Name = leaver.Name
			s := w.start(t, again)
			s.line(t, "main")
			own := procOf(t, s.line(t, "out"))
			if err := os.WriteFile(begin, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			late := procOf(t, removed.line(t, "late"))
			defer syscall.Kill(late.pid, syscall.SIGKILL)
			s.Stop(syscall.SIGTERM)
			s.wait(t)
			noneAlive(t, own)
			if !alive(late) {
				t.Error("it was ended with the new task")
			}
		})
	}
}

func TestLeftOfARemovedTaskWhenAdopted(t *testing.T) {
	const orphan = `sh -c 'exec setsid sh -c "echo $0 \$\$; exec sleep 1000 >/dev/null 2>&1"' `
	o := outlive(t, stage{Way: bare, Commits: 50, Specs: []task.Spec{
		sh(`(` + orphan + `own &); (TASKS_COMMIT=${TASKS_COMMIT%/*}/49 ` + orphan + `out &); echo main; exec sleep 1000`),
	}})[0]
	s := o.adopt(t)
	s.line(t, "main")
	own, out := procOf(t, s.line(t, "own")), procOf(t, s.line(t, "out"))
	defer syscall.Kill(out.pid, syscall.SIGKILL)
	s.Stop(syscall.SIGTERM)
	s.wait(t)
	noneAlive(t, own)
	if !alive(out) {
		t.Error("it was ended with the new task")
	}
}
