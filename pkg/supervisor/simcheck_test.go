package supervisor_test

import (
	"maps"
	"slices"
	"testing/synctest"

	"tasks/pkg/task"
)

// check compares the simulated world with what was promised.
func (s *sim) check() {
	shown := make(map[string]task.Info)
	var slots []int
	for _, info := range s.sup.List() {
		shown[info.Name] = info
		if info.Slot > 0 {
			slots = append(slots, info.Slot)
		}
		live := s.live(info.Name)
		switch ended := info.State.Ended(); {
		case len(live) > 1:
			s.t.Errorf("%s has %d runs", info.Name, len(live))
		case ended && len(live) > 0:
			s.t.Errorf("%s is %s, and run %d lives", info.Name, info.State, live[0].Launch.Run)
		case info.State == task.Running && len(live) == 0:
			s.t.Errorf("%s is running without a run", info.Name)
		}
	}
	for name, command := range s.has {
		if info := shown[name]; info.Name == "" || info.Command[0] != command {
			s.t.Errorf("%s has command %v, and its file %s", name, info.Command, command)
		}
	}
	for name, want := range s.edited {
		info, is := shown[name]
		if info.Edited != nil {
			info.Spec = *info.Edited
		}
		if is && (info.Spec.Command[0] != want.Command[0] || info.Spec.Group != want.Group || info.Spec.Priority != want.Priority) {
			s.t.Errorf("%s was edited to %s, and is %s", name, brief(want), brief(&info.Spec))
		}
	}
	s.checkQueue(shown)
	slices.Sort(slots)
	if len(slices.Compact(slices.Clone(slots))) != len(slots) {
		s.t.Errorf("slots: %v", slots)
	}
	for _, name := range slices.Sorted(maps.Keys(s.promised)) {
		info, is := shown[name]
		switch promise := s.promised[name]; {
		case promise == isRemoved && is, promise != unknown && promise != isRemoved && !is:
			s.t.Errorf("%s: promised %d, and it is %v", name, promise, is)
		case promise == isDown && (!info.State.Ended() || info.Desired != task.DesiredStopped):
			s.t.Errorf("%s was stopped, and is %s", name, info.State)
		case promise == isUp && info.State.Ended() && len(info.Spec.After) == 0:
			s.t.Errorf("%s was started, and is %s: %s", name, info.State, info.Reason)
		case promise == isEnabled && (info.Disabled || info.State.Ended()):
			s.t.Errorf("%s was enabled, and is %s: %s", name, info.State, info.Reason)
		case promise == isDisabled && (!info.Disabled || info.State == task.Waiting || info.State == task.Queued || info.State == task.BackingOff):
			s.t.Errorf("%s was disabled, and is %s: %s", name, info.State, info.Reason)
		case !is && len(s.live(name)) > 0:
			s.t.Errorf("%s was removed, and lives", name)
		}
	}
}

// checkQueue: nobody waits for a slot that is free.
func (s *sim) checkQueue(shown map[string]task.Info) {
	group, err := s.sup.Group("g")
	if err != nil || group.Slots == nil || s.life.dead() {
		return
	}
	taken, queued := 0, 0
	for _, info := range shown {
		switch info.State {
		case task.Queued:
			queued++
		case task.Starting, task.Running, task.Paused, task.Stopping:
			if info.Group == "g" { // also from when there was no limit
				taken++
			}
		}
	}
	if queued > 0 && taken < *group.Slots {
		s.t.Errorf("%d are queued, %d of %d slots are taken", queued, taken, *group.Slots)
	}
}

// finish closes the last supervisor, which has time for it: every caller is answered.
func (s *sim) finish() {
	s.life.mu.Lock()
	s.life.steps, s.life.full = -1, 0
	s.life.mu.Unlock()
	s.fake.AutoStop(true)
	for _, info := range s.sup.List() {
		for _, r := range s.live(info.Name) {
			if r.AutoStop(true); info.State == task.Stopping { // it was asked to when it would not
				r.Exit(task.Exit{}, false)
				r.Vanish(0)
			}
		}
	}
	synctest.Wait()
	if err := s.sup.Close(s.t.Context()); err != nil {
		s.t.Errorf("Close: %v", err)
	}
	synctest.Wait()
	for _, a := range s.asked {
		if !answered(a.call) {
			s.t.Errorf("%s: op %d was never answered", a.op.name, a.op.kind)
		}
	}
	if n := len(s.live("")); n > 0 {
		s.t.Errorf("%d runs outlive the end", n)
	}
	s.life.end()
	synctest.Wait()
}
