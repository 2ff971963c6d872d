package cli

import (
	"os/exec"
	"slices"
	"strings"
)

// slips answers command lines of start that mean something else than was typed.
func (o *startOptions) slips(l line) error {
	last := ""
	if len(o.names) > 0 {
		last = o.names[len(o.names)-1]
	}
	switch {
	case len(o.names) > 1 && o.wait == "ended" && slices.Contains([]string{"running", "ready", "ended"}, last):
		o.names = o.names[:len(o.names)-1]
		return usage("--wait takes its state after a =: tasks start %s --wait=%s%s", quoted(o.names), last, " "+o.rest())
	case len(o.names) > 1 && o.shell != "" && o.command == nil:
		return usage("-c takes one word: tasks start %s -c %s", quote(o.names[0]), quote(o.shell+" "+strings.Join(o.names[1:], " ")))
	case len(o.names) == 1 && o.command == nil && o.shell == "" && strings.ContainsAny(last, " \t/"):
		return usage("%q is not a name: put one before the command: tasks start NAME -- %s", last, last)
	case len(o.names) == 1 && o.command == nil && o.shell == "" && last == "all":
		return usage("all is not a name: use 'tasks start --all'")
	}
	return nil
}

// rest is the command of a line, as it is typed.
func (o *startOptions) rest() string {
	switch {
	case o.shell != "":
		return "-c " + quote(o.shell)
	case o.command != nil:
		return "-- " + quoted(o.command)
	}
	return ""
}

func quoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quote(w)
	}
	return strings.Join(all, " ")
}

// checkProgram refuses a command whose first word is not a program but what a shell would
// take apart: a whole line, or a variable.
func checkProgram(verb, name string, command []string) error {
	word := command[0]
	if _, err := exec.LookPath(word); err == nil {
		return nil
	}
	if line := strings.Fields(word); len(line) > 1 {
		if _, err := exec.LookPath(line[0]); err == nil {
			return usage("%s is a single word: tasks %s %s -- %s", quote(word), verb, quote(name), strings.Join(append(line, quoted(command[1:])), " "))
		}
	}
	if variable, _, ok := strings.Cut(word, "="); ok && len(command) > 1 && !strings.Contains(variable, "/") {
		return usage("%s=... is not a program: tasks %s %s -e %s=... -- %s", variable, verb, quote(name), variable, quoted(command[1:]))
	}
	return nil
}
