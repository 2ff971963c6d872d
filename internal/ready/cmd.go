package ready

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func (r *checks) cmd(name, line string) (check, error) {
	if r.checker.opts.Shell == nil {
		return check{}, errors.New("this supervisor executes no lines")
	}
	try := func(ctx context.Context) error { return r.execute(ctx, line) }
	return check{name: name, try: try, line: true}, nil
}

// execute reports whether the line ends well.
func (r *checks) execute(ctx context.Context, line string) error {
	output, exit, err := r.checker.opts.Shell.Exec(ctx, engine.Launch{Spec: r.spec, Run: r.run, Slot: r.slot}, line)
	switch {
	case errors.As(err, new(syscall.Errno)): // it has not begun
		return unmade{err}
	case err != nil:
		return err
	case exit.OK():
		return nil
	}
	how := fmt.Sprintf("exit code %d", exit.Code)
	switch {
	case exit.Signal != 0:
		how = "ended by " + task.SignalName(exit.Signal)
	case exit.Lost:
		how = "how it ended is not known"
	case exit.Err != "":
		how = exit.Err
	}
	if last := lastLine(output); last != "" {
		how += ": " + last
	}
	return errors.New(how)
}

// lastLine is the last line of the output that says something, for people.
func lastLine(output string) string {
	output = strings.TrimRightFunc(output, unicode.IsSpace)
	return strings.TrimSpace(clip(output[strings.LastIndexByte(output, '\n')+1:], 200))
}

// clip is text as one line of at most n bytes, for people.
func clip(text string, n int) string {
	text = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
