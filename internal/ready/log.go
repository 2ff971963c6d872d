package ready

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"tasks/internal/logs"
	"tasks/pkg/task"
)

// lastLook is how long a log is read on that has come to its deadline.
const lastLook = time.Second

// maxLine is how much of a line is looked at, in bytes.
const maxLine = 64 << 10

func (r *checks) log(name, text, path string) (check, error) {
	expr, err := task.CompileExpression(text)
	switch {
	case err != nil && r.adopted: // an earlier version took it: the run keeps running, and is never ready
		try := func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("bad ready_log: %w", err) }
		return check{name: name, try: try, waits: true}, nil
	case err != nil:
		return check{}, fmt.Errorf("bad ready_log: %w", err)
	case path == "":
		return check{}, errors.New("its output is not kept, so no line of it can be awaited")
	}
	try := func(ctx context.Context) error { return r.checker.await(ctx, path, expr) }
	return check{name: name, try: try, waits: true}, nil
}

// await waits until a line of the log at path matches. It reads from the first
// line that is left of it.
func (c *Checker) await(ctx context.Context, path string, expr *regexp.Regexp) error {
	defer c.letFollow()
	m := &matcher{expr: expr}
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastLook, cancel) })()
	err := c.sharedFollower().Follow(last, path, -1, m, ctx.Done())
	switch {
	case errors.Is(err, errMatched):
		return nil
	case ctx.Err() != nil && m.missed > 0:
		return fmt.Errorf("no line matches %q, but %d bytes were discarded before they could be read: raise --log-max-size", expr, m.missed)
	case ctx.Err() != nil:
		return fmt.Errorf("no line matches %q", expr)
	}
	return err
}

// sharedFollower is the one Follower of all, made for the first that needs it.
func (c *Checker) sharedFollower() *logs.Follower {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers++; c.readers == 1 {
		c.follower = logs.NewFollower()
	}
	return c.follower
}

// letFollow closes it after the last one.
func (c *Checker) letFollow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers--; c.readers == 0 {
		c.follower.Close()
		c.follower = nil
	}
}

var errMatched = errors.New("a line matches")

// A matcher takes text and returns errMatched once a line of it matches. A line
// is looked at when its newline has come.
type matcher struct {
	expr   *regexp.Regexp
	line   []byte // so far
	missed int64  // bytes
}

// Missed implements [logs.Misser].
func (m *matcher) Missed(bytes int64) { m.missed += bytes }

func (m *matcher) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			m.line = append(m.line, rest[:min(len(rest), maxLine-len(m.line))]...)
			break
		}
		line := rest[:min(i, maxLine-len(m.line))]
		if len(m.line) > 0 {
			line = append(m.line, line...)
		}
		if m.expr.Match(bytes.TrimSuffix(line, []byte{'\r'})) {
			return 0, errMatched
		}
		m.line, rest = m.line[:0], rest[i+1:]
	}
	return len(p), nil
}
