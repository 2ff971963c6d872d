package task

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Order is what must have happened to other tasks before a run begins. One that
// is a service, see [Spec.Service], counts when it is ready.
type Order struct {
	After      []string `json:"after,omitempty"`       // all of these have ended well
	AfterEnded []string `json:"after_ended,omitempty"` // all of these have ended, however
}

func (o *Order) check(s *Spec) error {
	for _, name := range slices.Concat(o.After, o.AfterEnded) {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("bad dependency: %w", err)
		}
		if name == s.Name {
			return fmt.Errorf("%s cannot come after itself", name)
		}
	}
	return nil
}

// Service reports whether the task is one that others wait for until it is ready,
// and not until it has ended: it restarts always, or has a readiness check.
func (s *Spec) Service() bool { return s.Restart == RestartAlways || s.Ready.Checked() }

// PerhapsService reports whether the task looks like a service, but is not one that others
// wait for until it is ready: they wait until it has ended.
func (s *Spec) PerhapsService() bool {
	return s.Restart == RestartOnFailure && s.MaxRestarts == nil && !s.Service() && !s.Job && !s.When.Repeats()
}

// When says at what times runs begin. Its zero value is: now, and once.
type When struct {
	Delay   *Duration `json:"delay,omitzero"`    // from the start by hand to the first run
	At      string    `json:"at,omitempty"`      // of the first run: RFC 3339, or a time of day of the supervisor's zone, such as 15:04
	Every   *Duration `json:"every,omitzero"`    // from the start of a run to the start of the next
	Cron    string    `json:"cron,omitempty"`    // crontab(5): five fields, or @daily and the like, after CRON_TZ=ZONE if need be
	Overlap Overlap   `json:"overlap,omitempty"` // what becomes of a time that comes while a run lasts; default OverlapSkip
}

// Overlap says what becomes of a time that comes while the run before lasts.
type Overlap string

// What a time may do that comes too early.
const (
	OverlapSkip    Overlap = "skip"    // nothing
	OverlapQueue   Overlap = "queue"   // another run begins once this one has ended; one, however many times came
	OverlapReplace Overlap = "replace" // the run is stopped, and another begins
)

// MinEvery is the shortest time between the runs of a schedule.
const MinEvery = Duration(time.Second)

// MaxTimes is of how many times of a schedule a list may be.
const MaxTimes = 1000

// Repeats reports whether there are runs again and again.
func (w *When) Repeats() bool { return w.Every != nil || w.Cron != "" }

func (w *When) check(s *Spec) error {
	if err := cmp.Or(CheckDuration("delay", w.Delay), CheckDuration("every", w.Every)); err != nil {
		return err
	}
	first := 0
	for _, given := range []bool{w.Delay != nil, w.At != "", w.Cron != ""} {
		if given {
			first++
		}
	}
	switch {
	case w.Every != nil && *w.Every < MinEvery:
		return fmt.Errorf("bad every %s: give %s or more", w.Every, MinEvery)
	case first > 1:
		return errors.New("give one of delay, at and cron")
	case w.Every != nil && w.Cron != "":
		return errors.New("give either every or cron")
	case w.Repeats() && s.Restart == RestartAlways:
		return errors.New("a schedule repeats by itself: use restart on-failure or no with it")
	case !slices.Contains([]Overlap{"", OverlapSkip, OverlapQueue, OverlapReplace}, w.Overlap):
		return fmt.Errorf("bad overlap %q: use skip, queue or replace", w.Overlap)
	case w.Overlap != "" && !w.Repeats():
		return errors.New("overlap goes with every or cron")
	}
	if w.At != "" {
		if _, _, err := ParseAt(w.At); err != nil {
			return err
		}
	}
	return nil
}

// ParseAt reads a point in time in RFC 3339, or a time of day: then clock is how
// long after midnight, and at is zero.
func ParseAt(text string) (at time.Time, clock time.Duration, err error) {
	if at, err = time.Parse(time.RFC3339Nano, text); err == nil {
		return at, 0, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Time{}, t.Sub(t.Truncate(24 * time.Hour)), nil
		}
	}
	return time.Time{}, 0, fmt.Errorf("bad time %q: use a time of day such as 15:04, or RFC 3339 such as 2006-01-02T15:04:05Z", text)
}

// Ready says when a run is ready: when all that is given has succeeded. Without
// any, it is as soon as it runs.
type Ready struct {
	ReadyHTTP     string    `json:"ready_http,omitempty"`    // GET of this http:// URL is answered with 200 to 399
	ReadyPort     string    `json:"ready_port,omitempty"`    // [HOST:]PORT takes a TCP connection; default host localhost
	ReadyCmd      string    `json:"ready_cmd,omitempty"`     // sh -c ends with 0, in the task's directory and environment
	ReadyLog      string    `json:"ready_log,omitempty"`     // a line of the run's output matches this RE2 expression, see [CompileExpression]
	ReadyNotify   bool      `json:"ready_notify,omitempty"`  // the run says READY=1, sd_notify(3)
	ReadyTimeout  *Duration `json:"ready_timeout,omitzero"`  // a run that is not ready by then is stopped and has failed; default 30 s
	ReadyInterval *Duration `json:"ready_interval,omitzero"` // between the tries of http, port and cmd; default 500 ms
}

// The defaults of Ready and Health.
const (
	DefaultReadyTimeout   = 30 * time.Second
	DefaultReadyInterval  = 500 * time.Millisecond
	DefaultHealthInterval = 10 * time.Second
	DefaultHealthTimeout  = 5 * time.Second
	DefaultHealthRetries  = 3
)

// Checked reports whether there is anything to wait for.
func (r *Ready) Checked() bool {
	return r.ReadyHTTP != "" || r.ReadyPort != "" || r.ReadyCmd != "" || r.ReadyLog != "" || r.ReadyNotify
}

// Timeout is how long a run may take to be ready.
func (r *Ready) Timeout() time.Duration { return orDefault(r.ReadyTimeout, DefaultReadyTimeout) }

// Interval is the time between two tries.
func (r *Ready) Interval() time.Duration { return orDefault(r.ReadyInterval, DefaultReadyInterval) }

func orDefault(d *Duration, def time.Duration) time.Duration {
	if d == nil {
		return def
	}
	return time.Duration(*d)
}

func (r *Ready) check(*Spec) error {
	if err := checkHTTP("ready_http", r.ReadyHTTP); err != nil {
		return err
	}
	if r.ReadyPort != "" {
		if _, err := Address(r.ReadyPort); err != nil {
			return err
		}
	}
	if _, err := CompileExpression(r.ReadyLog); err != nil {
		return fmt.Errorf("bad ready_log %q: %w", clip(r.ReadyLog, 80), err)
	}
	return cmp.Or(checkText("ready_cmd", r.ReadyCmd), positive("ready_timeout", r.ReadyTimeout), interval("ready_interval", r.ReadyInterval))
}

// Address is HOST:PORT of [HOST:]PORT.
func Address(port string) (string, error) {
	host, number := "localhost", port
	if strings.Contains(port, ":") {
		var err error
		if host, number, err = net.SplitHostPort(port); err != nil {
			return "", fmt.Errorf("bad port %q: use [HOST:]PORT", port)
		}
	}
	if !isPort(number) {
		return "", fmt.Errorf("bad port %q: use [HOST:]PORT with a port from 1 to 65535", port)
	}
	return net.JoinHostPort(host, number), nil
}

func isPort(number string) bool {
	n, err := strconv.Atoi(number)
	return err == nil && n >= 1 && n <= 65535
}

func checkHTTP(what, text string) error {
	if text == "" {
		return nil
	}
	if err := checkText(what, text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	text = ShownURL(text)
	switch {
	case err != nil || u.Hostname() == "":
		return fmt.Errorf("bad %s %q: use a URL such as http://localhost:8080/healthz", what, text)
	case u.Scheme == "https":
		return fmt.Errorf("bad %s %q: https is not built in: have curl -fsS check it by a command", what, text)
	case u.Scheme != "http":
		return fmt.Errorf("bad %s %q: use http://", what, text)
	case u.Port() != "" && !isPort(u.Port()):
		return fmt.Errorf("bad %s %q: use a port from 1 to 65535", what, text)
	}
	return nil
}

// ShownURL is the URL in text for people: without the name and the password in it.
func ShownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" { // whatever it is meant to be
		if at := strings.LastIndexByte(text, '@'); at >= 0 {
			return "…" + text[at:]
		}
		return text
	}
	if u.User == nil {
		return text
	}
	scheme, rest, _ := strings.Cut(text, "//")
	host, path := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host, path = rest[:end], rest[end:]
	}
	return scheme + "//…" + host[strings.LastIndexByte(host, '@'):] + path
}

func checkText(what, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return fmt.Errorf("bad %s: it has a NUL byte", what)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("bad %s: it is not UTF-8 text", what)
	}
	return nil
}

// Health says how a run that is ready is looked after: one whose check fails too
// often in a row is stopped, has failed, and is restarted by its policy.
type Health struct {
	HealthHTTP     string    `json:"health_http,omitempty"`    // as ReadyHTTP
	HealthCmd      string    `json:"health_cmd,omitempty"`     // as ReadyCmd
	HealthInterval *Duration `json:"health_interval,omitzero"` // from the end of a check to the next; default 10 s
	HealthTimeout  *Duration `json:"health_timeout,omitzero"`  // a check that takes longer has failed; default 5 s
	HealthRetries  *int      `json:"health_retries,omitempty"` // failures in a row that end the run; default 3
}

// Checked reports whether there is anything to check.
func (h *Health) Checked() bool { return h.HealthHTTP != "" || h.HealthCmd != "" }

// Interval is the time between two checks.
func (h *Health) Interval() time.Duration { return orDefault(h.HealthInterval, DefaultHealthInterval) }

// Timeout is how long one check may take.
func (h *Health) Timeout() time.Duration { return orDefault(h.HealthTimeout, DefaultHealthTimeout) }

// Retries is how many checks must fail in a row.
func (h *Health) Retries() int {
	if h.HealthRetries == nil {
		return DefaultHealthRetries
	}
	return *h.HealthRetries
}

func (h *Health) check(*Spec) error {
	if h.HealthRetries != nil && *h.HealthRetries < 1 {
		return fmt.Errorf("bad health_retries %d: give 1 or more", *h.HealthRetries)
	}
	return cmp.Or(CheckCount("health_retries", h.HealthRetries), checkHTTP("health_http", h.HealthHTTP), checkText("health_cmd", h.HealthCmd),
		interval("health_interval", h.HealthInterval), positive("health_timeout", h.HealthTimeout))
}

// Hooks are lines for sh -c that are run, once, after a run has ended, in the
// directory and environment of the task, with TASKS_STATE and TASKS_EXIT beside
// what every run has.
type Hooks struct {
	OnExit    string `json:"on_exit,omitempty"`    // after each end
	OnFailure string `json:"on_failure,omitempty"` // after each failure
}

func (h *Hooks) check(*Spec) error {
	return cmp.Or(checkText("on_exit", h.OnExit), checkText("on_failure", h.OnFailure))
}
