package process

import (
	"syscall"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/task"
)

// outliveTrees has the script of each tree outlive its supervisor, begun in each way.
func outliveTrees(t *testing.T, spec func(script string) task.Spec) map[way][]orphan {
	t.Helper()
	all := make(map[way][]orphan)
	for _, w := range ways {
		s := stage{Way: w}
		for _, tt := range trees {
			if w.misses(tt.name) {
				tt.script = "exec sleep 1000; " // nobody takes it back
			}
			s.Specs = append(s.Specs, spec(tt.script))
		}
		all[w] = outlive(t, s)
	}
	return all
}

// What a main process left behind is stopped, even if nobody saw that process end.
func TestAdoptWhatTheLostLeft(t *testing.T) {
	orphans := outliveTrees(t, func(script string) task.Spec {
		return sh(script + `until grep -q '^out' /proc/$$/fd/1; do sleep 0.05; done; exit 3`)
	})
	eachTree(t, func(t *testing.T, i int, w way) {
		tt, o := trees[i], orphans[w][i]
		out := procOf(t, o.started().line(t, "out"))
		o.reaped(t)
		s := o.adopt(t)
		enginetest.Await(t, s.Exited(), "Exited")
		notGone(t, s)
		if !alive(out) {
			t.Error("it was ended without a stop")
		}
		s.Stop(syscall.SIGTERM)
		if tt.ignoresTERM {
			s.Stop(syscall.SIGKILL)
		}
		if e := s.wait(t); !e.Lost || e.LeftBehind < 1 {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out)
	})
}

func TestAdoptedStopEndsTheTree(t *testing.T) {
	orphans := outliveTrees(t, func(script string) task.Spec { return sh(script + `echo main; wait; sleep 1000`) })
	eachTree(t, func(t *testing.T, i int, w way) {
		tt, o := trees[i], orphans[w][i]
		s := o.adopt(t)
		s.line(t, "main")
		out := procOf(t, s.line(t, "out"))
		s.Stop(syscall.SIGTERM)
		enginetest.Await(t, s.Exited(), "Exited")
		if tt.ignoresTERM {
			notGone(t, s)
			if !alive(out) {
				t.Error("a process that ignores TERM ended by it")
			}
			s.Stop(syscall.SIGKILL)
		}
		if e := s.wait(t); e.Signal != syscall.SIGTERM && recordsExits() {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out, o.proc())
	})
}

func TestAdoptedKillEndsTheTree(t *testing.T) {
	orphans := outliveTrees(t, func(script string) task.Spec { return sh(`trap "" TERM; ` + script + `echo main; wait; sleep 1000`) })
	eachTree(t, func(t *testing.T, i int, w way) {
		o := orphans[w][i]
		s := o.adopt(t)
		s.line(t, "main")
		out := procOf(t, s.line(t, "out"))
		s.Stop(syscall.SIGKILL)
		if e := s.wait(t); e.Signal != syscall.SIGKILL && recordsExits() {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out, o.proc())
	})
}
