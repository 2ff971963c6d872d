package supervisor_test

import (
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// waits adds to spec what its runs are to wait for.
func (w *world) waits(spec *task.Spec, how byte) {
	if how&1 != 0 {
		spec.Group = "g"
	}
	other := fmt.Sprint("task", how>>3%3)
	switch how % 7 {
	case 2:
		spec.After = []string{other}
	case 3:
		spec.AfterEnded = []string{other}
	case 4:
		spec.Delay = new(task.Duration(10 * time.Second))
	case 5, 6:
		spec.Every = new(task.Duration(20 * time.Second))
		spec.Overlap = []task.Overlap{"", task.OverlapQueue, task.OverlapReplace}[how>>2%3]
		if spec.Restart == task.RestartAlways {
			spec.Restart = task.RestartNo
		}
		if how%7 == 6 {
			spec.After = []string{other}
		}
	}
	if how&16 != 0 {
		spec.ReadyLog = "x"
	}
	if how&32 != 0 {
		spec.HealthCmd = "x"
	}
}

func (w *world) changeGroup(how byte) {
	switch how % 6 {
	case 0, 1, 2, 3:
		limit := noLimit
		_, err := w.sup.ChangeGroup("g", func(g *task.Group) {
			if g.Slots = nil; how%6 != 3 {
				limit = int(how % 6)
				g.Slots = &limit
			}
		})
		if err == nil {
			w.most = max(w.most, w.limit) // running tasks keep running
			w.limit = limit
		}
	case 4:
		if _, err := w.sup.PauseGroup(w.t.Context(), "g"); err == nil {
			w.paused = true
		}
	case 5:
		if _, err := w.sup.ResumeGroup(w.t.Context(), "g"); err == nil {
			w.paused = false
		}
	}
}

// checkGroup looks at the slots of the group, and who waits for one.
func (w *world) checkGroup(infos []task.Info) {
	w.t.Helper()
	live, starting := 0, 0
	var slots []int
	for _, info := range infos {
		if info.Group != "g" {
			continue
		}
		for _, r := range w.runs[info.Name] {
			if w.alive(r) {
				live++
			}
		}
		switch info.State {
		case task.Starting, task.Running, task.Paused, task.Stopping:
			starting++
			if info.Slot > 0 {
				slots = append(slots, info.Slot)
			}
		}
	}
	if w.most = max(w.limit, min(w.most, starting)); live > w.most {
		w.t.Errorf("%d run in %d slots", live, w.limit)
	}
	slices.Sort(slots)
	if len(slices.Compact(slots)) != len(slots) {
		w.t.Errorf("slots: %v", slots)
	}
	for _, info := range infos {
		if info.State == task.Queued && !w.closed && !w.paused && starting < w.limit {
			w.t.Errorf("%s is queued, %d of %d run", info.Name, starting, w.limit)
		}
	}
}

// mayWait reports whether there is something that a waiting task waits for.
func (w *world) mayWait(info *task.Info) bool {
	if info.Reason == "" || !info.NextAt.IsZero() { // its time, or as well
		return time.Until(info.NextAt.Time) > 0
	}
	open := false
	for _, name := range info.Spec.After {
		dep, err := w.sup.Info(name)
		if err != nil || dep.State.Ended() && dep.State != task.Done {
			return false // it has failed by now
		}
		open = open || dep.State != task.Done
	}
	for _, name := range info.Spec.AfterEnded {
		dep, err := w.sup.Info(name)
		open = open || err == nil && !dep.State.Ended()
	}
	return open
}

// reload continues with another supervisor, once no task is between two states.
func (w *world) reload() {
	w.st.failing(nil)
	time.Sleep(3 * time.Second) // in which all is recorded
	synctest.Wait()
	before := w.sup.List()
	for _, info := range before {
		if info.State == task.Stopping || info.State == task.Starting && info.PID == 0 {
			return
		}
	}
	w.fake.Hold(false)
	w.held = false
	if _, err := w.sup.Leave(w.t.Context()); err != nil {
		w.t.Errorf("Leave: %v", err)
		return
	}
	synctest.Wait()
	w.sup = supervisor.New(w.options())
	w.sup.Load(w.t.Context(), w.st.all(), w.st.allGroups()...)
	synctest.Wait()
	for i, info := range w.sup.List() {
		was := before[i]
		same := info.State == was.State || was.State == task.BackingOff
		if info.Name != was.Name || !same || info.Desired != was.Desired || info.PID != was.PID && was.PID != 0 || info.Slot != was.Slot && was.Slot != 0 {
			w.t.Errorf("before the supervisor was replaced: %+v\nafter it: %+v", was, info)
		}
		if was.State != task.BackingOff && (info.Run != was.Run || info.NextAt != was.NextAt) {
			w.t.Errorf("before the supervisor was replaced: %+v\nafter it: %+v", was, info)
		}
	}
}
