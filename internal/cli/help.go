package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/option"
)

// printHelp writes the help of one command; cobra's own templates cost 1.5 MB
// and a part of every start.
func (p *printer) printHelp(cmd *cobra.Command) {
	var b strings.Builder
	cmd.InitDefaultHelpFlag()
	cmd.Flags().MarkHidden("help") // who reads this has found it
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n", wrapped(strings.TrimRight(long, "\n"), p.columns()))
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintf(&b, "\nUsage:\n  %s\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAliases: %s\n", strings.Join(cmd.Aliases, ", "))
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-11s %s\n", c.Name(), c.Short)
			}
		}
	}
	if !cmd.HasParent() {
		b.WriteString("\n" + wrapped(otherNames(cmd), min(p.columns(), 80)) + "\n")
	}
	if own := cmd.LocalNonPersistentFlags(); own.HasAvailableFlags() && cmd.HasParent() {
		writeFlags(&b, own, p.columns())
	}
	if cmd.HasParent() {
		b.WriteString("\nFlags of every command: see 'tasks --help'.\n")
	} else {
		fmt.Fprintf(&b, "\nFlags of every command:\n%s\nMore about one: tasks COMMAND --help\n", cmd.PersistentFlags().FlagUsagesWrapped(p.columns()))
	}
	fmt.Fprint(cmd.OutOrStdout(), b.String())
}

// otherNames are the aliases of all commands.
func otherNames(root *cobra.Command) string {
	var all []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && len(c.Aliases) > 0 {
			all = append(all, strings.Join(c.Aliases, ", ")+" ("+c.Name()+")")
		}
	}
	return "Other names: " + strings.Join(all, "; ")
}

// wrapped is text whose paragraphs fit into so many columns: each is laid out again if one
// of its lines does not. A line that begins with a blank stays as it is.
func wrapped(text string, columns int) string {
	var all []string
	for _, paragraph := range strings.Split(text, "\n\n") {
		lines := strings.Split(paragraph, "\n")
		long := func(line string) bool { return utf8.RuneCountInString(line) > columns }
		if !slices.ContainsFunc(lines, long) || slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, " ") }) {
			all = append(all, paragraph)
			continue
		}
		var b strings.Builder
		at := 0
		for _, word := range strings.Fields(paragraph) {
			switch n := utf8.RuneCountInString(word); {
			case at == 0:
			case at+1+n > columns:
				b.WriteByte('\n')
				at = 0
			default:
				b.WriteByte(' ')
				at++
			}
			b.WriteString(word)
			at += utf8.RuneCountInString(word)
		}
		all = append(all, b.String())
	}
	return strings.Join(all, "\n\n")
}

// writeFlags writes the flags under their topics; those without one come first.
func writeFlags(b *strings.Builder, flags *pflag.FlagSet, columns int) {
	byTopic := make(map[option.Topic][]*pflag.Flag)
	flags.VisitAll(func(f *pflag.Flag) {
		topic := option.Topic("Flags")
		if of := f.Annotations[ofTopic]; of != nil {
			topic = option.Topic(of[0])
		}
		if !f.Hidden {
			byTopic[topic] = append(byTopic[topic], f)
		}
	})
	// All at once, so that all are laid out alike, and then apart again.
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.SortFlags = false
	heads := make(map[string]option.Topic) // before the flag of that name
	for _, topic := range append([]option.Topic{"Flags"}, option.Topics()...) {
		if topic != "Flags" { // else by the alphabet
			slices.SortStableFunc(byTopic[topic], func(a, b *pflag.Flag) int { return cmp.Compare(option.Place(a.Name), option.Place(b.Name)) })
		}
		for i, f := range byTopic[topic] {
			if i == 0 {
				heads[f.Name] = topic
			}
			all.AddFlag(f)
		}
	}
	flagOf := regexp.MustCompile(`^ {2}(?:-., | {4})--([a-z-]+)`)
	for line := range strings.Lines(all.FlagUsagesWrapped(columns)) {
		if of := flagOf.FindStringSubmatch(line); of != nil && heads[of[1]] != "" {
			fmt.Fprintf(b, "\n%s:\n", heads[of[1]])
		}
		b.WriteString(line)
	}
}

// columns is how wide a help text may be.
func (p *printer) columns() int {
	const most = 96
	if p.width > 0 {
		return min(p.width, most)
	}
	return most
}

// flagsOf names the flags that cmd takes.
func flagsOf(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return names
}
