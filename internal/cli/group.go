package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/typo"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newGroup(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group list | set | pause | resume | rm",
		Short: "Groups of tasks, and how many of each run at the same time",
		Long: `Groups: a task is in one by 'tasks start --group G'. With slots at most so many of
its tasks run at the same time; the others are queued: first come, first served
within a priority. TASKS_SLOT in the environment of a run is the number of its slot.`,
		Example: `  tasks group set encode --slots 2
  tasks group list
  tasks group pause encode             nothing new begins, what runs is paused
  tasks group set encode --slots 0     nothing new begins, what runs keeps running`,
		Annotations: quietNames,
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.groups(nil)
			}
			word := "group " + args[0]
			if meant := habitOf(otherCommands, cmd.CommandPath(), args[0], args[1:], e.args); meant != "" {
				return usage("unknown command %q: %s", word, meant)
			}
			if like := likeCommand(cmd, args[0]); like != "" {
				return usage("unknown command %q: did you mean %q?", word, "group "+like)
			}
			return usage("unknown command %q: see 'tasks group --help'", word)
		},
	}
	cmd.AddCommand(newGroupList(e), newGroupSet(e),
		onGroups(e, "pause", "Stop admitting tasks, and pause what runs", (*client.Client).PauseGroup),
		onGroups(e, "resume", "Undo a pause", (*client.Client).ResumeGroup),
		onGroups(e, "rm", "Forget what was set of a group, all of whose tasks have ended", (*client.Client).RemoveGroup),
	)
	return cmd
}

func newGroupList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:               "list [GROUP...]",
		Aliases:           []string{"ls"},
		Short:             "List groups: their slots, and how many of their tasks run and wait",
		Example:           "  tasks group list\n  tasks group list --json | jq '.[] | select(.queued > 0)'",
		Annotations:       quietNames,
		ValidArgsFunction: completeGroups,
		RunE:              func(_ *cobra.Command, args []string) error { return e.groups(args) },
	}
}

type groupSetOptions struct {
	name              string
	slots             *task.Slots
	onExit, onFailure *string
}

func newGroupSet(e *env) *cobra.Command {
	return e.verb(new(groupSetOptions), &cobra.Command{
		Use:   "set GROUP [--slots N|none] [--on-exit STRING] [--on-failure STRING]",
		Short: "Change a group, or make one",
		Long: `Change a group, or make one; what is not named stays. A number of slots that is
raised takes effect at once; one that is lowered ends nothing that runs. 0 drains
the group: nothing new begins. none, the default, is no limit.`,
		Example: `  tasks group set gpu --slots 4
  tasks group set encode --on-failure 'mail -s "$TASKS_NAME failed" me </dev/null'`,
		ValidArgsFunction: completeGroups,
	})
}

func (o *groupSetOptions) flags(f *pflag.FlagSet) {
	text := func(s string) (string, error) { return s, nil }
	f.Var(optional[task.Slots]{&o.slots, parseSlots, "string"}, "slots", "`N` of its tasks run at the same time; 0: none begin; none: no limit")
	f.Lookup("slots").DefValue = "none"
	f.Var(optional[string]{&o.onExit, text, "string"}, "on-exit", "run `STRING` through sh -c after each run of its tasks; \"\": nothing")
	f.Var(optional[string]{&o.onFailure, text, "string"}, "on-failure", "run `STRING` through sh -c after each run that failed; \"\": nothing")
	for _, hook := range []string{"on-exit", "on-failure"} {
		f.SetAnnotation(hook, mayBeEmpty, nil)
	}
}

// parseSlots reads a number of slots, or none for no limit.
func parseSlots(text string) (s task.Slots, err error) {
	if text == "none" {
		return s, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return s, flagError(fmt.Sprintf("bad --slots %q: use a number, or none for no limit", text))
	}
	s.N = &n
	return s, nil
}

func (o *groupSetOptions) parse(l line) error {
	if len(l.args) != 1 {
		return usage("name one group: tasks group set GROUP --slots N")
	}
	if o.slots == nil && o.onExit == nil && o.onFailure == nil {
		return usage("nothing to set: give --slots, --on-exit or --on-failure")
	}
	o.name = l.args[0]
	return nil
}

func (o *groupSetOptions) run(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	g, err := c.SetGroup(context.Background(), client.GroupOptions{Name: o.name, Slots: o.slots, OnExit: o.onExit, OnFailure: o.onFailure})
	if err != nil {
		return err
	}
	return e.printGroups([]task.Group{g}, true)
}

// onGroups is a command that does the same to each group named.
func onGroups(e *env, verb, short string, do func(*client.Client, context.Context, string) (task.Group, error)) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " GROUP...",
		Short:             short,
		Example:           "  tasks group " + verb + " encode",
		ValidArgsFunction: completeGroups,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no group named: tasks group %s GROUP", verb)
			}
			c, err := e.dial()
			if err != nil {
				return err
			}
			var groups []task.Group
			var errs []error
			for _, name := range args {
				g, err := do(c, context.Background(), name)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				groups = append(groups, g)
			}
			if verb == "rm" && e.output != "json" { // they are gone
				e.output = "name"
			}
			if len(groups) > 0 || e.output == "json" {
				errs = append(errs, e.printGroups(groups, true))
			}
			return errors.Join(errs...)
		},
	}
}

// groups prints the groups called names, or all.
func (e *env) groups(names []string) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	all, err := c.Groups(context.Background())
	if err != nil {
		return err
	}
	var errs []error
	var known []string
	for _, g := range all {
		known = append(known, g.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			err := task.NoSuchGroup(name)
			if like := typo.Nearest(name, known); like != "" {
				err.Msg += fmt.Sprintf(" (did you mean %s?)", like)
			}
			errs = append(errs, err)
		}
	}
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(g task.Group) bool { return !slices.Contains(names, g.Name) })
	}
	if len(all) == 0 && e.output == "table" && e.tty && errs == nil {
		e.remark("no groups: make one with 'tasks group set GROUP --slots N'")
		return nil
	}
	if len(all) > 0 || errs == nil || e.output == "json" {
		errs = append(errs, e.printGroups(all, false))
	}
	return errors.Join(errs...)
}

// printGroups prints groups; touched is that a command has acted on them.
func (p *printer) printGroups(groups []task.Group, touched bool) error {
	switch {
	case p.quiet && touched:
		return nil
	case p.output == "json":
		if groups == nil {
			groups = []task.Group{}
		}
		return p.printJSON(groups)
	case p.output == "name" || p.quiet:
		for _, g := range groups {
			fmt.Fprintln(p.out, plain(g.Name))
		}
		return nil
	}
	head := []string{"GROUP", "SLOTS", "RUNNING", "QUEUED", "WAITING", "STATE"}
	if p.output == "wide" {
		head = append(head, "ON EXIT", "ON FAILURE")
	}
	rows := make([][]string, len(groups))
	for i, g := range groups {
		state := "open"
		switch {
		case g.Paused:
			state = p.paint(colours[task.Paused], "paused")
		case g.Slots != nil && *g.Slots == 0:
			state = p.paint(colours[task.Stopping], "drained")
		}
		rows[i] = []string{g.Name, g.String(), strconv.Itoa(g.Running), strconv.Itoa(g.Queued), strconv.Itoa(g.Waiting), state}
		if p.output == "wide" {
			rows[i] = append(rows[i], dash(plain(strings.TrimSpace(g.OnExit))), dash(plain(strings.TrimSpace(g.OnFailure))))
		}
	}
	return p.printTable(head, rows)
}
