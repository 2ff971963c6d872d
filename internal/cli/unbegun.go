package cli

import (
	"fmt"
	"strings"

	"tasks/pkg/task"
)

// unbegun reports whether a job was stopped before it began, as --fail-fast stops jobs.
func unbegun(t *task.Info) bool {
	return t.State == task.Stopped && t.StartedAt.IsZero() && !t.Spec.Repeats()
}

// sayUnbegun says which of the stopped tasks of a selection were stopped before they began,
// and how they are started.
func (p *printer) sayUnbegun(stopped []task.Info, s *selection) {
	var names []string
	for i := range stopped {
		if unbegun(&stopped[i]) {
			names = append(names, stopped[i].Name)
		}
	}
	line, others := fmt.Sprintf("tasks start %s --state stopped", s.typed()), ""
	switch more := len(stopped) - len(names); {
	case len(names) <= 3:
		line = "tasks start " + quoted(names)
	case more > 0:
		others = fmt.Sprintf(", and %d more that were stopped,", more)
	}
	switch n := len(names); {
	case n == 1:
		p.remark("tasks: %s was stopped before it began: start it with %s", names[0], inQuotes(line))
	case n == 2 || n == 3:
		p.remark("tasks: %s were stopped before they began: start them with %s", strings.Join(names, ", "), inQuotes(line))
	case n > 3:
		p.remark("tasks: %d tasks were stopped before they began: start them%s with %s", n, others, inQuotes(line))
	}
}

// inQuotes is a line to type at the end of a remark, without quotes where it has its own.
func inQuotes(line string) string {
	if strings.Contains(line, "'") {
		return line
	}
	return "'" + line + "'"
}

// typed is the selection as it is typed.
func (s *selection) typed() string {
	if s.all {
		return "--all"
	}
	var all []string
	for _, group := range s.groups {
		all = append(all, "-g", group)
	}
	return quoted(append(all, s.names...))
}
