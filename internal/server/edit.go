package server

import (
	"encoding/json"
	"strings"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// edited is the change of a spec by a patch. A task that was given no environment has the
// supervisor's, and that is what the patch adds variables to or takes them away from.
func (s *Server) edited(patch json.RawMessage) func(*task.Spec) error {
	variables := protocol.PatchesEnv(patch)
	return func(spec *task.Spec) error {
		if spec.Env.Given() || !variables {
			return protocol.ApplyPatch(spec, patch)
		}
		inherited, err := s.inherited()
		if err != nil {
			return task.Errorf(task.ErrUsage, spec.Name,
				"cannot edit the environment of %[1]s, which is the supervisor's: %[2]v: start %[1]s with an environment of its own", spec.Name, err)
		}
		spec.Env = inherited
		if err = protocol.ApplyPatch(spec, patch); spec.Env == inherited {
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
