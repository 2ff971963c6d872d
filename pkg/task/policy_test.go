package task_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

func dur(d time.Duration) *task.Duration { return new(task.Duration(d)) }

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what string
		spec task.Spec
		want string // "": it is right
	}{
		{"order", task.Spec{Order: task.Order{After: []string{"db", "x.y"}, AfterEnded: []string{"db"}}}, ""},
		{"a bad dependency", task.Spec{Order: task.Order{After: []string{"db", "a/b"}}}, `bad dependency: bad name "a/b"`},
		{"no dependency", task.Spec{Order: task.Order{AfterEnded: []string{""}}}, "bad dependency: bad name"},
		{"all", task.Spec{Order: task.Order{AfterEnded: []string{"all"}}}, "bad dependency"},
		{"after itself", task.Spec{Order: task.Order{After: []string{"db", "web"}}}, "web cannot come after itself"},
		{"after its own end", task.Spec{Order: task.Order{AfterEnded: []string{"web"}}}, "web cannot come after itself"},

		{"a delay", task.Spec{When: task.When{Delay: dur(0)}}, ""},
		{"a delay of a schedule", task.Spec{When: task.When{Delay: dur(1), Every: dur(time.Second), Overlap: task.OverlapSkip}}, ""},
		{"a negative delay", task.Spec{When: task.When{Delay: dur(-time.Second)}}, "bad delay -1s: use 0 or more"},
		{"a time", task.Spec{When: task.When{At: "15:04"}}, ""},
		{"a bad time", task.Spec{When: task.When{At: "noon"}}, `bad time "noon"`},
		{"a first time of a schedule", task.Spec{When: task.When{At: "2026-01-02T03:04:05Z", Every: dur(time.Hour)}}, ""},
		{"too often", task.Spec{When: task.When{Every: dur(time.Second - 1)}}, "bad every 999.999999ms: give 1s or more"},
		{"backwards", task.Spec{When: task.When{Every: dur(-time.Hour)}}, "bad every -1h0m0s"},
		{"cron", task.Spec{When: task.When{Cron: "@daily", Overlap: task.OverlapReplace}}, ""},
		{"delay and at", task.Spec{When: task.When{Delay: dur(1), At: "15:04"}}, "give one of delay, at and cron"},
		{"at and cron", task.Spec{When: task.When{At: "15:04", Cron: "@daily"}}, "give one of delay, at and cron"},
		{"delay and cron", task.Spec{When: task.When{Delay: dur(0), Cron: "@daily"}}, "give one of delay, at and cron"},
		{"every and cron", task.Spec{When: task.When{Every: dur(time.Hour), Cron: "@daily"}}, "give either every or cron"},
		{"every and always", task.Spec{Restart: task.RestartAlways, When: task.When{Every: dur(time.Hour)}}, "a schedule repeats by itself"},
		{"cron and always", task.Spec{Restart: task.RestartAlways, When: task.When{Cron: "@daily"}}, "a schedule repeats by itself"},
		{"cron and on-failure", task.Spec{Restart: task.RestartOnFailure, When: task.When{Cron: "@daily"}}, ""},
		{"once and always", task.Spec{Restart: task.RestartAlways, When: task.When{Delay: dur(1)}}, ""},
		{"queue", task.Spec{When: task.When{Every: dur(time.Hour), Overlap: task.OverlapQueue}}, ""},
		{"overlap", task.Spec{When: task.When{Every: dur(time.Hour), Overlap: "both"}}, `bad overlap "both": use skip, queue or replace`},
		{"overlap of nothing", task.Spec{When: task.When{At: "15:04", Overlap: task.OverlapSkip}}, "overlap goes with every or cron"},

		{"ready", task.Spec{Ready: task.Ready{
			ReadyHTTP: "http://[::1]:8080/healthz?x=1", ReadyPort: "db:5432", ReadyCmd: "test -e x && true", ReadyLog: `(?i)listening on .*:\d+`,
			ReadyNotify: true, ReadyTimeout: dur(1), ReadyInterval: dur(time.Millisecond),
		}}, ""},
		{"HTTPS", task.Spec{Ready: task.Ready{ReadyHTTP: "HTTPS://localhost/"}}, "https is not built in"},
		{"no HTTP", task.Spec{Ready: task.Ready{ReadyHTTP: "ftp://localhost/"}}, `bad ready_http "ftp://localhost/": use http://`},
		{"no scheme", task.Spec{Ready: task.Ready{ReadyHTTP: "localhost:8080/healthz"}}, `bad ready_http "localhost:8080/healthz": use a URL such as`},
		{"no host", task.Spec{Ready: task.Ready{ReadyHTTP: "http:///healthz"}}, "use a URL such as"},
		{"no host but a port", task.Spec{Ready: task.Ready{ReadyHTTP: "http://:80/"}}, "use a URL such as"},
		{"a port", task.Spec{Ready: task.Ready{ReadyHTTP: "http://u@h:65535/"}}, ""},
		{"a port too high", task.Spec{Ready: task.Ready{ReadyHTTP: "http://u:pw@h:65536/"}}, `bad ready_http "http://…@h:65536/": use a port from 1 to 65535`},
		{"a port too low", task.Spec{Health: task.Health{HealthHTTP: "http://h:0"}}, `bad health_http "http://h:0": use a port from 1 to 65535`},
		{"no URL", task.Spec{Ready: task.Ready{ReadyHTTP: "http://a b/\n"}}, `bad ready_http "http://a b/\n"`},
		{"a port", task.Spec{Ready: task.Ready{ReadyPort: "http"}}, `bad port "http"`},
		{"an expression", task.Spec{Ready: task.Ready{ReadyLog: "[a\n"}}, `bad ready_log "[a\n": missing closing ]`},
		{"a long expression", task.Spec{Ready: task.Ready{ReadyLog: strings.Repeat("(", 5000)}}, `bad ready_log "` + strings.Repeat("(", 80) + `…": it has 5000 bytes: give 1024 or fewer`},
		{"NUL in a check", task.Spec{Ready: task.Ready{ReadyCmd: "a\x00"}}, "bad ready_cmd: it has a NUL byte"},
		{"no text in a check", task.Spec{Ready: task.Ready{ReadyCmd: "\xff"}}, "bad ready_cmd: it is not UTF-8 text"},
		{"ready at once", task.Spec{Ready: task.Ready{ReadyTimeout: dur(0)}}, "bad ready_timeout 0s: give more than 0"},
		{"without a pause", task.Spec{Ready: task.Ready{ReadyInterval: dur(-1)}}, "bad ready_interval -1ns: give more than 0"},
		{"two faults", task.Spec{Ready: task.Ready{ReadyTimeout: dur(0), ReadyInterval: dur(0)}}, "bad ready_timeout 0s: give more than 0"},

		{"health", task.Spec{Health: task.Health{HealthHTTP: "http://localhost", HealthCmd: "true", HealthInterval: dur(time.Millisecond), HealthTimeout: dur(1), HealthRetries: new(1)}}, ""},
		{"health by HTTPS", task.Spec{Health: task.Health{HealthHTTP: "https://localhost"}}, "bad health_http"},
		{"NUL in a health check", task.Spec{Health: task.Health{HealthCmd: "\x00"}}, "bad health_cmd: it has a NUL byte"},
		{"health interval", task.Spec{Health: task.Health{HealthInterval: dur(0)}}, "bad health_interval 0s: give more than 0"},
		{"health timeout", task.Spec{Health: task.Health{HealthTimeout: dur(0)}}, "bad health_timeout 0s: give more than 0"},
		{"health retries", task.Spec{Health: task.Health{HealthRetries: new(0)}}, "bad health_retries 0: give 1 or more"},

		{"hooks", task.Spec{Hooks: task.Hooks{OnExit: "echo é", OnFailure: "mail"}}, ""},
		{"NUL in a hook", task.Spec{Hooks: task.Hooks{OnExit: "\x00"}}, "bad on_exit: it has a NUL byte"},
		{"NUL in the other", task.Spec{Hooks: task.Hooks{OnFailure: "\x00"}}, "bad on_failure: it has a NUL byte"},
		{"two bad hooks", task.Spec{Hooks: task.Hooks{OnExit: "\x00", OnFailure: "\x00"}}, "bad on_exit"},

		{"codes", task.Spec{SuccessCodes: []int{0, 3, 255, 3}}, ""},
		{"a negative code", task.Spec{SuccessCodes: []int{0, -1}}, "bad success code -1: give 0 to 255"},
		{"a large code", task.Spec{SuccessCodes: []int{256}}, "bad success code 256: give 0 to 255"},
		{"priority", task.Spec{Priority: -1 << 31}, ""},
	} {
		tt.spec.Name = "web"
		err := tt.spec.Check()
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.what, err)
			}
			continue
		}
		var e *task.Error
		if !errors.Is(err, task.ErrUsage) || !errors.As(err, &e) || e.Name != "web" || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.what, err, tt.want)
		} else if strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%s: the error is no line: %q", tt.what, err)
		}
	}
}

func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	var s task.Spec
	if s.Service() || s.Repeats() || s.Ready.Checked() || s.Health.Checked() {
		t.Error("the zero value is a service, repeats, or is checked")
	}
	if s.Ready.Timeout() != 30*time.Second || s.Ready.Interval() != 500*time.Millisecond {
		t.Errorf("ready: %v, %v", s.Ready.Timeout(), s.Ready.Interval())
	}
	if s.Health.Timeout() != 5*time.Second || s.Health.Interval() != 10*time.Second || s.Health.Retries() != 3 {
		t.Errorf("health: %v, %v, %d", s.Health.Timeout(), s.Health.Interval(), s.Health.Retries())
	}
	r := task.Ready{ReadyTimeout: dur(1), ReadyInterval: dur(2)}
	h := task.Health{HealthTimeout: dur(3), HealthInterval: dur(4), HealthRetries: new(5)}
	if r.Timeout() != 1 || r.Interval() != 2 || h.Timeout() != 3 || h.Interval() != 4 || h.Retries() != 5 {
		t.Errorf("given: %v, %v, %v, %v, %d", r.Timeout(), r.Interval(), h.Timeout(), h.Interval(), h.Retries())
	}
	if r.Checked() || h.Checked() {
		t.Error("times alone are a check")
	}
	for _, r := range []task.Ready{{ReadyHTTP: "x"}, {ReadyPort: "x"}, {ReadyCmd: "x"}, {ReadyLog: "x"}, {ReadyNotify: true}} {
		if s := (task.Spec{Ready: r}); !r.Checked() || !s.Service() {
			t.Errorf("%+v does not count as a check, or its task not as a service", r)
		}
	}
	for _, h := range []task.Health{{HealthHTTP: "x"}, {HealthCmd: "x"}} {
		if s := (task.Spec{Health: h}); !h.Checked() || s.Service() {
			t.Errorf("%+v does not count as a check, or its task counts as a service", h)
		}
	}
	for restart, want := range map[task.Restart]bool{"": false, task.RestartNo: false, task.RestartOnFailure: false, task.RestartAlways: true} {
		if s := (task.Spec{Restart: restart}); s.Service() != want {
			t.Errorf("restart %q: service is %v", restart, s.Service())
		}
	}
	for _, tt := range []struct {
		when task.When
		want bool
	}{{task.When{Delay: dur(1)}, false}, {task.When{At: "15:04"}, false}, {task.When{Every: dur(time.Hour)}, true}, {task.When{Cron: "@daily"}, true}} {
		if tt.when.Repeats() != tt.want {
			t.Errorf("%+v: repeats is %v", tt.when, tt.when.Repeats())
		}
	}
}

func TestParseAt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"15:04": 15*time.Hour + 4*time.Minute, "00:00": 0, "23:59": 24*time.Hour - time.Minute, "9:05": 9*time.Hour + 5*time.Minute,
		"15:04:05": 15*time.Hour + 4*time.Minute + 5*time.Second, "00:00:00": 0, "23:59:59": 24*time.Hour - time.Second,
	} {
		if at, clock, err := task.ParseAt(text); err != nil || !at.IsZero() || clock != want {
			t.Errorf("%s: %v, %v, %v; want %v", text, at, clock, err, want)
		}
	}
	zone := time.FixedZone("", 2*60*60)
	for text, want := range map[string]time.Time{
		"2026-01-02T15:04:05Z":           time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		"2026-01-02T15:04:05.5+02:00":    time.Date(2026, 1, 2, 15, 4, 5, 5e8, zone),
		"1999-12-31T23:59:59.000001Z":    time.Date(1999, 12, 31, 23, 59, 59, 1000, time.UTC), // gone by
		"2026-01-02T00:00:00-00:00":      time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		"2026-01-02T03:04:05.123456789Z": time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
	} {
		if at, clock, err := task.ParseAt(text); err != nil || !at.Equal(want) || clock != 0 {
			t.Errorf("%s: %v, %v, %v; want %v", text, at, clock, err, want)
		}
	}
	for _, text := range []string{"", "noon", "24:00", "15:60", "15", "15:04:60", "3pm", "15:04Z", " 15:04", "15:04\n", "-1:00", "2026-01-02", "2026-01-02T15:04:05", "2026-13-02T15:04:05Z", "15:04:05+02:00"} {
		if at, clock, err := task.ParseAt(text); err == nil || !strings.Contains(err.Error(), "use a time of day such as 15:04, or RFC 3339") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, %v, %v", text, at, clock, err)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"80": "localhost:80", "65535": "localhost:65535", "1": "localhost:1", "db:5432": "db:5432", "127.0.0.1:80": "127.0.0.1:80",
		"[::1]:80": "[::1]:80", "[fe80::1%eth0]:80": "[fe80::1%eth0]:80", ":80": ":80",
	} {
		if got, err := task.Address(text); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "65536", "-1", "http", "db:", "db:http", "db:0", "::1", "[::1]", "[::1]80", "a:b:80", "80 ", "1e3", "99999999999999999999", "db:80:\n"} {
		if got, err := task.Address(text); err == nil || !strings.Contains(err.Error(), "[HOST:]PORT") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestGroupCheck(t *testing.T) {
	t.Parallel()
	for _, g := range []task.Group{{Name: "build"}, {Name: "b", Slots: new(0)}, {Name: "b", Slots: new(1_000_000), Paused: true, Hooks: task.Hooks{OnExit: "x", OnFailure: "y"}}} {
		if err := g.Check(); err != nil {
			t.Errorf("%+v: %v", g, err)
		}
	}
	for _, tt := range []struct {
		g    task.Group
		want string
	}{
		{task.Group{}, `bad group: bad name "": it is empty`},
		{task.Group{Name: "all"}, "bad group"},
		{task.Group{Name: "a/b"}, "bad group"},
		{task.Group{Name: "b", Slots: new(-1)}, "bad number of slots -1: use 0 or more"},
		{task.Group{Name: "b", Hooks: task.Hooks{OnExit: "\x00"}}, "bad on_exit: it has a NUL byte"},
		{task.Group{Name: "b", Hooks: task.Hooks{OnFailure: "\x00"}}, "bad on_failure: it has a NUL byte"},
	} {
		var e *task.Error
		if err := tt.g.Check(); !errors.Is(err, task.ErrUsage) || !errors.As(err, &e) || e.Name != tt.g.Name || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v; want %q", tt.g, err, tt.want)
		}
	}
	for want, g := range map[string]task.Group{"none": {}, "0": {Slots: new(0)}, "12": {Slots: new(12)}} {
		if got := g.String(); got != want {
			t.Errorf("%+v has %s slots, want %s", g, got, want)
		}
	}
	if err := task.NoSuchGroup("build"); err.Error() != "No such group: build" || !errors.Is(err, task.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// The names of the fields are those of the flags and of the tasks file, in one object.
func TestPolicyJSON(t *testing.T) {
	t.Parallel()
	const text = `{"name":"web","group":"g","file":"/srv/tasks.yaml","priority":-1,"after":["db"],"after_ended":["setup"],` +
		`"delay":"1s","at":"15:04","every":"1m0s","cron":"@daily","overlap":"queue","success_codes":[0,3],` +
		`"ready_http":"http://a/","ready_port":"80","ready_cmd":"true","ready_log":"up","ready_notify":true,"ready_timeout":"2s","ready_interval":"3s",` +
		`"health_http":"http://b/","health_cmd":"false","health_interval":"4s","health_timeout":"5s","health_retries":6,` +
		`"on_exit":"a","on_failure":"b"}`
	var s task.Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	want := task.Spec{
		Name: "web", Group: "g", File: "/srv/tasks.yaml", Priority: -1, Order: task.Order{After: []string{"db"}, AfterEnded: []string{"setup"}},
		When:         task.When{Delay: dur(time.Second), At: "15:04", Every: dur(time.Minute), Cron: "@daily", Overlap: task.OverlapQueue},
		SuccessCodes: []int{0, 3},
		Ready: task.Ready{ReadyHTTP: "http://a/", ReadyPort: "80", ReadyCmd: "true", ReadyLog: "up", ReadyNotify: true,
			ReadyTimeout: dur(2 * time.Second), ReadyInterval: dur(3 * time.Second)},
		Health: task.Health{HealthHTTP: "http://b/", HealthCmd: "false", HealthInterval: dur(4 * time.Second), HealthTimeout: dur(5 * time.Second), HealthRetries: new(6)},
		Hooks:  task.Hooks{OnExit: "a", OnFailure: "b"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if out, err := json.Marshal(want); err != nil || string(out) != text {
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
	for want, g := range map[string]task.Group{
		`{"name":"g","slots":null,"running":0,"queued":0,"waiting":0}`:                                           {Name: "g"},
		`{"name":"g","slots":2,"paused":true,"on_exit":"a","on_failure":"b","running":1,"queued":2,"waiting":3}`: {Name: "g", Slots: new(2), Paused: true, Hooks: task.Hooks{OnExit: "a", OnFailure: "b"}, Running: 1, Queued: 2, Waiting: 3},
	} {
		if out, err := json.Marshal(g); err != nil || string(out) != want {
			t.Errorf("%s, %v; want %s", out, err, want)
		}
	}
}

func TestShownURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"http://h:80/a@b?c@d":          "http://h:80/a@b?c@d",
		"http://me:s3cret@h:80/a@b?#x": "http://…@h:80/a@b?#x",
		"HTTP://s3cret@[::1%25eth0]":   "HTTP://…@[::1%25eth0]",
		"http://:s3cret@h":             "http://…@h",
		"http://s3cret:a%40b@h?c":      "http://…@h?c",
		"http://me:s3@cret@h/":         "http://…@h/",
		"//me:s3cret@h/":               "//…@h/",
		"me:s3cret@h/":                 "…@h/",
		"http://me:s3cret @h b/":       "…@h b/",
		"http://me:s3cret@/":           "…@/",
	} {
		if got := task.ShownURL(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
