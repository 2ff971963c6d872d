package supervisor

import (
	"slices"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// List is every task, sorted by [task.CompareNames], as it now is. It waits for nobody.
func (s *Supervisor) List() []task.Info {
	shown := s.Shared()
	infos := make([]task.Info, len(shown))
	for i, info := range shown {
		infos[i] = *info
	}
	return infos
}

// Shared is List without copies: others read the same tasks, which must not be
// changed.
func (s *Supervisor) Shared() []*task.Info {
	s.mu.Lock()
	shown := make([]*task.Info, 0, len(s.tasks))
	for _, a := range s.tasks {
		if now := a.shown.Load(); now != nil {
			shown = append(shown, &now.info)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(shown, func(a, b *task.Info) int { return task.CompareNames(a.Name, b.Name) })
	return shown
}

// SharedInfo is one task of those of Shared, or nil.
func (s *Supervisor) SharedInfo(name string) *task.Info {
	if now := s.lookup(name); now != nil {
		return &now.info
	}
	return nil
}

// Unrecorded reports whether what the task called name now is could not be recorded yet.
func (s *Supervisor) Unrecorded(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.tasks[name]
	return a != nil && a.unrecorded.Load()
}

// Info is one task as it now is, with its last runs.
func (s *Supervisor) Info(name string) (task.Info, error) {
	now := s.lookup(name)
	if now == nil {
		return task.Info{}, s.noSuch(name)
	}
	info := now.info
	info.Runs = slices.Clone(now.runs)
	return info, nil
}

// Env is the environment that the task called name was given.
func (s *Supervisor) Env(name string) (task.Env, error) {
	now := s.lookup(name)
	if now == nil {
		return task.Env{}, s.noSuch(name)
	}
	return now.env, nil
}

// Sample adds to info what its run uses at this moment, where that is known.
func (s *Supervisor) Sample(info *task.Info) {
	now := s.lookup(info.Name)
	if now == nil {
		return
	}
	if sampler, ok := now.proc.(engine.Sampler); ok {
		if stats, err := sampler.Sample(); err == nil {
			info.Stats = &stats
		}
	}
}

// Tree adds to info the processes of its run at this moment, where they are known.
func (s *Supervisor) Tree(info *task.Info) {
	now := s.lookup(info.Name)
	if now == nil {
		return
	}
	if t, ok := now.proc.(engine.Tree); ok {
		info.Tree, _ = t.Tree()
	}
}

// LogPath is the file that a run of the task called name writes to; "" without
// Options.Logs.
func (s *Supervisor) LogPath(name string, run int) string {
	if s.opts.Logs == nil {
		return ""
	}
	return s.opts.Logs.Path(name, run)
}

// Places is the position of each queued task in the queue of its group, from 1 on.
func (s *Supervisor) Places() map[string]int {
	at := s.queues.Places()
	named := make(map[string]int, len(at))
	if len(at) == 0 {
		return named
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, a := range s.tasks {
		if n := at[a.place]; n > 0 {
			named[name] = n
		}
	}
	return named
}

// lookup is the task as it now is, or nil.
func (s *Supervisor) lookup(name string) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.tasks[name]; a != nil {
		return a.shown.Load()
	}
	return nil
}
