package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// killTimeout is how long Exec waits for a process that it killed: one that hangs in
// the kernel may take forever.
const killTimeout = 10 * time.Second

// reportTime is how long the end of a line that has ended may take to be seen.
const reportTime = time.Second

var (
	errClosed     = errors.New("the engine has been closed")
	errUnkillable = errors.New("what it started outlives a kill")
)

// Exec implements [engine.Shell]. The line has a session and, where there may be
// some, a cgroup of its own, and is not part of the run: a stop of that does not
// reach it. When sh has ended, what it left has the time of a stop to end at TERM
// before it is killed; --leave-children is not for lines.
func (e *Engine) Exec(ctx context.Context, l engine.Launch, line string) (output string, exit task.Exit, err error) {
	return e.exec(ctx, l, line, e.groups)
}

func (e *Engine) exec(ctx context.Context, l engine.Launch, line string, groups cgroups) (string, task.Exit, error) {
	if err := ctx.Err(); err != nil {
		return "", task.Exit{}, err
	}
	number := lineNumber(l.Run, e.lines.Add(1))
	r := e.newRun(runID(e.opts.ID, l.Spec.Name, number))
	r.line = true
	in, out, err := pipe()
	if err != nil {
		return "", task.Exit{}, fmt.Errorf("cannot execute a line: %w", err)
	}
	err = e.bound(ctx, r, func() error {
		defer out.Close()
		dir, far, err := e.dir(ctx, l.Spec)
		if err != nil {
			return err
		}
		if r.log, err = pipeIDOf(out); err != nil {
			return err
		}
		return e.startCommand(ctx, r, command{
			path: "/bin/sh", argv: []string{"sh", "-c", line}, dir: dir, farDir: far, env: e.environ(l, r, dir), out: out, task: l.Spec.Name, number: number,
			attributes: &l.Spec.Attributes,
		}, groups)
	})
	if err == engine.ErrHangs {
		err = ctx.Err()
	}
	if err != nil {
		in.Close()
		return "", task.Exit{}, err
	}
	written := listen(in)
	err = r.finish(ctx, l.Spec.Grace())
	return written.close(), r.Exit(), err
}

// finish waits until nothing of the line is left, and sees that this comes about.
func (r *run) finish(ctx context.Context, grace time.Duration) (err error) {
	timer := time.NewTimer(grace)
	timer.Stop()
	defer timer.Stop()
	exited, done, killed, late := r.exited, ctx.Done(), false, false
	for {
		select {
		case <-r.gone:
			return err
		case <-exited:
			exited = nil
			switch {
			case closed(r.gone) || killed:
				continue
			case !late:
				r.Stop(syscall.SIGTERM)
				timer.Reset(grace)
				continue
			}
		case <-timer.C:
			if exited != nil && !killed {
				err = ctx.Err()
			}
			if killed {
				if err := r.StopErr(); err != nil {
					return fmt.Errorf("%w: %v", errUnkillable, err) // not by its errno: the line has begun
				}
				return errUnkillable
			}
		case <-done:
			done = nil
			if closed(r.gone) {
				return nil
			}
			if exited != nil && r.Ended() { // in time, and nobody has seen it yet
				late = true
				timer.Reset(reportTime)
				continue
			}
			err = ctx.Err()
		case <-r.engine.quit:
			r.Stop(syscall.SIGKILL)
			return errClosed
		}
		r.Stop(syscall.SIGKILL)
		killed = true
		timer.Reset(killTimeout)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// An output is the last of what was written to a pipe. Whoever writes to that
// need not wait.
type output struct {
	pipe *os.File
	last []byte
	done chan struct{} // no more is read
}

func listen(pipe *os.File) *output {
	o := &output{pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		b := make([]byte, engine.MaxOutput)
		for {
			n, err := pipe.Read(b)
			o.keep(b[:n])
			if err != nil {
				return
			}
		}
	}()
	return o
}

// keep adds b, and drops the oldest bytes beyond MaxOutput.
func (o *output) keep(b []byte) {
	if over := len(o.last) + len(b) - engine.MaxOutput; over > 0 {
		o.last = o.last[:copy(o.last, o.last[min(over, len(o.last)):])]
	}
	o.last = append(o.last, b...)
}

// close returns what was written. It waits for nobody: the pipe may be held open
// by what nothing ties to the run.
func (o *output) close() string {
	defer o.pipe.Close()
	_ = o.pipe.SetReadDeadline(time.Now())
	<-o.done
	_ = o.pipe.SetReadDeadline(time.Time{})
	if conn, err := o.pipe.SyscallConn(); err == nil {
		b := make([]byte, engine.MaxOutput)
		_ = conn.Read(func(fd uintptr) bool {
			for range maxPipe / len(b) { // a pipe holds no more, unless it is written to just now
				n, err := syscall.Read(int(fd), b)
				if n <= 0 || err != nil {
					break
				}
				o.keep(b[:n])
			}
			return true
		})
	}
	return string(o.last)
}

// maxPipe is what a pipe can hold at most, pipe(7).
const maxPipe = 1 << 20
