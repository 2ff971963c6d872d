// Package each makes many tasks of one spec and a list of inputs, as xargs and
// GNU parallel do, but without a shell: what stands in braces is replaced within
// the words of the command, whatever the input holds.
package each

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"tasks/pkg/task"
)

// Marks are what is replaced, and by what, for people.
const Marks = `{}    the input        {.}   without its extension   {#}   its number, from 1
{/}   its base name    {/.}  likewise, without it    {//}  its directory`

// Expand replaces the marks in text for one input, the nth.
func Expand(text, input string, n int) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		if b.WriteString(before); !found {
			return b.String()
		}
		mark, after, _ := strings.Cut(rest, "}")
		if value, ok := valueOf(mark, input, n); ok && len(mark) < len(rest) {
			b.WriteString(value)
			text = after
		} else {
			b.WriteByte('{')
			text = rest
		}
	}
}

// valueOf is what the mark that has this between its braces is replaced by.
func valueOf(mark, input string, n int) (value string, ok bool) {
	switch mark {
	case "":
		return input, true
	case ".":
		return bare(input), true
	case "/":
		return path.Base(input), true
	case "//":
		return path.Dir(input), true
	case "/.":
		return bare(path.Base(input)), true
	case "#":
		return strconv.Itoa(n), true
	}
	return "", false
}

// bare is name without the extension of its last element, unless that begins with the dot.
func bare(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot <= strings.LastIndexByte(name, '/')+1 {
		return name
	}
	return name[:dot]
}

// Marked reports whether anything in text is replaced by the input, or its number.
func Marked(text string) bool { return Expand(text, "a/b.c", 7) != text }

// Command is command with {} as a further word, where no word of it has a mark.
func Command(command []string) []string {
	if slices.ContainsFunc(command, Marked) {
		return command
	}
	return append(slices.Clip(command), "{}")
}

// Group is the group of tasks whose names are made of template, where none is
// given: its text besides the marks.
func Group(template string) string {
	rest := strings.NewReplacer("{}", "", "{.}", "", "{/}", "", "{//}", "", "{/.}", "", "{#}", "").Replace(template)
	if rest = strings.Trim(rest, "-._@"); task.CheckName(rest) == nil {
		return rest
	}
	return "each"
}

// MaxSize is the most that [Size] may be for one request.
const MaxSize = 64 << 20

// Size is how many bytes the commands and dependencies of s come to, at most, for all
// inputs.
func Size(s *task.Spec, inputs []string) int {
	const header = 16 // of a text in a list
	words, marks, text := 0, 0, 0
	for _, word := range Command(s.Command) {
		words += header + len(word)
		if Marked(word) {
			marks += strings.Count(word, "{")
		}
	}
	for _, name := range slices.Concat(s.After, s.AfterEnded) {
		words += header + len(name)
	}
	for _, input := range inputs {
		text += max(len(input), 20) // a number has as many digits
	}
	return len(inputs)*words + marks*text
}

// nameLength is the length of the name that template makes of the nth input.
func nameLength(template, input string, n int) int {
	size := len(template)
	base := path.Base(input)
	for mark, value := range map[string]string{
		"{}": input, "{.}": bare(input), "{/}": base, "{//}": path.Dir(input), "{/.}": bare(base), "{#}": strconv.Itoa(n),
	} {
		size += strings.Count(template, mark) * (len(value) - len(mark))
	}
	return size
}

// maxTemplate is longer than any valid name of marks: each mark leaves a byte.
const maxTemplate = 8 * task.MaxName

// nameOf is the name that template makes of one input, the nth. It is not made where
// it is too long: an input and its marks may have half a MiB each.
func nameOf(template, input string, n int) (string, error) {
	if len(template) > maxTemplate {
		return "", task.Errorf(task.ErrUsage, "", "bad name: before the marks are replaced it has %d bytes, at most %d are allowed", len(template), maxTemplate)
	}
	if size := nameLength(template, input, n); size > task.MaxName {
		return "", task.Errorf(task.ErrUsage, "", "bad name: it has %d bytes, at most %d are allowed", size, task.MaxName)
	}
	name := Expand(template, input, n)
	return name, task.CheckName(name)
}

// Specs is a spec per input: like s, but with the marks replaced in its name and
// its command. first is the number of the first. The error, an ErrUsage, is about
// a name that cannot be or that two inputs have.
func Specs(s task.Spec, inputs []string, first int) ([]task.Spec, error) {
	specs := make([]task.Spec, len(inputs))
	seen := make(map[string]string, len(inputs))
	command := Command(s.Command)
	marked := make([]bool, len(command))
	for j, word := range command {
		marked[j] = Marked(word)
	}
	for i, input := range inputs {
		spec := &specs[i]
		*spec = s
		spec.Job = true
		var err error
		if spec.Name, err = nameOf(s.Name, input, first+i); err != nil {
			if !strings.Contains(s.Name, "{#}") {
				return nil, fmt.Errorf("input %d: %w: put {#} into the name, in place of the input", first+i, err)
			}
			return nil, fmt.Errorf("input %d: %w", first+i, err)
		}
		if other, twice := seen[spec.Name]; twice {
			return nil, task.Errorf(task.ErrUsage, spec.Name, "%q and %q would both be named %s: put {#} into the name", other, input, spec.Name)
		}
		seen[spec.Name] = input
		spec.Command = make([]string, len(command))
		for j, word := range command {
			spec.Command[j] = word
			if marked[j] {
				spec.Command[j] = Expand(word, input, first+i)
			}
		}
		if err := spec.Check(); err != nil {
			return nil, err
		}
	}
	return specs, nil
}
