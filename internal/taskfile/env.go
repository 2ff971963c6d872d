package taskfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// maxGiven bounds what a file gives to all of its environments, in bytes.
const maxGiven = 4 << 20

// A callerEnv is the environment of whoever loads a file.
type callerEnv struct {
	vars      map[string]string // the UTF-8 ones
	illegible []string          // the names of the others
}

// variables reads an environment, NAME=VALUE each.
func variables(environ []string) callerEnv {
	c := callerEnv{vars: make(map[string]string, len(environ))}
	for _, kv := range environ {
		switch k, v, ok := strings.Cut(kv, "="); {
		case !ok || k == "":
		case !utf8.ValidString(kv):
			c.illegible = append(c.illegible, k)
		default:
			c.vars[k] = v
		}
	}
	return c
}

func (c callerEnv) lookup(name string) (string, bool, error) {
	if slices.Contains(c.illegible, name) {
		return "", false, fmt.Errorf("%s is not UTF-8 text in your environment", name)
	}
	v, ok := c.vars[name]
	return v, ok, nil
}

// environments makes those of the tasks of a file.
type environments struct {
	*loader
	all  map[string]string            // what the file gives to each task
	made map[bool]madeEnv             // for tasks that have nothing of their own, by clear_env
	own  map[*entry]map[string]string // what the file gives to an entry, beside all
}

type madeEnv struct {
	env   task.Env
	names []string
}

// environments reads what is at the top of the file.
func (l *loader) environments(top map[string]got) *environments {
	return &environments{
		loader: l, all: l.ownVars(top), made: make(map[bool]madeEnv), own: make(map[*entry]map[string]string),
	}
}

// of is the environment of a task of e, and the names in it that the file gives:
// the caller's unless cleared, then what the file gives to all tasks, what it
// gives to e, and extra. It is not ok if there is a problem.
func (v *environments) of(e *entry, extra map[string]string) (env task.Env, names []string, ok bool) {
	cleared, _ := e.keys["clear_env"].val.(bool)
	own, known := v.own[e]
	if !known {
		own = v.ownVars(e.keys)
		v.own[e] = own
	}
	if len(v.problems) > 0 {
		return task.Env{}, nil, false
	}
	plain := len(own) == 0 && extra == nil
	if m, ok := v.made[cleared]; ok && plain {
		return m.env, m.names, true
	}
	given := make(map[string]string)
	for _, vars := range []map[string]string{v.all, own, extra} {
		maps.Copy(given, vars)
	}
	for k, val := range given {
		v.given += len(k) + len(val) + 2
	}
	if v.given > maxGiven {
		v.report(e.key.pos, "the environments of these tasks take up more than %s", task.Size(maxGiven))
		return task.Env{}, nil, false
	}
	vars := given
	if !cleared {
		vars = maps.Clone(v.environ.vars)
		maps.Copy(vars, given)
	}
	env, err := task.NewEnv(vars)
	if err != nil {
		v.report(e.key.pos, "%v", err)
		return task.Env{}, nil, false
	}
	names = sorted(given)
	if plain {
		v.made[cleared] = madeEnv{env, names}
	}
	return env, names, true
}

// ownVars are the variables of env_file, and then env, of one mapping.
func (l *loader) ownVars(keys map[string]got) map[string]string {
	vars := make(map[string]string)
	if g, ok := keys["env_file"]; ok {
		var chain string
		var sofar map[string]string
		for i, name := range g.val.([]any) {
			path, err := l.path(g.items[i], name.(string))
			if err != nil {
				l.report(g.items[i].pos, "env_file: %v", err)
				break
			}
			chain += path + "\x00"
			file, err := l.envFile(chain, path, g.items[i].written(path), sofar, l.lookup)
			if err != nil {
				l.report(g.items[i].pos, "env_file: %v", err)
				break
			}
			sofar = file
		}
		maps.Copy(vars, sofar)
	}
	if g, ok := keys["env"]; ok {
		for _, p := range g.pair.val.pairs {
			if !matches(envShape.names, p.key.text) || strings.IndexByte(p.key.text, 0) >= 0 {
				l.report(p.key.pos, "bad name of a variable %q: use NAME: VALUE", shown(p.key.text))
				continue
			}
			if val, ok := l.scalar(p.key.text, p.at(), p.val, envShape.scalar); ok {
				vars[p.key.text] = val.(string)
			}
		}
	}
	return vars
}

// envFile is the variables of a file, which messages call shown, and of those named
// before it; it is read once for each chain of names.
func (l *loader) envFile(chain, path, shown string, before map[string]string, outer func(string) (string, bool, error)) (map[string]string, error) {
	if vars, ok := l.files[chain]; ok {
		return vars, nil
	}
	open := safeopen.Open
	if path == os.DevNull { // a default that says: none
		open = os.Open
	}
	text, err := read(open, path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", shown, reason(err))
	}
	return l.envText(chain, shown, text, before, outer)
}

// envText is envFile of a file with this text.
func (l *loader) envText(chain, shown, text string, before map[string]string, outer func(string) (string, bool, error)) (map[string]string, error) {
	vars := make(map[string]string)
	maps.Copy(vars, before)
	remarks, err := parseEnv(shown, text, vars, outer)
	if err != nil {
		return nil, err
	}
	for _, r := range remarks {
		if len(l.remarks) < maxProblems && !slices.Contains(l.remarks, r) {
			l.remarks = append(l.remarks, r)
		}
	}
	if l.files == nil {
		l.files = make(map[string]map[string]string)
	}
	l.files[chain] = vars
	return vars, nil
}

// lookup is the variable called name: of the caller, else of the file .env
// beside the tasks file, which is read when it is first needed.
func (l *loader) lookup(name string) (string, bool, error) {
	if v, set, err := l.environ.lookup(name); set || err != nil {
		return v, set, err
	}
	if l.dotenv == nil {
		vars, err := l.readDotEnv()
		if err != nil {
			return "", false, err
		}
		l.dotenv = vars
	}
	v, ok := l.dotenv[name]
	return v, ok, nil
}

// readDotEnv is the variables of .env beside the file; there need be none.
func (l *loader) readDotEnv() (map[string]string, error) {
	path := filepath.Join(l.dir, ".env")
	switch err := l.dotenvFile.err; {
	case errors.Is(err, fs.ErrNotExist):
		return map[string]string{}, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", path, reason(err))
	}
	return l.envText(path, path, l.dotenvFile.text, nil, l.environ.lookup)
}
