package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"tasks/pkg/task"
)

// ShimCommand is the hidden command by which this program is executed in the place
// of a task's to become that, with what fork and exec alone cannot give it.
const ShimCommand = "exec-as"

// shimReport is the descriptor on which the shim says why it could not continue. An
// exec that succeeds closes it.
const shimReport = 3

// The steps that the shim reports, besides the exec: a limit may be called nice, too.
const (
	niceStep  = "nice"
	limitStep = "ulimit " // and its name
)

// shimSettings are what the shim sets, where they are not those of this program.
type shimSettings struct {
	Dir    string       `json:",omitempty"` // to go to, where that may take long
	Umask  *task.Umask  `json:",omitempty"`
	Nice   *int         `json:",omitempty"`
	Mild   bool         `json:",omitempty"` // nobody asked for that nice value: it may be refused
	Ulimit task.Ulimits `json:",omitempty"`
}

// settings are the ones that the run cannot inherit from this program; nil: none.
func (e *Engine) settings(a *task.Attributes) *shimSettings {
	s := shimSettings{Ulimit: a.Ulimit}
	if u := a.EffectiveUmask(); u != nil && (e.own.Umask == nil || *u != *e.own.Umask) {
		s.Umask = u
	}
	if n := a.EffectiveNice(); n != nil && (e.own.Nice == nil || *n != *e.own.Nice) {
		s.Nice, s.Mild = n, a.Nice == nil
	}
	if s.Umask == nil && s.Nice == nil && len(s.Ulimit) == 0 {
		return nil
	}
	return &s
}

// through is c by way of the shim.
func (s *shimSettings) through(c command) (command, error) {
	text, err := json.Marshal(s)
	c.argv = append([]string{"tasks", ShimCommand, string(text), c.path}, c.argv...)
	c.path = "/proc/self/exe"
	env := make([]string, len(c.env))
	for i, kv := range c.env {
		if forGo(kv) {
			kv = "_" + kv
		}
		env[i] = kv
	}
	c.env = env
	return c, err
}

// forGo reports whether a Go program, as the shim is one, may obey the variable, such
// as GODEBUG, or it could be taken for one that was hidden from that by an underscore.
func forGo(kv string) bool { return strings.HasPrefix(strings.TrimLeft(kv, "_"), "GO") }

// unhide gives the variables the names that they have for the task.
func unhide(env []string) {
	for i, kv := range env {
		if forGo(kv) {
			env[i] = strings.TrimPrefix(kv, "_")
		}
	}
}

// report reads what the shim has to say, until it has become the task's program, or until
// the deadline of from.
func (s *shimSettings) report(from *os.File, program string) error {
	b := make([]byte, 256)
	n, err := from.Read(b)
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // it is the task's program now, or on its way there, or its end is the run's
	}
	if err != nil {
		return execError(program, err)
	}
	said := string(b[:n])
	space := strings.LastIndexByte(said, ' ')
	step, number := said[:max(space, 0)], said[space+1:]
	code, _ := strconv.Atoi(number)
	errno := syscall.Errno(code)
	limit, isLimit := strings.CutPrefix(step, limitStep)
	switch {
	case isLimit && errno == syscall.EPERM:
		return fmt.Errorf("cannot set ulimit %s=%s: %w: raising a hard limit takes root (CAP_SYS_RESOURCE)", limit, s.Ulimit[limit], errno)
	case isLimit:
		return fmt.Errorf("cannot set ulimit %s=%s: %w", limit, s.Ulimit[limit], errno)
	case step == niceStep && (errno == syscall.EACCES || errno == syscall.EPERM):
		return fmt.Errorf("cannot set nice %d: %w: going below the supervisor's value takes root (CAP_SYS_NICE)", *s.Nice, errno)
	case step == niceStep:
		return fmt.Errorf("cannot set nice %d: %w", *s.Nice, errno)
	default:
		return execError(program, errno)
	}
}
