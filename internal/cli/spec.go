package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/each"
	"tasks/internal/home"
	"tasks/internal/option"
	"tasks/pkg/task"
)

// taskOptions are the flags that describe a task.
type taskOptions struct {
	spec     task.Spec // what those of the table say
	cwd      *string
	groups   groupNames
	env      []string
	envFiles []string
	clearEnv bool
	given    []string // names of the given ones
}

func (o *taskOptions) flags(f *pflag.FlagSet) { o.flagsWithout(f, "") }

// flagsWithout is flags but for the one of the option with that key.
func (o *taskOptions) flagsWithout(f *pflag.FlagSet, key string) {
	for i := range option.All {
		opt := &option.All[i]
		name, help := opt.Flag(), opt.Help
		switch opt.Key {
		case key:
			continue
		case "cwd":
			f.VarP(optional[string]{&o.cwd, func(text string) (string, error) { return text, nil }, "string"}, name, opt.Letter, help)
			f.SetAnnotation(name, mayBeEmpty, nil) // which says so itself
			f.SetAnnotation(name, cobra.BashCompSubdirsInDir, []string{})
		case "env":
			f.StringArrayVarP(&o.env, name, opt.Letter, nil, help)
		case "env_file":
			f.Var(pathList{&o.envFiles, name}, name, help)
		case "clear_env":
			f.BoolVar(&o.clearEnv, name, false, help)
		case "group":
			f.VarP(&o.groups, name, opt.Letter, help)
		default:
			if help == "" { // a key of tasks.yaml alone
				continue
			}
			addOption(f, opt, &o.spec)
		}
		f.SetAnnotation(name, ofTopic, []string{string(opt.Topic)})
	}
}

// parse notes which of the flags were given.
func (o *taskOptions) parse(l line) {
	for _, flag := range l.given {
		if option.Place(flag) >= 0 {
			o.given = append(o.given, flag)
		}
	}
}

// task is the task that the flags describe. p says what is wrong with the environment.
func (o *taskOptions) task(p *printer, name string, command []string) (task.Spec, error) {
	s := o.spec
	s.Name, s.Command = name, command
	var err error
	if s.Group, err = o.groups.one(); err != nil {
		return s, err
	}
	if s.Cwd, err = directory(o.cwd); err != nil {
		return s, err
	}
	if s.Env, err = o.environment(p); err != nil {
		return s, err
	}
	if err := o.needed(&s); err != nil {
		return s, err
	}
	return s, checkTemplate(s)
}

// needed refuses flags that say how where nothing says what.
func (o *taskOptions) needed(s *task.Spec) error {
	if n, ok := strings.CutPrefix(string(s.Restart), "on-failure:"); ok { // as docker has it
		return usage("bad --restart %s: use --restart on-failure --max-restarts %s", s.Restart, n)
	} else if s.Restart == "unless-stopped" {
		return usage("bad --restart unless-stopped: use --restart always, which starts nothing again after a stop")
	}
	for _, of := range []struct {
		flags []string
		what  string
		is    bool
	}{
		{[]string{"ready-timeout", "ready-interval"}, "a check: --ready-http, -port, -cmd, -log or -notify", s.Ready.Checked()},
		{[]string{"health-interval", "health-timeout", "health-retries"}, "a check: --health-http or --health-cmd", s.Health.Checked()},
		{[]string{"max-restarts", "backoff"}, "--restart on-failure or always", s.Restart != "" && s.Restart != task.RestartNo},
		{[]string{"priority"}, "--group", s.Group != ""},
	} {
		for _, flag := range of.flags {
			if !of.is && slices.Contains(o.given, flag) {
				return usage("--%s goes with %s", flag, of.what)
			}
		}
	}
	return nil
}

// checkTemplate checks s, whose name may have marks in it.
func checkTemplate(s task.Spec) error {
	s.Name = each.Expand(s.Name, "x", 1)
	return s.Check()
}

// directory is where a task runs: dir, or else here.
func directory(dir *string) (string, error) {
	if dir == nil {
		wd, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("cannot find this directory: %w: give one with -C", err)
		}
		if !utf8.ValidString(wd) {
			return "", usage("the name of this directory, %q, is not UTF-8 text: give another with -C", wd)
		}
		return wd, nil
	}
	path, err := homePath("cwd", *dir)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case *dir == "":
		return "", usage("bad --cwd \"\": it is empty")
	case errors.Is(err, os.ErrNotExist):
		return "", usage("bad --cwd: there is no directory %s", abs)
	case err != nil:
		return "", usageError{fmt.Errorf("bad --cwd: %w", err)}
	case !info.IsDir():
		return "", usage("bad --cwd: %s is not a directory", abs)
	case !utf8.ValidString(abs):
		return "", usage("bad --cwd %q: it is not UTF-8 text", abs)
	}
	return abs, nil
}

// homePath is the value of a flag with its ~ expanded, which a shell leaves behind a =.
func homePath(flag, path string) (string, error) {
	expanded, err := home.Expand(path, os.Getenv("HOME"))
	if err != nil {
		return "", usage("bad --%s %v", flag, err)
	}
	return expanded, nil
}
