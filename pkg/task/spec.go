package task

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// A Spec says what a task runs, and its policy. The zero value of
// each field but Name means its default.
type Spec struct {
	Name     string   `json:"name"`
	Command  []string `json:"command,omitempty"`   // argv, as given, without a shell; empty for a func
	Cwd      string   `json:"cwd,omitempty"`       // absolute; default: the home of the supervisor's user
	Env      Env      `json:"env,omitzero"`        // default: the environment of the supervisor
	Group    string   `json:"group,omitempty"`     // tasks that share slots
	Job      bool     `json:"job,omitempty"`       // one of many, each for an input; restart on-failure means retries
	Batch    string   `json:"batch,omitempty"`     // the tasks that FailFast is about
	FailFast int      `json:"fail_fast,omitempty"` // once so many tasks of Batch failed, its others that have not begun are stopped; 0: never

	File string `json:"file,omitempty"` // the tasks file that it is from: absolute; "" for none

	EnvNames []string `json:"env_names,omitempty"` // the variables of Env that File gives; the others are of who started it

	Priority int `json:"priority,omitempty"` // order within the group's queue: higher first; default 0
	Order
	When

	StopSignal  string    `json:"stop_signal,omitempty"` // default TERM
	StopTimeout *Duration `json:"stop_timeout,omitzero"` // from the stop signal to KILL; default 10 s

	Restart     Restart   `json:"restart,omitempty"`      // default RestartNo
	MaxRestarts *int      `json:"max_restarts,omitempty"` // automatic restarts since the last start by hand; default: no limit
	Backoff     Backoff   `json:"backoff,omitzero"`       // pause before an automatic restart; default 1s..1m
	Timeout     *Duration `json:"timeout,omitzero"`       // a run that lasts longer is stopped and has failed; default: none

	SuccessCodes []int `json:"success_codes,omitempty"` // exit codes that count as success; default: 0
	Ready
	Health
	Hooks

	Attributes

	LeaveChildren bool `json:"leave_children,omitempty"` // keep what a run started when its main process ends by itself

	LogMaxSize *Size `json:"log_max_size,omitzero"` // bytes that the log of a run may take up; 0: no limit; default: the supervisor's
	LogKeep    *int  `json:"log_keep,omitzero"`     // runs that keep their logs; 0: all; default: the supervisor's

	Unknown Unknown `json:"-"`
}

// Restart says after which ends of a run a task is started again.
type Restart string

// The restart policies.
const (
	RestartNo        Restart = "no"
	RestartOnFailure Restart = "on-failure" // after any end but exit code 0
	RestartAlways    Restart = "always"     // after any end but a stop
)

// The defaults of a Spec.
const (
	DefaultStopTimeout = 10 * time.Second
	DefaultBackoffMin  = time.Second
	DefaultBackoffMax  = time.Minute
)

// MaxName is the longest name of a task, in bytes.
const MaxName = 128

// CheckName reports an [ErrUsage] unless name is a letter or digit followed by
// letters, digits, '.', '_', '-' and '@', at most [MaxName] long, and not "all".
func CheckName(name string) error {
	bad := func(why string) error {
		return Errorf(ErrUsage, name, "bad name %q: %s", clip(name, 40), why)
	}
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > MaxName:
		return bad(fmt.Sprintf("it has %d bytes, at most %d are allowed", len(name), MaxName))
	case name == "all":
		return bad("\"all\" means every task")
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-' || c == '@'):
		default:
			return bad("use a letter or digit, then letters, digits, '.', '_', '-' or '@'")
		}
	}
	return nil
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// Check reports the first thing wrong with s as an [ErrUsage].
func (s *Spec) Check() error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	usage := func(format string, args ...any) error { return Errorf(ErrUsage, s.Name, format, args...) }
	for i, arg := range s.Command {
		if strings.IndexByte(arg, 0) >= 0 {
			return usage("argument %d of the command has a NUL byte", i)
		}
		if !utf8.ValidString(arg) {
			return usage("argument %d of the command is not UTF-8 text", i)
		}
	}
	if len(s.Command) > 0 && s.Command[0] == "" {
		return usage("the command is empty")
	}
	if s.Cwd != "" && (!strings.HasPrefix(s.Cwd, "/") || strings.IndexByte(s.Cwd, 0) >= 0) {
		return usage("bad directory %q: give an absolute path", s.Cwd)
	}
	if !utf8.ValidString(s.Cwd) {
		return usage("bad directory %q: it is not UTF-8 text", s.Cwd)
	}
	if !utf8.ValidString(s.File) {
		return usage("bad path of a tasks file %q: it is not UTF-8 text", s.File)
	}
	if s.Group != "" {
		if err := CheckName(s.Group); err != nil {
			return usage("bad group: %v", err)
		}
	}
	if _, err := ParseSignal(s.StopSignal); s.StopSignal != "" && err != nil {
		return usage("bad stop signal: %v", err)
	}
	if err := cmp.Or(CheckDuration("stop timeout", s.StopTimeout), positive("timeout", s.Timeout), s.Backoff.check(),
		CheckCount("number of restarts", s.MaxRestarts), CheckSize("log size", s.LogMaxSize), CheckCount("number of logs to keep", s.LogKeep)); err != nil {
		return usage("%v", err)
	}
	switch {
	case s.FailFast < 0 || s.FailFast > MaxCount:
		return usage("bad number of failures %d: use 1 or more", s.FailFast)
	case (s.FailFast > 0) != (s.Batch != ""):
		return usage("fail_fast goes with batch")
	case len(s.Batch) > maxChangeID || !utf8.ValidString(s.Batch):
		return usage("bad batch: give at most %d bytes of text", maxChangeID)
	}
	if s.Priority < math.MinInt32 || s.Priority > math.MaxInt32 {
		return usage("bad priority %d: give %d to %d", s.Priority, math.MinInt32, math.MaxInt32)
	}
	if !slices.Contains([]Restart{"", RestartNo, RestartOnFailure, RestartAlways}, s.Restart) {
		return usage("bad restart policy %q: use no, on-failure or always", s.Restart)
	}
	if n := len(s.SuccessCodes); n > 256 { // each is a byte
		return usage("%d success codes: give each once", n)
	}
	for _, code := range s.SuccessCodes {
		if code < 0 || code > 255 {
			return usage("bad success code %d: give 0 to 255", code)
		}
	}
	for _, part := range []interface{ check(*Spec) error }{&s.Order, &s.When, &s.Ready, &s.Health, &s.Hooks, &s.Attributes} {
		if err := part.check(s); err != nil {
			return usage("%v", err)
		}
	}
	return nil
}

// Succeeds reports whether a run that ends with this exit code by itself is done.
func (s *Spec) Succeeds(code int) bool {
	if len(s.SuccessCodes) == 0 {
		return code == 0
	}
	return slices.Contains(s.SuccessCodes, code)
}

// Grace is the time from the stop signal to KILL.
func (s *Spec) Grace() time.Duration {
	if s.StopTimeout == nil {
		return DefaultStopTimeout
	}
	return time.Duration(*s.StopTimeout)
}

// Signal is the signal that asks a run to end.
func (s *Spec) Signal() syscall.Signal {
	if sig, err := ParseSignal(s.StopSignal); s.StopSignal != "" && err == nil {
		return sig
	}
	return syscall.SIGTERM
}

// BackoffOrDefault is the backoff, with the default filled in.
func (s *Spec) BackoffOrDefault() Backoff {
	if s.Backoff == (Backoff{}) {
		return Backoff{DefaultBackoffMin, DefaultBackoffMax}
	}
	return s.Backoff
}

// Shown is s as outputs show it: without the values of its environment, and
// with its defaults filled in.
func (s Spec) Shown() Spec {
	s.Env = Env{}
	if s.StopSignal == "" {
		s.StopSignal = "TERM"
	}
	if s.StopTimeout == nil {
		s.StopTimeout = new(Duration(DefaultStopTimeout))
	}
	if s.Restart == "" {
		s.Restart = RestartNo
	}
	s.Backoff = s.BackoffOrDefault()
	return s
}

var (
	_ json.Marshaler   = Env{}
	_ json.Unmarshaler = (*Env)(nil)
)
