package cli

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tasks/internal/option"
)

// Help has each flag once, below the head of its topic, and the topics in their order.
func TestHelpByTopics(t *testing.T) {
	t.Parallel()
	heads := regexp.MustCompile(`(?m)^([A-Z][a-z, ]+):\n`)
	for _, command := range []string{"start", "each"} {
		var out bytes.Buffer
		e := newEnv()
		e.out, e.width = &out, 80
		if code := e.run([]string{command, "--help"}); code != done {
			t.Fatalf("exit code %d", code)
		}
		_, text, _ := strings.Cut(out.String(), "\nFlags:\n")
		want := []string{}
		for _, topic := range option.Topics() {
			want = append(want, string(topic))
		}
		var got []string
		for _, m := range heads.FindAllStringSubmatch(text, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: topics %q, not %q", command, got, want)
		}
		for _, o := range option.All {
			if o.Help == "" {
				continue
			}
			head := string(o.Topic) + ":\n"
			_, under, _ := strings.Cut(text, head)
			under, _, _ = strings.Cut(under, "\n\n")
			if n := strings.Count(under, "--"+o.Flag()+" ") + strings.Count(under, "--"+o.Flag()+"\n"); n != 1 {
				t.Errorf("%s: --%s is %d times under %s", command, o.Flag(), n, o.Topic)
			}
		}
		for line := range strings.Lines(text) {
			if len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("%s: a line is too long: %q", command, line)
			}
		}
	}
}

// Flags that have no topic are in the order of the alphabet, whatever options are
// called.
func TestHelpWithoutTopics(t *testing.T) {
	t.Parallel()
	flags := regexp.MustCompile(`(?m)^ {2}(?:-., | {4})--([a-z-]+)`)
	everyCommand(newRoot(newEnv(), nil), func(cmd *cobra.Command) {
		if cmd.Name() == "start" || cmd.Name() == "each" || cmd.Name() == "edit" {
			return
		}
		var out bytes.Buffer
		e := newEnv()
		e.out, e.width = &out, 80
		e.run(append(strings.Fields(cmd.CommandPath())[1:], "--help"))
		var names []string
		for _, m := range flags.FindAllStringSubmatch(out.String(), -1) {
			names = append(names, m[1])
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: %q", cmd.CommandPath(), names)
		}
	})
}

// TestWrapped lays out only the paragraphs that are too wide.
func TestWrapped(t *testing.T) {
	t.Parallel()
	text := "one two three four\nfive six\n\nseven\neight\n\n  as it is, whatever its width\n\nwörter"
	if got, want := wrapped(text, 10), "one two\nthree four\nfive six\n\nseven\neight\n\n  as it is, whatever its width\n\nwörter"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := wrapped(text, 96); got != text {
		t.Errorf("%q", got)
	}
}
