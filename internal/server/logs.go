package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"time"
	"unicode/utf8"

	"tasks/internal/logs"
	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

const (
	maxOutput = 256 << 10              // bytes of output in a reply
	lookAgain = 200 * time.Millisecond // how often a log that is waited for is looked at
)

// logsOf replies with what a run wrote from a place on.
func logsOf(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Logs
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if p.Run < 0 || p.Offset < 0 {
		return nil, task.Errorf(task.ErrUsage, p.Name, "run and offset: give a number from 0")
	}
	return func() (any, error) {
		out, err := c.output(&p)
		if errors.Is(err, context.Canceled) {
			err = shuttingDown()
		}
		if err != nil {
			return nil, err
		}
		return outputReply(out), nil
	}, nil
}

// output is what p asks for: in the memory of the supervisor, or in a file.
func (c *conn) output(p *protocol.Logs) (supervisor.Output, error) {
	sup := c.srv.cfg.Supervisor
	if sup.LogPath(p.Name, 1) == "" {
		if p.Wait {
			return sup.NextOutput(c.ctx, p.Name, p.Run, p.Offset)
		}
		return sup.Output(p.Name, p.Run, p.Offset)
	}
	for {
		out, err := logged(sup, p)
		if err != nil || len(out.Text) > 0 || out.Ended || !p.Wait {
			return out, err
		}
		select {
		case <-time.After(lookAgain):
		case <-c.ctx.Done():
			return out, c.ctx.Err()
		}
	}
}

// logged is what p asks for of a log in a file.
func logged(sup *supervisor.Supervisor, p *protocol.Logs) (supervisor.Output, error) {
	info, err := sup.Info(p.Name) // before the look at the file: what has ended writes no more
	if err != nil {
		return supervisor.Output{}, err
	}
	out := supervisor.Output{Run: p.Run, Ended: true}
	if p.Run == 0 {
		out.Run = info.Run
	}
	for _, r := range info.Runs {
		if r.Run == out.Run {
			out.Ended = !r.EndedAt.IsZero()
		}
	}
	out.Text, out.Offset, err = logs.Part(sup.LogPath(p.Name, out.Run), p.Offset, maxOutput)
	if errors.Is(err, fs.ErrNotExist) {
		return out, task.Errorf(task.ErrNotFound, p.Name, "No such run: %s has no log of run %d", p.Name, out.Run)
	}
	return out, err
}

// outputReply is at most maxOutput of out, as text where it is that.
func outputReply(out supervisor.Output) protocol.Output {
	if len(out.Text) >= maxOutput {
		out.Text, out.Ended = out.Text[:maxOutput], false
	}
	if !out.Ended { // the rest of the last character may be still to come
		if n := whole(out.Text); n > 0 {
			out.Text = out.Text[:n]
		}
	}
	reply := protocol.Output{Run: out.Run, Offset: out.Offset, Next: out.Offset + int64(len(out.Text)), Ended: out.Ended}
	if utf8.Valid(out.Text) {
		reply.Text = string(out.Text)
	} else {
		reply.Base64 = base64.StdEncoding.EncodeToString(out.Text)
	}
	return reply
}

// whole is the length of b without the beginning of a character at its end.
func whole(b []byte) int {
	for n := len(b) - 1; n >= max(0, len(b)-utf8.UTFMax); n-- {
		if utf8.RuneStart(b[n]) {
			if !utf8.FullRune(b[n:]) {
				return n
			}
			break
		}
	}
	return len(b)
}
