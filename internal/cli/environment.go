package cli

import (
	"errors"
	"os"
	"strings"
	"unicode/utf8"

	"tasks/internal/taskfile"
	"tasks/pkg/task"
)

// environment is the task's: the caller's or none, then the file's variables,
// then those of -e.
func (f *specFlags) environment(e *env) (task.Env, error) {
	vars := make(map[string]string)
	if !f.clearEnv {
		for _, kv := range os.Environ() {
			k, v, ok := strings.Cut(kv, "=")
			switch {
			case !ok || k == "":
			case !utf8.ValidString(kv):
				e.remark("tasks: the environment variable %q is not UTF-8 text: left out", k)
			default:
				vars[k] = v
			}
		}
	}
	for _, path := range f.envFiles {
		remarks, err := taskfile.ReadEnv(path, vars, os.Environ())
		e.remarks(remarks)
		if err != nil && !errors.Is(err, task.ErrUsage) {
			err = usage("cannot read --env-file %s: %v", path, errors.Unwrap(err))
		}
		if err != nil {
			return task.Env{}, err
		}
	}
	for i, kv := range f.env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" { // what there is may be a secret
			return task.Env{}, usage("bad --env: value %d is not NAME=VALUE", i+1)
		}
		vars[k] = v
	}
	return task.NewEnv(vars)
}
