package taskfile

import (
	"slices"
	"strings"

	"tasks/pkg/task"
)

// limits reads the value of ulimit, which the table alone does not describe.
func (l *loader) limits(e *entry) {
	g, ok := e.keys["ulimit"]
	if !ok {
		return
	}
	names, all := task.LimitNames(), make(map[string]string)
	for _, p := range g.pair.val.pairs {
		name := p.key.text
		if !slices.Contains(names, name) {
			l.report(p.key.pos, "no limit is called %q: use one of %s", shown(name), strings.Join(names, ", "))
			continue
		}
		if v, ok := l.scalar(name, p.at(), p.val, aLimit); ok {
			all[name] = v.(string)
		}
	}
	if g.val = all; len(all) < len(g.pair.val.pairs) {
		delete(e.keys, "ulimit")
		return
	}
	e.keys["ulimit"] = g
}
