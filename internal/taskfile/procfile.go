package taskfile

import (
	"maps"
	"strconv"
	"strings"
	"unicode/utf8"

	"tasks/pkg/task"
)

// The ports of a Procfile, as foreman gives them: the first task has PORT from .env or the
// caller, or firstPort, and each further one portStep more.
const (
	firstPort = 5000
	portStep  = 100
)

// procfile reads lines NAME: COMMAND. Each is a task that runs through sh -c in
// the directory of the file, in the caller's environment with the variables of
// .env and PORT.
func (l *loader) procfile(f *File) error {
	dotenv, err := l.readDotEnv()
	if err != nil {
		return task.Errorf(task.ErrUsage, "", "%v", err)
	}
	vars := maps.Clone(l.environ.vars)
	maps.Copy(vars, dotenv)
	port := firstPort
	if text, ok := vars["PORT"]; ok && text != "" {
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return task.Errorf(task.ErrUsage, "", "bad PORT: give a number from 1 to 65535, here or in .env")
		}
	}
	given := maps.Clone(dotenv)
	given["PORT"] = ""
	names := sorted(given)
	first := make(map[string]int)
	for i, line := range l.lines {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		at := pos{i + 1, 1 + utf8.RuneCountInString(line[:strings.Index(line, text)])}
		name, command, ok := strings.Cut(text, ":")
		name, command = strings.TrimSpace(name), strings.TrimSpace(command)
		switch err := task.CheckName(shown(name)); {
		case illegible(line) >= 0:
			l.report(pos{i + 1, 1 + utf8.RuneCountInString(line[:illegible(line)])}, "this is not UTF-8 text")
			continue
		case !ok || command == "":
			l.report(at, "this is not NAME: COMMAND, such as web: ./server")
			continue
		case err != nil:
			l.report(at, "%v", err)
			continue
		case first[name] != 0:
			l.report(at, "duplicate task %s: it is in line %d already", name, first[name])
			continue
		case len(f.Tasks) == MaxTasks:
			l.report(at, "more than %d tasks", MaxTasks)
			return nil
		case port > 65535:
			l.report(at, "there is no PORT left for %s: begin with a lower one", name)
			return nil
		}
		first[name] = i + 1
		vars["PORT"] = strconv.Itoa(port)
		port += portStep
		s := task.Spec{
			Name: name, Command: []string{"sh", "-c", command}, Cwd: l.dir, File: f.Path,
			Restart: task.RestartNo, EnvNames: names,
		}
		if s.Env, err = task.NewEnv(vars); err == nil {
			err = s.Check()
		}
		if err != nil {
			l.report(at, "%v", err)
			continue
		}
		f.Tasks = append(f.Tasks, s)
	}
	return nil
}
