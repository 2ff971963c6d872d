package cli

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"tasks/pkg/task"
)

// slips answers command lines of start that mean something else than was typed.
func (o *startOptions) slips(l line) error {
	last := ""
	if len(o.names) > 0 {
		last = o.names[len(o.names)-1]
	}
	without := len(o.names) > 0 && o.command == nil && o.shell == ""
	switch {
	case len(o.names) > 1 && o.wait == "ended" && slices.Contains([]string{"running", "ready", "ended"}, last):
		o.names = o.names[:len(o.names)-1]
		return usage("--wait takes its state after a =: tasks start %s --wait=%s%s", quoted(o.names), last, " "+o.rest())
	case len(o.names) > 1 && o.shell != "" && o.command == nil:
		return usage("-c takes one word: tasks start %s -c %s", quote(o.names[0]), quote(o.shell+" "+strings.Join(o.names[1:], " ")))
	case without && slices.ContainsFunc(o.names[1:], isNoName), without && len(o.names) > 1 && len(o.given) > 0 && isProgram(o.names[1]):
		return l.withoutDash(o.names)
	case without && len(o.names) == 1 && strings.ContainsAny(last, " \t/"):
		return usage("%q is not a name: put one before the command: tasks start NAME -- %s", last, last)
	case without && len(o.names) == 1 && last == "all":
		return usage("all is not a name: use 'tasks start --all'")
	}
	return nil
}

// withoutDash says that the words after the first are a command, whose -- is missing.
func (l line) withoutDash(words []string) error {
	command := words[1:]
	shown := quoted(withoutValues(command))
	line := fmt.Sprintf("%s %s -- %s", l.path, quote(words[0]), shown)
	secret := slices.ContainsFunc(l.given, func(flag string) bool { return slices.Contains([]string{"env", "ready-http", "health-http"}, flag) })
	if at := len(l.typed) - len(command); at > 0 && slices.Equal(l.typed[at:], command) && !secret { // with its flags
		line = fmt.Sprintf("tasks %s -- %s", quoted(l.typed[:at]), shown)
	}
	return usage("put -- before the command: %s", line)
}

// withoutValues is a command without the values of the variables that it begins with, as in
// sh: they may be secrets.
func withoutValues(command []string) []string {
	shown := slices.Clone(command)
	for i, word := range shown {
		if variable, _, ok := strings.Cut(word, "="); !ok || strings.Contains(variable, "/") {
			break
		}
		shown[i] = withoutValue(word)
	}
	return shown
}

// withoutValue is a word without what comes after its first =.
func withoutValue(word string) string {
	if name, _, ok := strings.Cut(word, "="); ok {
		return name + "=..."
	}
	return word
}

// isNoName reports whether a word cannot be for tasks.
func isNoName(word string) bool {
	return word != "" && !task.IsGlob(word) && task.CheckName(word) != nil
}

func isProgram(word string) bool {
	_, err := exec.LookPath(word)
	return err == nil
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
	if isProgram(word) {
		return nil
	}
	if line := strings.Fields(word); len(line) > 1 {
		if isProgram(line[0]) {
			return usage("%s is a single word: tasks %s %s -- %s", quote(word), verb, quote(name), strings.Join(append(line, quoted(command[1:])), " "))
		}
	}
	if variable, _, ok := strings.Cut(word, "="); ok && len(command) > 1 && !strings.Contains(variable, "/") {
		return usage("%s=... is not a program: tasks %s %s -e %s=... -- %s", variable, verb, quote(name), variable, quoted(command[1:]))
	}
	return nil
}
