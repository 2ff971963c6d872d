package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"tasks/internal/each"
	"tasks/internal/option"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type eachOptions struct {
	taskOptions
	shell     string
	jobs      *int
	failFast  *int
	wait, nul bool

	name    string
	command []string
}

func newEach(e *env) *cobra.Command {
	return e.verb(new(eachOptions), &cobra.Command{
		Use:   "each NAME [flags] -- COMMAND [ARG...]",
		Short: "Start a task per line of input, a limited number at the same time",
		Long: `Start a task per line of standard input; empty lines do not count. In the name and
in each word of the command is replaced, without a shell:

  ` + strings.ReplaceAll(each.Marks, "\n", "\n  ") + `

A command without any of them gets the input as its last word. With -c the line is
run through sh, and the input is "$1" there.

The tasks are in one group, by default the one that NAME begins with, and as many
as it has slots run at the same time: by default one per processor. They begin in
the order of the inputs.

With --fail-fast no job begins any more once one has failed; running jobs continue.
A try that --restart repeats does not count.`,
		Example: `  ls *.wav | tasks each 'enc-{#}' -g encode --jobs 4 -- ffmpeg -i {} {.}.mp3
  find . -name '*.png' -print0 | tasks each -0 'opt-{#}' --wait -- optipng -quiet {}
  seq 10 | tasks each 'job-{}' --wait -c 'sleep "$1"; echo "$1"'
  seq 10 | tasks each 'job-{}' --fail-fast --wait -- ./convert {}`,
		ValidArgsFunction: func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if e.typed("--") {
				return e.completeCommand(toComplete)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	})
}

func (o *eachOptions) flags(f *pflag.FlagSet) {
	o.taskOptions.flags(f)
	f.StringVarP(&o.shell, "command", "c", "", "run `STRING` through sh -c, with the input as \"$1\"")
	f.SetAnnotation("command", ofTopic, []string{string(option.Command)})
	intVar(f, &o.jobs, "jobs", "j", "run `N` at the same time (default: the group's slots, else one per processor)")
	f.SetAnnotation("jobs", ofTopic, []string{string(option.Order)})
	intVar(f, &o.failFast, "fail-fast", "", "once `N` jobs have failed (alone: 1), stop all that have not begun")
	f.Lookup("fail-fast").NoOptDefVal = "1"
	f.BoolVarP(&o.nul, "null", "0", false, "inputs end with a NUL byte, not with a line")
	f.BoolVar(&o.wait, "wait", false, "return when all have ended, with the first exit code that is not 0")
}

func (o *eachOptions) parse(l line) error {
	o.taskOptions.parse(l)
	names, command := l.parts()
	switch at := slices.IndexFunc(names, isNumber); {
	case o.failFast != nil && len(names) > 1 && at >= 0:
		return usage("--fail-fast takes its number after a =: use --fail-fast=%s", names[at])
	case len(names) > 1 && command == nil && o.shell == "":
		return l.withoutDash(names)
	case len(names) != 1:
		return usage("give one name, such as 'job-{#}': tasks each NAME -- COMMAND")
	case (o.shell != "") == (len(command) > 0):
		return usage("give a command either with -c or after --")
	case o.jobs != nil && *o.jobs < 1:
		return usage("bad --jobs %d: give 1 or more", *o.jobs)
	case o.failFast != nil && *o.failFast < 1:
		return usage("bad --fail-fast %d: give 1 or more", *o.failFast)
	case each.Marked(o.shell):
		return usage("the line of -c has {} in it: write \"$1\", which no input can break out of")
	case !each.Marked(names[0]):
		return usage("every task would be named %s: put {#} into the name: '%s-{#}'", names[0], names[0])
	case o.shell != "":
		command = []string{"sh", "-c", o.shell, "sh", "{}"}
	}
	o.name, o.command = names[0], command
	if len(o.groups) == 0 {
		o.groups = groupNames{each.Group(o.name)}
	}
	return nil
}

func (o *eachOptions) run(e *env) error {
	if e.shell != nil && e.shell.ask == nil { // and has read a part of them
		return usage("each would take the lines that follow for its inputs: run 'tasks each' outside this shell")
	}
	if o.wait {
		e.code = codeOfWait
	}
	if err := checkProgram("each", o.name, o.command); err != nil {
		return err
	}
	spec, err := o.task(e.printer, o.name, o.command)
	if err != nil {
		return err
	}
	in, ok := e.in.(*os.File)
	typed := ok && term.IsTerminal(int(in.Fd()))
	if typed {
		e.remark("tasks: reading inputs, a line each, up to Ctrl-D")
	}
	inputs, skipped, err := readInputs(e.in, o.nul, typed)
	if err != nil {
		return err
	}
	return joined(o.start(e, spec, inputs), skipped)
}

// start starts a task for each of the inputs.
func (o *eachOptions) start(e *env, spec task.Spec, inputs []string) error {
	if o.failFast != nil {
		spec.Batch, spec.FailFast = rand.Text(), *o.failFast
	}
	specs, err := each.Specs(spec, inputs, 1)
	if err != nil {
		return err
	}
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(waitAgain(nil, groupNames{spec.Group}, false))
	defer done()
	if spec.Caller, err = e.caller(ctx, c); err != nil {
		return err
	}
	if len(specs) == 0 {
		e.remark("tasks: no input, so no tasks")
		return e.printTouched(nil)
	}
	slots, err := o.slots(ctx, c, spec.Group)
	if err != nil {
		return err
	}
	if !o.wait {
		tasks, err := startEach(ctx, c, spec, inputs)
		return joined(err, e.printQueued(tasks, spec.Group, slots))
	}
	since := time.Now()
	tasks, err := startEach(ctx, c, spec, inputs)
	b := newBatch(since, tasks)
	b.said = namesIn(err)
	return joined(e.sayNow(err), e.waitForBatch(ctx, c, b))
}

// slots is how many of the group run at the same time, once that is set.
func (o *eachOptions) slots(ctx context.Context, c *client.Client, group string) (string, error) {
	jobs := o.jobs
	if jobs == nil {
		groups, err := c.Groups(ctx)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(groups, func(g task.Group) bool { return g.Name == group }); i >= 0 && groups[i].Slots != nil {
			return groups[i].String(), nil
		}
		jobs = new(runtime.NumCPU())
	}
	g, err := c.SetGroup(ctx, client.GroupOptions{Name: group, Slots: &task.Slots{N: jobs}, Temporary: true})
	return g.String(), err
}

// readInputs reads lines, or what ends with NUL, without the empty ones. Inputs that are
// not UTF-8 text are skipped, and reported as an error; a line that was typed, and that the
// terminal may have cut, is refused.
func readInputs(r io.Reader, nul, typed bool) (inputs []string, skipped, err error) {
	end := byte('\n')
	if nul {
		end = 0
	}
	var odd []error
	size := 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxInput+1)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		at := bytes.IndexByte(data, end)
		switch {
		case at >= 0:
			return at + 1, data[:at], nil
		case atEOF && len(data) > 0:
			return len(data), data, nil
		}
		return 0, nil, nil // more follows
	})
	for lines.Scan() {
		text := lines.Bytes()
		switch {
		case len(text) == 0:
		case typed && slices.ContainsFunc(bytes.Split(text, []byte("\n")), func(line []byte) bool { return len(line) >= longestTyped }):
			return nil, nil, usage("input %d has a line of %d bytes, the most that a terminal keeps: it may have been longer: give it by a pipe or a file", len(inputs)+1, longestTyped)
		case !utf8.Valid(text):
			odd = append(odd, fmt.Errorf("no task for the input %q: it is not UTF-8 text", text))
			size += len(text)
		default:
			inputs = append(inputs, string(text))
			size += len(text)
		}
		if len(inputs)+len(odd) > maxInputs || size > maxInputSize {
			return nil, nil, usage("more than %d inputs, or %d MiB of them: give them to several commands", maxInputs, maxInputSize>>20)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, nil, usage("input %d has more than %d KiB", len(inputs)+1, maxInput>>10)
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("cannot read the inputs: %w", err)
	}
	if odd != nil {
		skipped = errors.Join(append([]error{exitCode(failed)}, odd...)...)
	}
	return inputs, skipped, nil
}

// maxInput is how many bytes an input may have: no more goes into one word of a
// command, execve(2).
const maxInput = 128 << 10

// How many inputs a command takes, and how many bytes of them: it keeps them all, and
// the supervisor some KiB for each.
const (
	maxInputs    = 100_000
	maxInputSize = 64 << 20
)

// roomForInputs is how many bytes of inputs go into one request, beside its spec.
const roomForInputs = 512 << 10

// startEach starts the tasks, thousands to a request.
func startEach(ctx context.Context, c *client.Client, spec task.Spec, inputs []string) ([]task.Info, error) {
	var tasks []task.Info
	for first := 0; first < len(inputs); {
		n, size, made := 0, 0, 0
		for first+n < len(inputs) && (n == 0 || size < roomForInputs && made < each.MaxSize/2) {
			size += len(inputs[first+n]) + 8
			made += each.Size(&spec, inputs[first+n:first+n+1])
			n++
		}
		some, err := c.StartEach(ctx, spec, inputs[first:first+n], first+1)
		tasks = append(tasks, some...)
		if errors.Is(err, task.ErrUnavailable) {
			err = fmt.Errorf("%w: of %d inputs %d were started before, and input %d to %d may be: see 'tasks list -g %s'", err, len(inputs), first, first+1, first+n, spec.Group)
		}
		if err != nil {
			return tasks, err
		}
		first += n
	}
	return tasks, nil
}

// printQueued says what was started, without thousands of rows.
func (p *printer) printQueued(tasks []task.Info, group, slots string) error {
	if p.quiet || p.output != "table" || len(tasks) <= 20 {
		return p.printTouched(tasks)
	}
	fmt.Fprintf(p.out, "%d tasks in group %s, %s at a time: %s ... %s\n", len(tasks), group, slots, tasks[0].Name, tasks[len(tasks)-1].Name)
	return nil
}
