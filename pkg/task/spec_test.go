package task_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "7", "web", "Web-1", "a.b_c-d@e", "ALL", "all1", "a..", strings.Repeat("x", task.MaxName)} {
		if err := task.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                       "it is empty",
		"all":                    `"all" means every task`,
		"../x":                   "use a letter or digit",
		"a/b":                    "use a letter or digit",
		".":                      "use a letter or digit",
		"..":                     "use a letter or digit",
		".hidden":                "use a letter or digit",
		"-rf":                    "use a letter or digit",
		"_x":                     "use a letter or digit",
		"@x":                     "use a letter or digit",
		"a b":                    "use a letter or digit",
		"a\nb":                   "use a letter or digit",
		"a\x00":                  "use a letter or digit",
		"a*":                     "use a letter or digit",
		"naïve":                  "use a letter or digit",
		"任务":                     "use a letter or digit",
		"a\xff":                  "use a letter or digit",
		strings.Repeat("x", 200): "it has 200 bytes, at most 128 are allowed",
		strings.Repeat("é", 100): "it has 200 bytes",
	} {
		err := task.CheckName(name)
		if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", name, err, want)
		}
		if err != nil && (len(err.Error()) > 200 || strings.ContainsAny(err.Error(), "\n\x00")) {
			t.Errorf("%q: the error is no line: %q", name, err)
		}
	}
}

// A name is a file name, an argument and a part of a run's id.
func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"web", "../x", "all", "a/b", "a\x00", "-x", "ünï"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if err := task.CheckName(name); err != nil {
			if !errors.Is(err, task.ErrUsage) {
				t.Errorf("%q: %v", name, err)
			}
			return
		}
		switch {
		case name == "" || name == "all" || len(name) > task.MaxName,
			!filepath.IsLocal(name), filepath.Base(name) != name, filepath.Clean(name) != name,
			strings.HasPrefix(name, "-"), strings.HasPrefix(name, "."),
			strings.ContainsAny(name, "/\\*?[]{}$'\"`;&|<>()!#~ \t\n\x00="):
			t.Errorf("%q is a name", name)
		}
		if err := (&task.Spec{Name: name}).Check(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	})
}

func TestSpecCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what string
		spec task.Spec
		want string // "": it is right
	}{
		{"zero", task.Spec{}, ""},
		{"whole", task.Spec{
			Command: []string{"sh", "-c", "", "ü"}, Cwd: "/", Group: "g", StopSignal: "sigint", StopTimeout: dur(0), Restart: task.RestartAlways,
			MaxRestarts: new(0), Backoff: task.Backoff{Min: time.Millisecond, Max: time.Millisecond}, Timeout: dur(1),
		}, ""},
		{"no program", task.Spec{Command: []string{"", "x"}}, "the command is empty"},
		{"NUL", task.Spec{Command: []string{"a", "b\x00"}}, "argument 1 of the command has a NUL byte"},
		{"no text", task.Spec{Command: []string{"\xff"}}, "argument 0 of the command is not UTF-8 text"},
		{"relative", task.Spec{Cwd: "tmp"}, `bad directory "tmp": give an absolute path`},
		{"NUL in cwd", task.Spec{Cwd: "/\x00"}, "bad directory"},
		{"no text in cwd", task.Spec{Cwd: "/d\xe9"}, `bad directory "/d\xe9": it is not UTF-8 text`},
		{"no text in file", task.Spec{File: "/d\xe9"}, `bad path of a tasks file "/d\xe9": it is not UTF-8 text`},
		{"no text in URL", task.Spec{Ready: task.Ready{ReadyHTTP: "http://x/\xe9"}}, "bad ready_http: it is not UTF-8 text"},
		{"group", task.Spec{Group: "a/b"}, `bad group: bad name "a/b"`},
		{"group all", task.Spec{Group: "all"}, "bad group"},
		{"signal", task.Spec{StopSignal: "NOPE"}, `bad stop signal: unknown signal "NOPE"`},
		{"stop timeout", task.Spec{StopTimeout: dur(-1)}, "bad stop timeout -1ns: use 0 or more"},
		{"timeout", task.Spec{Timeout: dur(0)}, "bad timeout 0s: give more than 0"},
		{"restarts", task.Spec{MaxRestarts: new(-1)}, "bad number of restarts -1"},
		{"log size", task.Spec{LogMaxSize: new(task.Size(-1))}, "bad log size -1: use 0 or more"},
		{"logs", task.Spec{LogKeep: new(-1)}, "bad number of logs to keep -1: use 0 or more"},
		{"policy", task.Spec{Restart: "maybe"}, `bad restart policy "maybe"`},
		{"backoff from 0", task.Spec{Backoff: task.Backoff{Max: 1}}, "bad backoff 0s..1ns"},
		{"backoff backwards", task.Spec{Backoff: task.Backoff{Min: 2, Max: 1}}, "bad backoff 2ns..1ns"},
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
		}
	}
	if err := (&task.Spec{Name: "all"}).Check(); !errors.Is(err, task.ErrUsage) {
		t.Errorf("a bad name: %v", err)
	}
}

func TestSpecDefaults(t *testing.T) {
	t.Parallel()
	var s task.Spec
	if s.Grace() != 10*time.Second || s.Signal() != syscall.SIGTERM || s.BackoffOrDefault() != (task.Backoff{Min: time.Second, Max: time.Minute}) {
		t.Errorf("defaults: %s, %s, %s", s.Grace(), s.Signal(), s.BackoffOrDefault())
	}
	s = task.Spec{StopTimeout: new(task.Duration(0)), StopSignal: "9", Backoff: task.Backoff{Min: 1, Max: 2}}
	if s.Grace() != 0 || s.Signal() != syscall.SIGKILL || s.BackoffOrDefault() != s.Backoff {
		t.Errorf("given: %s, %s, %s", s.Grace(), s.Signal(), s.BackoffOrDefault())
	}
	secret, err := task.NewEnv(map[string]string{"TOKEN": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(task.Spec{Name: "web", Env: secret}.Shown())
	want := `{"name":"web","stop_signal":"TERM","stop_timeout":"10s","restart":"no","backoff":"1s..1m0s"}`
	if err != nil || string(text) != want {
		t.Errorf("shown: %s, %v\n want: %s", text, err, want)
	}
	text, err = json.Marshal(task.Spec{Name: "web"})
	if err != nil || string(text) != `{"name":"web"}` {
		t.Errorf("the zero value is written as %s, %v", text, err)
	}
}

func TestDurationText(t *testing.T) {
	t.Parallel()
	var d task.Duration
	for in, want := range map[string]string{`"10s"`: `"10s"`, `"90m"`: `"1h30m0s"`, `"1.5s"`: `"1.5s"`, `"0s"`: `"0s"`, `"-1s"`: `"-1s"`} {
		if err := json.Unmarshal([]byte(in), &d); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if out, err := json.Marshal(d); err != nil || string(out) != want {
			t.Errorf("%s became %s, %v", in, out, err)
		}
	}
	for _, in := range []string{`"10"`, `10`, `""`, `"ten"`, `"1y"`} {
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s is a duration", in)
		}
	}
}

func TestBackoffText(t *testing.T) {
	t.Parallel()
	var b task.Backoff
	if err := b.UnmarshalText([]byte("500ms..1h")); err != nil || b != (task.Backoff{Min: 500 * time.Millisecond, Max: time.Hour}) {
		t.Errorf("%s, %v", b, err)
	}
	if text, err := b.MarshalText(); err != nil || string(text) != "500ms..1h0m0s" {
		t.Errorf("%s, %v", text, err)
	}
	for _, in := range []string{"", "1s", "..", "1s..", "..1s", "0s..1s", "2s..1s", "-1s..1s", "1s...2s", "1..2"} {
		if err := b.UnmarshalText([]byte(in)); err == nil || !strings.Contains(err.Error(), "MIN..MAX") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestTimeText(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 2*60*60)
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, zone)}
	text, err := json.Marshal(at)
	if err != nil || string(text) != `"2026-01-02T01:04:05.000006000Z"` {
		t.Errorf("%s, %v", text, err)
	}
	var back task.Time
	if err := json.Unmarshal(text, &back); err != nil || !back.Equal(at.Time) || back.Location() != time.UTC {
		t.Errorf("%v, %v", back, err)
	}
	now := task.Now()
	text, _ = json.Marshal(now)
	if err := json.Unmarshal(text, &back); err != nil || back != now {
		t.Errorf("%v came back as %v, %v", now, back, err)
	}
	if err := json.Unmarshal([]byte(`"2026-01-02T03:04:05+02:00"`), &back); err != nil || back.Hour() != 1 {
		t.Errorf("%v, %v", back, err)
	}
	for _, in := range []string{`"yesterday"`, `1`, `"2026-01-02"`, `""`} {
		if err := json.Unmarshal([]byte(in), &back); err == nil || !strings.Contains(err.Error(), "RFC 3339") {
			t.Errorf("%s: %v", in, err)
		}
	}
	if err := json.Unmarshal([]byte("null"), &back); err != nil || !back.IsZero() {
		t.Errorf("null: %v, %v", back, err)
	}
	if text, _ := json.Marshal(task.Info{}); strings.Contains(string(text), "_at") || strings.Contains(string(text), "cpu") {
		t.Errorf("absent facts are written: %s", text)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	want := []task.State{
		task.Waiting, task.Queued, task.Starting, task.Running, task.Paused, task.Stopping, task.BackingOff,
		task.Done, task.Failed, task.Stopped, task.Lost,
	}
	if !slices.Equal(task.States(), want) {
		t.Errorf("%v", task.States())
	}
	for i, s := range want {
		if s.Ended() != (i >= 7) {
			t.Errorf("%s: ended is %v", s, s.Ended())
		}
	}
	for exit, ok := range map[task.Exit]bool{{}: true, {LeftBehind: 2}: true, {Code: 1}: false, {Signal: 9}: false, {Lost: true}: false, {Err: "x"}: false} {
		if exit.OK() != ok {
			t.Errorf("%+v: OK = %v", exit, exit.OK())
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	err := error(task.NoSuchTask("web"))
	if err.Error() != "No such task: web" || !errors.Is(err, task.ErrNotFound) || errors.Is(err, task.ErrUsage) {
		t.Errorf("%v", err)
	}
	if err := task.Errorf(nil, "web", "cannot %s", "do"); err.Error() != "cannot do" || errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if long := task.NoSuchTask(strings.Repeat("é", 1000)).Error(); len(long) > 200 || !strings.HasSuffix(long, "é…") {
		t.Errorf("%q", long)
	}
}
