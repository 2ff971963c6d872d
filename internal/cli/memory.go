package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"tasks/pkg/client"
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
	o := client.OutputOptions{Run: run}
	if lines >= 0 {
		var head bytes.Buffer
		next, err := s.pass(ctx, &head, o, false)
		if err == nil {
			_, err = s.out.Write(lastOf(head.Bytes(), lines))
		}
		if err != nil || !wait {
			return err
		}
		o.Offset = next
	}
	_, err := s.pass(ctx, s.out, o, wait)
	return err
}

// pass writes what there is from a place on, part by part, and returns where the next
// one would begin.
func (s *source) pass(ctx context.Context, w io.Writer, o client.OutputOptions, wait bool) (next int64, err error) {
	for {
		out, err := s.kept.Output(ctx, s.name, o)
		switch {
		case errors.Is(err, task.ErrNotFound):
			return 0, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		case err != nil:
			return 0, err
		}
		if _, err := w.Write(out.Text); err != nil {
			return 0, err
		}
		o.Offset, o.Wait = out.Offset+int64(len(out.Text)), wait
		if out.Ended || !wait && len(out.Text) == 0 {
			return o.Offset, nil
		}
	}
}

// lastOf is the last lines of text.
func lastOf(text []byte, lines int) []byte {
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
