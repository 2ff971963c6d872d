package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"tasks/internal/daemon"
	"tasks/internal/taskfile"
	"tasks/pkg/task"
)

// environ is the environment for tasks: the caller's, NAME=VALUE each. What is not UTF-8
// text cannot be kept as it is; it is left out, which is said also where nothing
// but errors is wanted.
func (p *printer) environ() []string {
	return slices.DeleteFunc(daemon.CallerEnv(), func(kv string) bool {
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
func (o *taskOptions) environment(p *printer) (task.Env, error) {
	vars := make(map[string]string)
	if !o.clearEnv {
		for _, kv := range p.environ() {
			if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
				vars[k] = v
			}
		}
	}
	if err := o.addTo(p, vars); err != nil {
		return task.Env{}, err
	}
	return task.NewEnv(vars)
}

// addTo adds the variables of the files, and then those of -e.
func (o *taskOptions) addTo(p *printer, vars map[string]string) error {
	for _, path := range o.envFiles {
		path, err := homePath("env-file", path)
		if err != nil {
			return err
		}
		remarks, err := taskfile.ReadEnv(path, vars, os.Environ())
		p.remarks(remarks)
		if err != nil && !errors.Is(err, task.ErrUsage) {
			err = usage("cannot read --env-file %s: %v", path, errors.Unwrap(err))
		}
		if err != nil {
			return err
		}
	}
	for i, kv := range o.env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" { // what there is may be a secret
			return usage("bad --env: value %d is not NAME=VALUE", i+1)
		}
		vars[k] = v
	}
	return nil
}

// pathList is the value of a flag for paths, which add up.
type pathList struct {
	to   *[]string
	flag string
}

func (l pathList) Set(path string) error {
	if path == "" {
		return noValue(l.flag)
	}
	*l.to = append(*l.to, path)
	return nil
}

// Append is for pflag.SliceValue.
func (l pathList) Append(path string) error { return l.Set(path) }

// Replace is for pflag.SliceValue.
func (l pathList) Replace(paths []string) error {
	*l.to = paths
	return nil
}

// GetSlice is for pflag.SliceValue.
func (l pathList) GetSlice() []string { return *l.to }

func (l pathList) String() string {
	if l.to == nil { // as pflag makes one
		return ""
	}
	return strings.Join(*l.to, ",")
}

func (pathList) Type() string { return "stringArray" }
