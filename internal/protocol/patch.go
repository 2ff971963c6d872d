package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"tasks/pkg/task"
)

// fixed are the keys of a spec that an edit leaves alone.
var fixed = []string{"name", "file", "job", "env_names", "caller", "batch", "fail_fast"}

// A Patch changes specs: it is a JSON merge patch, as of RFC 7396. A key with null has its
// default again, and objects, such as env, are merged. What is changed of environments is
// changed once of each: thousands of specs have the same one, which is most of them.
type Patch struct {
	rest json.RawMessage // what it says of all but the environment
	env  json.RawMessage // nil: nothing
	envs map[task.Env]task.Env
}

// ParsePatch reads a patch. The error is what would keep it from being applied to any spec.
func ParsePatch(text json.RawMessage) (*Patch, error) {
	keys, err := patchKeys(text)
	if err != nil {
		return nil, err
	}
	for key := range keys {
		if slices.Contains(fixed, key) {
			return nil, &Error{Code: CodeParams, Message: inParams + key + " cannot be edited"}
		}
	}
	p := &Patch{env: bytes.TrimSpace(keys["env"]), envs: make(map[task.Env]task.Env)}
	delete(keys, "env")
	p.rest = encoded(keys)
	if err := p.Apply(new(task.Spec)); err != nil {
		return nil, err
	}
	return p, p.checkNames()
}

// checkNames is an error where a variable is taken away that none can be called.
func (p *Patch) checkNames() error {
	if !p.Variables() {
		return nil
	}
	variables, err := members(p.env)
	if err != nil {
		return err
	}
	names := make(map[string]string, len(variables))
	for name := range variables {
		names[name] = ""
	}
	if _, err = task.NewEnv(names); err != nil {
		return &Error{Code: CodeParams, Message: inParams + err.Error()}
	}
	return nil
}

// Variables reports whether p changes variables of an environment, one by one.
func (p *Patch) Variables() bool { return len(p.env) > 0 && p.env[0] == '{' }

// Apply makes s what it is by p. Of one Patch it is called by one goroutine at a time.
func (p *Patch) Apply(s *task.Spec) error {
	is := *s
	is.Env = task.Env{}
	if err := apply(p.rest, &is); err != nil {
		return err
	}
	env, err := p.applyToEnv(s.Env)
	if err != nil {
		return err
	}
	is.Env, is.Unknown = env, s.Unknown
	*s = is
	return nil
}

func (p *Patch) applyToEnv(was task.Env) (task.Env, error) {
	if len(p.env) == 0 {
		return was, nil
	}
	is, known := p.envs[was]
	if known {
		return is, nil
	}
	of := struct {
		Env task.Env `json:"env"`
	}{was}
	if err := apply(encoded(map[string]json.RawMessage{"env": p.env}), &of); err != nil {
		return was, err
	}
	p.envs[was] = of.Env
	return of.Env, nil
}

// apply makes v what it is by patch.
func apply[T any](patch json.RawMessage, v *T) error {
	was, err := json.Marshal(v)
	if err != nil {
		return err
	}
	merged, err := merge(was, patch)
	if err != nil {
		return err
	}
	var is T
	if err := Decode(merged, &is); err != nil {
		return err
	}
	*v = is
	return nil
}

func patchKeys(patch json.RawMessage) (map[string]json.RawMessage, error) {
	if trimmed := bytes.TrimSpace(patch); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, &Error{Code: CodeParams, Message: inParams + "set: give an object"}
	}
	keys, err := members(patch)
	if err != nil {
		return nil, &Error{Code: CodeParams, Message: fmt.Sprintf("%s%v in set", inParams, err)}
	}
	return keys, nil
}

// merge is the object to with what patch says.
func merge(to, patch json.RawMessage) (json.RawMessage, error) {
	keys, err := patchKeys(patch)
	if err != nil {
		return nil, err
	}
	all := make(map[string]json.RawMessage)
	if trimmed := bytes.TrimSpace(to); len(trimmed) > 0 && trimmed[0] == '{' {
		if err := json.Unmarshal(to, &all); err != nil {
			return nil, err
		}
	}
	for key, value := range keys {
		switch value = bytes.TrimSpace(value); {
		case bytes.Equal(value, []byte("null")):
			delete(all, key)
		case value[0] == '{':
			if all[key], err = merge(all[key], value); err != nil {
				return nil, err
			}
		default:
			all[key] = value
		}
	}
	return encoded(all), nil
}

// encoded is an object of valid JSON.
func encoded(members map[string]json.RawMessage) json.RawMessage {
	text, _ := json.Marshal(members)
	return text
}
