package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"tasks/internal/taskfile"
	"tasks/pkg/task"
)

// environ is the environment of this process, NAME=VALUE each. What is not UTF-8
// text cannot be kept as it is; it is left out, which is said also where nothing
// but errors is wanted.
func (p *printer) environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		odd := name != "" && !utf8.ValidString(kv)
		if odd {
			fmt.Fprintf(p.err, "tasks: the environment variable %q is not UTF-8 text: the tasks do not get it\n", name)
		}
		return odd
	})
}

// environment is the task's: the caller's or none, then the file's variables,
// then those of -e.
func (f *specFlags) environment(e *env) (task.Env, error) {
	vars := make(map[string]string)
	if !f.clearEnv {
		for _, kv := range e.environ() {
			if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
				vars[k] = v
			}
		}
	}
	for _, path := range f.envFiles {
		path, err := homePath("env-file", path)
		if err != nil {
			return task.Env{}, err
		}
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
