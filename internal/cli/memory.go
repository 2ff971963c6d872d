package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"tasks/internal/logs"
	"tasks/pkg/client"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Output that is in no file, but in the memory of the program that the supervisor is a
// part of.

func hasOutput(t *task.Info) bool { return t.Log != "" || inMemory(t) }

func inMemory(t *task.Info) bool {
	return t.Log == "" && t.Engine == task.EngineFunc && t.Run > 0
}

// keptRuns are the newest runs whose output may be kept in memory.
func keptRuns(newest int) (runs []int) {
	for run := max(1, newest-9); run <= newest; run++ {
		runs = append(runs, run)
	}
	return runs
}

// fetch writes the last lines of a run (negative: all) that are kept, and with wait what it
// writes until it ends. It is an fs.ErrNotExist where nothing of it is kept.
func (s *source) fetch(ctx context.Context, run, lines int, wait bool) error {
	c := lineCopier{w: s.out}
	if wait {
		c.w = &followed{Writer: s.out, source: s, run: run}
	}
	if lines < 0 && wait {
		return s.follow(ctx, run, &c)
	}
	var kept bytes.Buffer
	soFar := lineCopier{w: &kept}
	if err := s.pass(ctx, run, &soFar); err != nil {
		return err
	}
	text := lastOf(append(kept.Bytes(), soFar.held...), lines)
	c.next, c.trimmed = soFar.next-int64(len(text)), soFar.trimmed
	if err := c.add(c.next, text); err != nil {
		return err
	}
	c.cut = soFar.cut
	if !wait {
		return c.flush()
	}
	return s.follow(ctx, run, &c)
}

// pass writes to c what there is by now.
func (s *source) pass(ctx context.Context, run int, c *lineCopier) error {
	o := client.OutputOptions{Run: run}
	for size := int64(-1); ; {
		out, err := s.output(ctx, o)
		if err != nil {
			return err
		}
		if size < 0 {
			size = out.Size
		}
		if err := c.add(out.Offset, out.Text); err != nil {
			return err
		}
		if o.Offset = c.next; out.Ended || o.Offset >= size || len(out.Text) == 0 {
			return nil
		}
	}
}

// follow writes to c what comes, until the run ends.
func (s *source) follow(ctx context.Context, run int, c *lineCopier) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type part struct {
		client.Output
		err error
	}
	parts, next := make(chan part), c.next
	go func() {
		for {
			out, err := s.output(ctx, client.OutputOptions{Run: run, Offset: next, Wait: true})
			select {
			case parts <- part{out, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || out.Ended {
				return
			}
			next = out.Offset + int64(len(out.Text))
		}
	}()
	var settled <-chan time.Time // of the line that is held; nil: none is
	if len(c.held) > 0 {
		settled = time.After(lineSettles)
	}
	for {
		select {
		case p := <-parts:
			if p.err != nil {
				return p.err
			}
			began := c.lineAt()
			if err := c.add(p.Offset, p.Text); err != nil {
				return err
			}
			switch {
			case p.Ended:
				return c.flush()
			case len(c.held) == 0:
				settled = nil
			case settled == nil || c.lineAt() != began:
				settled = time.After(lineSettles)
			}
		case <-settled:
			if settled = nil; !c.trimmed {
				if err := c.flush(); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *source) output(ctx context.Context, o client.OutputOptions) (client.Output, error) {
	out, err := s.kept.Output(ctx, s.name, o)
	if errors.Is(err, task.ErrNotFound) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return out, err
}

const (
	lineSettles = 100 * time.Millisecond // how long a line waits for its end
	longLine    = supervisor.KeptOutput  // a line of so many bytes waits no longer
)

// A lineCopier writes parts of what a run wrote. Where one does not continue the part before,
// it continues with the first whole line.
type lineCopier struct {
	w       io.Writer // a logs.Misser gets the count of the bytes that are missing
	next    int64     // where the next part continues
	held    []byte    // the beginning of a line that has not ended
	torn    bool      // what was written last does not end a line
	cut     bool      // the next part begins with the rest of a line
	trimmed bool      // something was discarded: the rest of what is held may be as well
}

// lineAt is where the line begins that is held.
func (c *lineCopier) lineAt() int64 { return c.next - int64(len(c.held)) }

func (c *lineCopier) add(offset int64, text []byte) error {
	if offset > c.next {
		if c.torn {
			if _, err := c.w.Write([]byte{'\n'}); err != nil {
				return err
			}
		}
		if m, ok := c.w.(logs.Misser); ok {
			m.Missed(offset - c.lineAt())
		}
		c.held, c.torn, c.cut, c.trimmed = nil, false, true, true
	}
	c.next = offset + int64(len(text))
	if c.cut && len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 && len(text) < longLine {
			return nil
		}
		text, c.cut = text[end+1:], false
	}
	c.held = append(c.held, text...)
	whole := bytes.LastIndexByte(c.held, '\n') + 1
	if whole == 0 && len(c.held) >= longLine {
		whole = len(c.held)
	}
	return c.write(whole)
}

// flush writes what is held.
func (c *lineCopier) flush() error { return c.write(len(c.held)) }

func (c *lineCopier) write(n int) error {
	if n == 0 {
		return nil
	}
	if _, err := c.w.Write(c.held[:n]); err != nil {
		return err
	}
	c.torn = c.held[n-1] != '\n'
	c.held = c.held[n:]
	return nil
}

// lastOf is the last lines of text (negative: all).
func lastOf(text []byte, lines int) []byte {
	if lines < 0 {
		return text
	}
	if lines == 0 {
		return nil
	}
	at := len(bytes.TrimSuffix(text, []byte("\n")))
	for ; lines > 0; lines-- {
		if at = bytes.LastIndexByte(text[:at], '\n'); at < 0 {
			return text
		}
	}
	return text[at+1:]
}
