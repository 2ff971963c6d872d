package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"unicode/utf8"

	"tasks/internal/logs"
	"tasks/internal/protocol"
	"tasks/internal/safeopen"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

const (
	maxOutput   = 256 << 10 // bytes of output in a reply
	outputPiece = 8 << 10   // how much of them is in memory at once
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
		if p.Wait {
			run, err := c.awaitOutput(&p)
			if errors.Is(err, context.Canceled) {
				err = shuttingDown()
			}
			if err != nil {
				return nil, err
			}
			p.Run = run
		}
		return late(func() (any, func(), error) { return c.output(&p) }), nil
	}, nil
}

// awaitOutput returns once there is what p asks for. Nothing is read for that.
func (c *conn) awaitOutput(p *protocol.Logs) (run int, err error) {
	sup := c.srv.cfg.Supervisor
	if !c.srv.logsInFiles(p.Name) {
		out, err := sup.AwaitOutput(c.ctx, p.Name, p.Run, p.Offset)
		return out.Run, err
	}
	taskChanged, stop := sup.Changes(p.Name)
	defer stop()
	run, _, err = runOf(sup, p)
	for {
		if err != nil {
			return run, err
		}
		// The watch is there before the look, so nothing falls between.
		fileChanged, tick, stop := c.srv.logFollower().Watch(sup.LogPath(p.Name, run))
		var more bool
		if more, err = hasMore(sup, p, run); more || err != nil {
			stop()
			return run, err
		}
		select {
		case <-fileChanged:
		case <-tick:
		case <-taskChanged:
		case <-c.ctx.Done():
			err = c.ctx.Err()
		}
		stop()
	}
}

// hasMore reports whether the log of a run has what p asks for, or all that it will have.
func hasMore(sup *supervisor.Supervisor, p *protocol.Logs, run int) (bool, error) {
	_, ended, err := runOf(sup, &protocol.Logs{Name: p.Name, Run: run})
	if err != nil || ended {
		return ended, err
	}
	info, err := os.Stat(sup.LogPath(p.Name, run))
	if errors.Is(err, fs.ErrNotExist) {
		return false, noSuchRun(p.Name, run)
	}
	return err == nil && (info.Size() > p.Offset || !info.Mode().IsRegular()), err // of what is not regular, output has the error
}

// logsInFiles reports whether the output of tasks is in files, not in memory.
func (s *Server) logsInFiles(name string) bool { return s.cfg.Supervisor.LogPath(name, 1) != "" }

// runOf is the run that p asks for, and whether that has ended.
func runOf(sup *supervisor.Supervisor, p *protocol.Logs) (run int, ended bool, err error) {
	info, err := sup.Info(p.Name)
	if err != nil {
		return 0, false, err
	}
	if run = p.Run; run == 0 {
		run = info.Run
	}
	at := slices.IndexFunc(info.Runs, func(r task.Run) bool { return r.Run == run })
	return run, at < 0 || !info.Runs[at].EndedAt.IsZero(), nil
}

func noSuchRun(name string, run int) error {
	return task.Errorf(task.ErrNotFound, name, "No such run: %s has no log of run %d", name, run)
}

// output is what p asks for, to be written piece by piece.
func (c *conn) output(p *protocol.Logs) (reply any, done func(), err error) {
	sup, piece := c.srv.cfg.Supervisor, make([]byte, outputPiece)
	if !c.srv.logsInFiles(p.Name) {
		read := func(offset int64, most int) (supervisor.Output, error) {
			return sup.ReadOutput(p.Name, p.Run, offset, piece[:most])
		}
		first, err := read(p.Offset, len(piece))
		p.Run = first.Run
		return outputReply{first, read}, func() {}, err
	}
	run, ended, err := runOf(sup, p) // before the file is read: what has ended writes no more
	if err != nil {
		return nil, func() {}, err
	}
	f, err := safeopen.Open(sup.LogPath(p.Name, run))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, func() {}, noSuchRun(p.Name, run)
	}
	if err != nil {
		return nil, func() {}, err
	}
	done = func() { f.Close() }
	info, err := f.Stat()
	if err != nil {
		return nil, done, err
	}
	read := func(offset int64, most int) (supervisor.Output, error) {
		n, from, atEnd, err := logs.ReadPiece(f, piece[:most], offset)
		return supervisor.Output{Run: run, Offset: from, Size: info.Size(), Text: piece[:n], Ended: ended && atEnd}, err
	}
	first, err := read(p.Offset, len(piece))
	return outputReply{first, read}, done, err
}

// outputReply is output from its first piece on. The others are read as they are written: what
// cannot be read, is of another kind or was discarded meanwhile, is for the next reply.
type outputReply struct {
	first supervisor.Output
	read  func(offset int64, most int) (supervisor.Output, error)
}

// writeTo writes what protocol.Output has.
func (r outputReply) writeTo(w *bufio.Writer) error {
	out := r.first
	fmt.Fprintf(w, `{"run":%d,"offset":%d,"size":%d`, out.Run, out.Offset, out.Size)
	next, ended := out.Offset, out.Ended
	if len(out.Text) > 0 {
		var err error
		if next, ended, err = r.writeText(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, `,"next":%d,"ended":%t}`, next, ended)
	return err
}

func (r outputReply) writeText(w *bufio.Writer) (next int64, ended bool, err error) {
	out := r.first
	next = out.Offset
	isText := utf8.Valid(whole(out))
	put, end := func(b []byte) error { return writeEscaped(w, string(b)) }, func() error { return nil }
	if isText {
		w.WriteString(`,"text":"`)
	} else {
		w.WriteString(`,"base64":"`)
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		put, end = func(b []byte) error { _, err := encoder.Write(b); return err }, encoder.Close
	}
	for {
		b := whole(out)
		if isText && !utf8.Valid(b) {
			break
		}
		if err := put(b); err != nil {
			return next, false, err
		}
		next += int64(len(b))
		room := maxOutput - int(next-r.first.Offset)
		if ended = out.Ended && len(b) == len(out.Text); ended || room == 0 {
			break
		}
		if out, err = r.read(next, min(room, outputPiece)); err != nil || out.Offset != next || len(out.Text) == 0 {
			ended = err == nil && out.Offset == next && out.Ended
			break
		}
	}
	if err := end(); err != nil {
		return next, false, err
	}
	return next, ended, w.WriteByte('"')
}

// whole is the text of out without the beginning of a character at its end, whose rest may
// be still to come, unless it has nothing else.
func whole(out supervisor.Output) []byte {
	b := out.Text
	for n := len(b) - 1; n > 0 && n >= len(b)-utf8.UTFMax && !out.Ended; n-- {
		if utf8.RuneStart(b[n]) {
			if !utf8.FullRune(b[n:]) {
				return b[:n]
			}
			break
		}
	}
	return b
}
