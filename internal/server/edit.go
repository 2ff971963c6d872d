package server

import (
	"encoding/json"
	"strings"
	"sync"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// maxEdit is how many bytes the specs of one request may grow by, in all.
const maxEdit = 64 << 20

func edit(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Edit
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	patch, err := protocol.ParsePatch(p.Set)
	if err != nil {
		return nil, err
	}
	size := len(names) * len(p.Set)
	if size > maxEdit {
		return nil, task.Errorf(task.ErrUsage, "", "the changes of %d tasks have %d MiB, at most %d are allowed: edit fewer at once", len(names), size>>20, maxEdit>>20)
	}
	done, err := c.srv.stage(size)
	if err != nil {
		return nil, err
	}
	change := c.srv.edited(patch)
	finish, err := forEach(c, names, errs, func(name string) (supervisor.Request, bool) { return supervisor.Edit(name, change), true })
	return func() (any, error) {
		defer done()
		return finish()
	}, err
}

// edited is the change of a spec by a patch. A task that was given no environment has the
// supervisor's, and that is what the patch adds variables to or takes them away from.
func (s *Server) edited(patch *protocol.Patch) func(*task.Spec) error {
	inherited := sync.OnceValues(s.inherited)
	return func(spec *task.Spec) error {
		s.patching.Lock() // each takes several times what it makes
		defer s.patching.Unlock()
		if spec.Env.Given() || !patch.Variables() {
			return patch.Apply(spec)
		}
		env, err := inherited()
		if err != nil {
			return task.Errorf(task.ErrUsage, spec.Name,
				"cannot edit the environment of %[1]s, which is the supervisor's: %[2]v: start %[1]s with an environment of its own", spec.Name, err)
		}
		spec.Env = env
		if err = patch.Apply(spec); spec.Env == env {
			spec.Env = task.Env{} // nothing changed of it
		}
		return err
	}
}

// inherited is the environment of commands that were given none.
func (s *Server) inherited() (task.Env, error) {
	vars := make(map[string]string)
	for _, kv := range s.cfg.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			vars[name] = value
		}
	}
	return task.NewEnv(vars)
}
