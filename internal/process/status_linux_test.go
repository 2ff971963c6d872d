package process

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/task"
)

// Of a process that may not be read the kernel shows 0 for an exit status: no zombie has
// ended with that because it is shown.
func TestStatusOfTheUnreadable(t *testing.T) {
	t.Parallel()
	s := start(t, helper(t, "unreadable"))
	if e := s.wait(t); e != (task.Exit{}) {
		t.Errorf("%+v: %s", e, s.log(t))
	}
}

// playUnreadable watches children as those of others, and reaps them itself.
func playUnreadable() {
	dir, err := os.MkdirTemp("", "unreadable")
	must(err)
	defer os.RemoveAll(dir)
	if os.Getuid() == 0 { // may read everything
		const nobody = 65534
		must(os.Chown(dir, nobody, nobody))
		must(syscall.Setgroups(nil))
		must(syscall.Setresgid(nobody, nobody, nobody))
		must(syscall.Setresuid(nobody, nobody, nobody))
	}
	hidden := unreadableShell(dir)
	forever := make(chan error, 1)
	go func() {
		forever <- endOf(hidden, "exit 7", func(c *child) error {
			if status, known := c.end.await(c.ref); known {
				return fmt.Errorf("one that nobody reaps ended with %v", status)
			}
			return nil
		})
	}()
	for _, script := range []string{"exit 0", "exit 7", "kill -KILL $$"} {
		var recorded bool // by the kernel, once it is reaped
		must(endOf("/bin/sh", script, func(c *child) error {
			status, known, there, err := c.end.ending(c.ref)
			if c.reap(); err != nil || !known || !there || status != c.status {
				return fmt.Errorf("%s: %v, known %v, there %v, %w, not %v", script, status, known, there, err, c.status)
			}
			_, recorded = c.end.await(c.ref)
			return nil
		}))
		must(endOf(hidden, script, func(c *child) error {
			status, known, there, err := c.end.ending(c.ref)
			if err != nil || known || !there {
				return fmt.Errorf("%s, may not be read: %v, known %v, there %v, %w", script, status, known, there, err)
			}
			c.reap()
			if status, known = c.end.await(c.ref); known != recorded || known && status != c.status {
				return fmt.Errorf("%s, may not be read, was reaped: %v, known %v, not %v", script, status, known, c.status)
			}
			return nil
		}))
	}
	must(<-forever)
}

// unreadableShell is a sh that may be executed, and not read.
func unreadableShell(dir string) string {
	program, err := os.ReadFile("/bin/sh")
	must(err)
	path := filepath.Join(dir, "sh")
	must(os.WriteFile(path, program, 0o700))
	must(os.Chmod(path, 0o111))
	return path
}

// child is one of this very process, that has ended.
type child struct {
	ref    task.Ref
	end    pidfd
	status syscall.WaitStatus // once it is reaped
}

func (c *child) reap() {
	_, err := syscall.Wait4(c.ref.PID, &c.status, 0, nil)
	must(err)
}

// endOf runs a script until it has ended, and then f.
func endOf(shell, script string, f func(*child) error) error {
	in, out, err := os.Pipe()
	must(err)
	defer in.Close()
	pid, err := syscall.ForkExec(shell, []string{"sh", "-c", "read x; " + script}, &syscall.ProcAttr{
		Files: []uintptr{in.Fd(), os.Stdout.Fd(), os.Stderr.Fd()}, Env: []string{"PATH=/usr/bin:/bin"},
	})
	must(err)
	c := &child{ref: task.Ref{PID: pid, Start: startOf(pid)}}
	c.end, err = watch(proc{pid, c.ref.Start})
	must(err)
	defer c.end.close()
	must(out.Close())
	must(c.end.endedBy(time.Now().Add(bound)))
	return f(c)
}
