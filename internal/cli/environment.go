package cli

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"tasks/pkg/task"
)

// environment is the task's: the caller's or none, then the file's variables,
// then those of -e.
func (f *startFlags) environment(e *env) (task.Env, error) {
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
	if f.envFile != "" {
		if err := readEnvFile(f.envFile, vars); err != nil {
			return task.Env{}, err
		}
	}
	for _, kv := range f.env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return task.Env{}, usage("bad --env %q: use NAME=VALUE", kv)
		}
		vars[k] = v
	}
	return task.NewEnv(vars)
}

// readEnvFile adds the variables of a file of NAME=VALUE lines; blank lines and
// those that begin with # do not count, 'export ' before a name and quotes
// around a value are taken off.
func readEnvFile(path string, vars map[string]string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return usage("cannot read --env-file %s: %v", path, err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, v, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || k == "" || strings.ContainsAny(k, " \t") {
			return usage("%s:%d: not NAME=VALUE: %q", path, i+1, line)
		}
		if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
			v = v[1 : n-1]
		}
		vars[k] = v
	}
	return nil
}
