package taskfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasks/internal/cron"
	"tasks/internal/home"
	"tasks/pkg/task"
)

// An entry is a task as the file has it: one, or several instances.
type entry struct {
	name  string
	key   *node
	keys  map[string]got
	spec  task.Spec
	count int // instances; 0: the task itself, without a number
	after []dep
}

// A dep is one name in an after.
type dep struct {
	name  string
	item  *node
	ended bool // of after_ended
	on    *entry
}

// names are those of the tasks that d stands for: all instances, or the one named.
func (d dep) names() []string {
	if d.name == d.on.name {
		return d.on.names()
	}
	return []string{d.name}
}

// names are those of the tasks that e makes, as the file has them.
func (e *entry) names() []string {
	if e.count == 0 {
		return []string{e.name}
	}
	var names []string
	for i := range e.count {
		names = append(names, e.name+"-"+strconv.Itoa(i+1))
	}
	return names
}

// yaml reads the file as YAML.
func (l *loader) yaml(f *File) {
	root := l.document()
	if root == nil {
		return
	}
	if root.kind != isMap {
		l.report(root.pos, "a tasks file is a mapping with the key tasks, not %s", root.kind)
		return
	}
	top := l.fields(root, "the file", root.pos, fileFields, "x-")
	if p, ok := top["project"]; ok {
		f.Project = p.val.(string)
		if err := task.CheckName(f.Project); err != nil {
			l.report(p.at(), "%s", p.shown("project: "+err.Error()))
		}
	}
	var groups []string
	if g, ok := top["groups"]; ok {
		l.groups(f, g.pair.val)
		groups = g.pair.val.keys()
	}
	tasks, ok := top["tasks"]
	if !ok {
		return
	}
	var all []*entry
	for _, p := range tasks.pair.val.pairs {
		if l.beyond() {
			return
		}
		e := l.entry(p, f.Path)
		if e == nil {
			continue
		}
		all = append(all, e)
		if _, ok := top["groups"]; ok && e.spec.Group != "" && !slices.Contains(groups, e.spec.Group) {
			g := e.keys["group"]
			l.report(g.at(), "%s", g.shown(fmt.Sprintf("group: there is no %q in groups%s", e.spec.Group, like(e.spec.Group, groups))))
		}
	}
	if len(l.problems) > 0 {
		return
	}
	all = l.sort(all)
	if len(l.problems) > 0 {
		return
	}
	envs := l.environments(top)
	for _, e := range all {
		if l.beyond() {
			return
		}
		l.specs(f, e, envs)
	}
}

// groups are those of the file.
func (l *loader) groups(f *File, n *node) {
	for _, p := range n.pairs {
		if err := task.CheckName(shown(p.key.text)); err != nil {
			l.report(p.key.pos, "%v", err)
			continue
		}
		if p.val.kind != isMap && p.val.kind != isNull {
			l.report(p.at(), "%s: give a mapping, not %s", p.key.text, p.val.kind)
			continue
		}
		g := task.Group{Name: f.name(p.key.text)}
		for key, v := range l.fields(p.val, "the group", p.key.pos, groupFields, "") {
			switch key {
			case "slots":
				if n, err := strconv.Atoi(v.val.(string)); err == nil {
					g.Slots = &n
				}
			case "on_exit":
				g.OnExit = v.val.(string)
			case "on_failure":
				g.OnFailure = v.val.(string)
			}
		}
		if err := g.Check(); err != nil {
			l.report(p.key.pos, "%v", err)
		}
		f.Groups = append(f.Groups, g)
	}
}

// name is a name of the file with its project.
func (f *File) name(local string) string {
	if f.Project == "" {
		return local
	}
	return f.Project + "." + local
}

// entry reads one task, its environment apart; nil where it cannot.
func (l *loader) entry(p pair, path string) *entry {
	if err := task.CheckName(shown(p.key.text)); err != nil {
		l.report(p.key.pos, "%v", err)
		return nil
	}
	if p.val.kind != isMap {
		l.report(p.at(), "%s: give a mapping such as {command: ./%s}, not %s", p.key.text, p.key.text, p.val.kind)
		return nil
	}
	e := &entry{name: p.key.text, key: p.key}
	e.keys = l.fields(p.val, e.name, p.key.pos, taskFields(), "")
	if n, ok := e.keys["instances"]; ok {
		e.count = n.val.(int)
	}
	for _, key := range []string{"after", "after_ended"} {
		g := e.keys[key]
		for i, item := range g.items {
			e.after = append(e.after, dep{name: g.val.([]any)[i].(string), item: item, ended: key == "after_ended"})
		}
	}
	l.limits(e)
	e.spec.File = path
	for _, key := range keys(taskFields()) {
		if g, ok := e.keys[key]; ok {
			if err := l.set(&e.spec, g); err != nil {
				l.report(g.at(), "%s", g.shown(key+": "+err.Error()))
			}
		}
	}
	l.check(e)
	return e
}

// set gives spec the value of a key that it has.
func (l *loader) set(spec *task.Spec, g got) error {
	key, val := g.key.text, g.val
	switch key {
	case "command":
		line, ok := val.(string)
		if ok && strings.TrimSpace(line) == "" {
			return errors.New("it is empty")
		}
		if ok {
			val = []string{"sh", "-c", line}
		}
	case "cwd":
		dir := val.(string)
		if dir == "" {
			return errors.New("it is empty")
		}
		var err error
		if val, err = l.path(g.pair.val, dir); err != nil {
			return err
		}
	case "stop_signal":
		sig, err := task.ParseSignal(val.(string))
		if err != nil {
			return err
		}
		val = strings.TrimPrefix(task.SignalName(sig), "SIG")
	case "env", "env_file", "clear_env", "instances", "after", "after_ended":
		return nil
	}
	b, err := json.Marshal(map[string]any{key: val})
	if err != nil {
		return err
	}
	return json.Unmarshal(b, spec)
}

// path is the one that n became: relative to the directory of the file, or to the
// home for ~/.
func (l *loader) path(n *node, name string) (string, error) {
	path, err := home.Expand(name, l.environ.vars["HOME"])
	if err != nil {
		return "", errors.New(strings.ReplaceAll(err.Error(), name, n.written(name)))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	return path, nil
}

// check finds what is wrong with the spec of e, and by which key: the last one
// without which that would not be wrong.
func (l *loader) check(e *entry) {
	problem := func(without string) string {
		s := task.Spec{Name: e.name}
		for key, g := range e.keys {
			if key != without {
				if err := l.set(&s, g); err != nil {
					return "" // reported already
				}
			}
		}
		err := s.Check()
		if err == nil {
			_, err = cron.New(s.When, time.Local)
		}
		if err != nil {
			return err.Error()
		}
		return ""
	}
	msg := problem("")
	if msg == "" {
		return
	}
	at, shown := e.key.pos, msg
	for _, g := range e.keys {
		if p := g.at(); problem(g.key.text) != msg && (p.line > at.line || p.line == at.line && p.col > at.col) {
			at, shown = p, g.shown(msg)
		}
	}
	l.report(at, "%s", shown)
}

// specs adds the tasks that e makes.
func (l *loader) specs(f *File, e *entry, envs *environments) {
	s := e.spec
	if s.Group != "" {
		s.Group = f.name(s.Group)
	}
	if s.Cwd == "" {
		s.Cwd = l.dir
	}
	s.After, s.AfterEnded = e.order(f, false), e.order(f, true)
	for i, name := range e.names() {
		s.Name = f.name(name)
		var extra map[string]string
		if e.count > 0 {
			extra = map[string]string{"TASKS_INSTANCE": strconv.Itoa(i + 1)}
		}
		ok := false
		if s.Env, s.EnvNames, ok = envs.of(e, extra); !ok {
			return
		}
		if err := s.Check(); err != nil {
			l.report(e.key.pos, "%v", err)
			return
		}
		f.Tasks = append(f.Tasks, s)
		if g, ok := e.keys["cwd"]; ok {
			f.cwds[s.Name] = Problem{l.source.path, g.at().line, g.at().col, g.pair.val.written(s.Cwd)}
		}
	}
}

// order is the names that the tasks of e come after, each once.
func (e *entry) order(f *File, ended bool) []string {
	var names []string
	seen := make(map[string]bool)
	for _, d := range e.after {
		if d.ended != ended {
			continue
		}
		for _, name := range d.names() {
			if !seen[name] {
				seen[name] = true
				names = append(names, f.name(name))
			}
		}
	}
	return names
}

// sorted is the keys of m in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
