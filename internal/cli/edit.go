package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/option"
	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type editOptions struct {
	taskOptions
	all             bool
	shell           string
	unset, unsetEnv []string

	names   []string
	command []string
}

func newEdit(e *env) *cobra.Command {
	return e.verb(new(editOptions), &cobra.Command{
		Use:   "edit NAME... [flags] [-- COMMAND [ARG...]]",
		Short: "Change tasks: command, group, priority, environment and all else",
		Long: `Change the options that are given, and no others. A task that is queued keeps its
place, and goes by its new priority; what waits or has ended is changed at once, and
a task that runs at its next run. The directory and the environment of the caller
are not taken over.

With a name alone, $VISUAL or $EDITOR opens the task as YAML, without the values of
its environment: a key that is taken away has its default again, and
'env: {NAME: VALUE}' sets a variable.`,
		Example: `  tasks edit enc-10 --priority 5
  tasks edit 'enc-*' -g slow --timeout 1h
  tasks edit report -- make report
  tasks edit api -e LEVEL=debug && tasks restart api
  tasks edit api --unset timeout
  tasks edit api                       in $EDITOR`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if e.typed("--") {
				return e.completeCommand(toComplete)
			}
			return completeNames(nil)(cmd, args, toComplete)
		},
	})
}

func (o *editOptions) flags(f *pflag.FlagSet) {
	o.flagsWithout(f, "clear_env")
	f.Lookup("cwd").Usage = "`DIR` to run in"
	f.BoolVarP(&o.all, "all", "a", false, "every task")
	f.StringVarP(&o.shell, "command", "c", "", "run `STRING` through sh -c, in place of a command after --")
	f.SetAnnotation("command", ofTopic, []string{string(option.Command)})
	f.StringSliceVar(&o.unset, "unset", nil, "reset `OPTIONS` to their defaults, such as timeout,group")
	f.StringSliceVar(&o.unsetEnv, "unset-env", nil, "take the variables `NAMES` away")
	f.SetAnnotation("unset-env", ofTopic, []string{string(option.Command)})
}

func (o *editOptions) parse(l line) error {
	o.taskOptions.parse(l)
	o.names, o.command = l.parts()
	switch {
	case o.command != nil && len(o.command) == 0:
		return usage("no command after --")
	case o.command != nil && o.shell != "":
		return usage("give a command either with -c or after --, not both")
	case o.shell != "":
		o.command = []string{"sh", "-c", o.shell}
	}
	moves := slices.Contains(o.given, "group")
	switch {
	case moves && o.all:
		return usage("--all cannot be used with --group, which says where tasks go: '*' names all tasks, $(tasks list -q -g %s) those of %[1]s", quote(o.groups[0]))
	case moves && len(o.names) == 0:
		return usage("no task named: --group says where tasks go: '*' names all tasks, $(tasks list -q -g %s) those of %[1]s", quote(o.groups[0]))
	case len(o.names) == 0 && !o.all:
		return usage("no task named: give names, or --all: see '%s --help'", l.path)
	}
	if err := (&selection{names: o.names, all: o.all}).parse(line{args: o.names, path: l.path}); err != nil {
		return err
	}
	for flag, list := range map[string][]string{"unset": o.unset, "unset-env": o.unsetEnv} {
		if list != nil && len(list) == 0 || slices.Contains(list, "") { // the variable of a script is not set
			return noValue(flag)
		}
	}
	for i, name := range o.unset {
		o.unset[i] = strings.ReplaceAll(name, "-", "_")
		if !slices.Contains(resettable(), o.unset[i]) {
			return usage("bad --unset %q: use %s", name, strings.Join(flagNames(resettable()), ", "))
		}
		if slices.Contains(o.given, strings.ReplaceAll(o.unset[i], "_", "-")) {
			return usage("--unset %s goes without --%s", name, strings.ReplaceAll(name, "_", "-"))
		}
	}
	for _, name := range o.unsetEnv {
		if strings.ContainsAny(name, "=\x00") {
			return usage("bad --unset-env %q: give the name of a variable", withoutValue(name))
		}
	}
	if more := o.names[min(1, len(o.names)):]; o.command == nil && (slices.ContainsFunc(more, isNoName) || o.asText() && len(more) > 0 && isProgram(more[0])) {
		return l.withoutDash(o.names)
	}
	if o.asText() && (o.all || len(o.names) != 1 || task.IsGlob(o.names[0])) {
		return usage("say what to change, such as --priority 5, or give one name to change it in your editor: see '%s --help'", l.path)
	}
	return nil
}

// resettable are the options that --unset takes.
func resettable() (all []string) {
	for i := range option.All {
		if o := &option.All[i]; o.In != nil && o.Help != "" && o.Key != "env" && o.Key != "cwd" {
			all = append(all, o.Key)
		}
	}
	return all
}

// flagNames are the options by the names of their flags.
func flagNames(keys []string) (names []string) {
	for _, key := range keys {
		names = append(names, strings.ReplaceAll(key, "_", "-"))
	}
	return names
}

// asText reports whether nothing is given but the name.
func (o *editOptions) asText() bool {
	return o.command == nil && len(o.given)+len(o.unset)+len(o.unsetEnv) == 0
}

// changes are what the flags say, as keys of a spec.
func (o *editOptions) changes(p *printer) (map[string]any, error) {
	values, err := keysOf(&o.spec)
	if err != nil {
		return nil, err
	}
	set := make(map[string]any)
	for _, flag := range o.given {
		switch key := option.All[option.Place(flag)].Key; key {
		case "env", "env_file":
		case "cwd":
			set[key], err = directory(o.cwd)
		case "group":
			set[key], err = o.groups.one()
		default:
			set[key] = values[key] // nil where that is the default
		}
		if err != nil {
			return nil, err
		}
	}
	if o.command != nil {
		set["command"] = o.command
	}
	for _, key := range o.unset {
		set[key] = nil
	}
	vars := make(map[string]string)
	if err := o.addTo(p, vars); err != nil {
		return nil, err
	}
	env := make(map[string]any)
	for name, value := range vars {
		env[name] = value
	}
	for _, name := range o.unsetEnv {
		env[name] = nil
	}
	if len(env) > 0 {
		set["env"] = env
	}
	return set, nil
}

func (o *editOptions) run(e *env) error {
	if o.asText() {
		return e.editAsText(o.names[0])
	}
	set, err := o.changes(e.printer)
	if err != nil {
		return err
	}
	return e.edit(task.Selector{Names: o.names, All: o.all}, set)
}

// edit changes the tasks, and says which of them run on as they are.
func (e *env) edit(sel task.Selector, set map[string]any) error {
	var tasks []task.Info
	err := e.request(func(ctx context.Context, c *client.Client) (_ []task.Info, err error) {
		tasks, err = c.Edit(ctx, client.EditOptions{Selector: sel, Set: set})
		return tasks, err
	})
	var later []string
	for _, t := range tasks {
		if t.Edited != nil {
			later = append(later, t.Name)
		}
	}
	switch n := len(later); {
	case n == 1:
		e.remark("tasks: %s is running: the change takes effect at its next run: 'tasks restart %s' begins that now", later[0], later[0])
	case n > 1 && n <= 5:
		e.remark("tasks: %s are running: the change takes effect at their next runs: 'tasks restart %s' begins these now", strings.Join(later, ", "), strings.Join(later, " "))
	case n > 5:
		e.remark("tasks: %d tasks are running: the change takes effect at their next runs", n)
	}
	return err
}

// editAsText opens a task in an editor, and changes what is different then.
func (e *env) editAsText(name string) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	tasks, err := c.List(context.Background(), client.ListOptions{Selector: task.Selector{Names: []string{name}}})
	if err != nil || len(tasks) == 0 {
		return err
	}
	old := &tasks[0].Spec
	if tasks[0].Edited != nil {
		old = tasks[0].Edited
	}
	if len(old.Command) == 0 {
		return usage("%s is a function, without a command: give flags, such as --restart always", name)
	}
	text := "# The task " + name + ": save it to change it. A key that is taken away has its default again.\n" +
		"# Values of its environment are not shown: env: {NAME: VALUE} sets a variable, env: {NAME: } takes it away.\n"
	shown := withShownURLs(old)
	if shown.ReadyHTTP != old.ReadyHTTP || shown.HealthHTTP != old.HealthHTTP {
		text += "# Nor are names and passwords in URLs: a URL that is left as it is keeps them.\n"
	}
	text += taskfile.SpecText(shown)
	path, is, err := e.inEditor("tasks-edit-"+name+"-*.yaml", text)
	if err != nil {
		return err
	}
	if is == text {
		os.Remove(path)
		e.remark("tasks: nothing changed")
		return nil
	}
	set, err := changed(old, path, withURLsOf(old, is))
	if err == nil && len(set) > 0 {
		err = e.edit(task.Selector{Names: []string{name}}, set)
	}
	if err != nil {
		return errors.Join(err, usage("nothing changed: your text is kept in %s", path))
	}
	os.Remove(path)
	if len(set) == 0 {
		e.remark("tasks: nothing changed")
	}
	return nil
}

// withURLsOf is a text with the URLs of s where they are as they were shown.
func withURLsOf(s *task.Spec, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for key, url := range map[string]string{"ready_http": s.ReadyHTTP, "health_http": s.HealthHTTP} {
		for i, line := range lines {
			if strings.HasPrefix(line, key+":") {
				lines[i] = strings.Replace(line, task.ShownURL(url), url, 1)
			}
		}
	}
	return strings.Join(lines, "")
}

// changed is what differs from old in a text.
func changed(old *task.Spec, path, text string) (map[string]any, error) {
	is, env, err := taskfile.ReadSpec(path, old.Name, text)
	if err != nil {
		return nil, err
	}
	before, err := keysOf(new(old.Shown()))
	if err != nil {
		return nil, err
	}
	after, err := keysOf(new(is.Shown()))
	if err != nil {
		return nil, err
	}
	given, err := keysOf(&is)
	if err != nil {
		return nil, err
	}
	set := make(map[string]any)
	for i := range option.All {
		if o := &option.All[i]; o.In != nil && o.Key != "env" && !reflect.DeepEqual(before[o.Key], after[o.Key]) {
			set[o.Key] = given[o.Key]
		}
	}
	if limits, ok := set["ulimit"].(map[string]any); ok { // what is not there any more goes
		for name := range old.Ulimit {
			if _, stays := limits[name]; !stays {
				limits[name] = nil
			}
		}
	}
	if len(env) > 0 {
		set["env"] = env
	}
	return set, nil
}

// keysOf is s as it is as JSON, without its environment.
func keysOf(s *task.Spec) (map[string]any, error) {
	plain := *s
	plain.Env = task.Env{}
	encoded, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	values := make(map[string]any)
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	return values, dec.Decode(&values)
}
