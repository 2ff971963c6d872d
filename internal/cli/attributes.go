package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tasks/pkg/task"
)

// attributes gives a what the flags say.
func (f *specFlags) attributes(cmd *cobra.Command, a *task.Attributes) error {
	if cmd.Flags().Changed("umask") {
		a.Umask = new(task.Umask)
		if err := a.Umask.UnmarshalText([]byte(f.umask)); err != nil {
			return usage("bad --umask %q: use octal digits from 0 to 777, such as 022", f.umask)
		}
	}
	if cmd.Flags().Changed("nice") {
		a.Nice = &f.nice
	}
	for _, text := range f.ulimits {
		name, value, ok := strings.Cut(text, "=")
		var l task.Limit
		if !ok {
			return usage("bad --ulimit %q: use NAME=SOFT[:HARD], such as nofile=4096", text)
		}
		if err := l.UnmarshalText([]byte(value)); err != nil {
			return usage("bad --ulimit %s: %v", name, err)
		}
		if other, twice := a.Ulimit[name]; twice && other != l {
			return usage("--ulimit %s is given twice: %s and %s", name, other, l)
		}
		if a.Ulimit == nil {
			a.Ulimit = make(task.Ulimits)
		}
		a.Ulimit[name] = l
	}
	return nil
}

// completeLimits offers the names of limits.
func completeLimits(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(word, "=") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range task.LimitNames() {
		names = append(names, name+"=")
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// attributeFacts are those of [specFacts] about what processes inherit.
func attributeFacts(a *task.Attributes, say func(key, format string, args ...any)) {
	if u := a.EffectiveUmask(); u != nil {
		say("Umask", "%s", u)
	}
	if n := a.EffectiveNice(); n != nil && (*n != 0 || a.Nice != nil) {
		say("Nice", "%d", *n)
	}
	say("Limits", "%s", a.Ulimit)
}
