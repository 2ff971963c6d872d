package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"tasks/pkg/task"
)

// storedChange is a change as it is written: the environments of its tasks are keys of
// the bucket envs.
type storedChange struct {
	task.Change
	EnvKeys []string `json:"env_keys,omitempty"` // hex, of each task; "": not given
}

// Changes is what was recorded of each file when the database was opened, for who asks
// first.
func (s *Store) Changes() []task.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := s.changes
	s.changes = nil
	return changes
}

// SaveChange puts c in place of what there is of its file, as durably as Save.
func (s *Store) SaveChange(c task.Change) error {
	put, err := putChange(c)
	if err == nil {
		err = s.submit(put)
	}
	if err != nil {
		return fmt.Errorf("cannot save the change of %s: %w", c.File, err)
	}
	return nil
}

// DeleteChange forgets what there is of a file, as durably as Save.
func (s *Store) DeleteChange(file string) error {
	if err := s.submit(change{bucket: changesBucket, name: file}); err != nil {
		return fmt.Errorf("cannot forget the change of %s: %w", file, err)
	}
	return nil
}

// putChange is the change of the database that saves c.
func putChange(c task.Change) (change, error) {
	put := change{bucket: changesBucket, name: c.File}
	st := storedChange{Change: c}
	st.Tasks = make([]task.Spec, len(c.Tasks))
	for i, spec := range c.Tasks {
		key := ""
		if spec.Env.Given() {
			env := newEnvironment(spec.Env)
			key = hex.EncodeToString(env.key)
			put.envs = append(put.envs, env)
		}
		st.EnvKeys = append(st.EnvKeys, key)
		spec.Env = task.Env{}
		st.Tasks[i] = spec
	}
	b, err := json.Marshal(st)
	if err != nil {
		return put, err
	}
	put.value = seal(with(b, c.Unknown))
	return put, nil
}

// decodeChange reads the change of file; used are the keys of its environments.
func decodeChange(file string, sealed []byte, envs map[string]task.Env) (c task.Change, used []string, err error) {
	b, err := unseal(sealed)
	if err != nil {
		return c, nil, fmt.Errorf("change of %q: %w", file, err)
	}
	st, unknown, err := decodeJSON[storedChange](b)
	switch {
	case err != nil:
	case st.File != file:
		err = fmt.Errorf("it is the record of %q", st.File)
	case len(st.EnvKeys) != len(st.Tasks):
		err = fmt.Errorf("it has %d environments for %d tasks", len(st.EnvKeys), len(st.Tasks))
	}
	if err != nil {
		return c, nil, fmt.Errorf("change of %q: %w", file, err)
	}
	for i, text := range st.EnvKeys {
		if text == "" {
			continue
		}
		key, err := hex.DecodeString(text)
		env, ok := envs[string(key)]
		if err != nil || !ok {
			return c, nil, fmt.Errorf("change of %q: %w", file, errNoEnv)
		}
		st.Tasks[i].Env = env
		used = append(used, string(key))
	}
	if c = st.Change; unknown {
		known, err := json.Marshal(st)
		if err != nil {
			return c, nil, err
		}
		c.Unknown = beside(b, known)
	}
	return c, used, nil
}
