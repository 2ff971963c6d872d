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

// CheckPatch reports what would keep patch from being applied to any spec.
func CheckPatch(patch json.RawMessage) error {
	keys, err := patchKeys(patch)
	if err != nil {
		return err
	}
	for key := range keys {
		if slices.Contains(fixed, key) {
			return &Error{Code: CodeParams, Message: inParams + key + " cannot be edited"}
		}
	}
	return ApplyPatch(new(task.Spec), patch)
}

// ApplyPatch makes s what it is by patch, a JSON merge patch as of RFC 7396: a key with null
// has its default again, and objects, such as env, are merged.
func ApplyPatch(s *task.Spec, patch json.RawMessage) error {
	was, err := json.Marshal(s)
	if err != nil {
		return err
	}
	merged, err := merge(was, patch)
	if err != nil {
		return err
	}
	var is task.Spec
	if err := Decode(merged, &is); err != nil {
		return err
	}
	is.Unknown = s.Unknown
	*s = is
	return nil
}

// PatchesEnv reports whether patch changes variables of an environment, one by one.
func PatchesEnv(patch json.RawMessage) bool {
	keys, err := patchKeys(patch)
	env := bytes.TrimSpace(keys["env"])
	return err == nil && len(env) > 0 && env[0] == '{'
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
	return json.Marshal(all)
}
