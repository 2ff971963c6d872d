package taskfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

// write makes a directory with these files, and says where it is.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load is what a tasks.yaml of this text says.
func load(t testing.TB, text string, environ ...string) *File {
	t.Helper()
	f, err := Load(filepath.Join(write(t, map[string]string{"tasks.yaml": text}), "tasks.yaml"), environ)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return f
}

func names(f *File) []string {
	var names []string
	for _, s := range f.Tasks {
		names = append(names, s.Name)
	}
	return names
}

func TestLoad(t *testing.T) {
	t.Parallel()
	f := load(t, `
project: shop
x-anything: [1, {a: b}]
groups:
  build: {slots: 2, on_exit: "echo $TASKS_STATE", on_failure: echo bad}
  free: {slots: none}
  empty:
tasks:
  db: {command: [postgres, -D, data, 5, true, 1.50], restart: always, ready_port: 5432}
  api:
    command: ./api --port $PORT ${X} $$
    cwd: sub/../api
    env: {PORT: 8080, DEBUG: true}
    after: db
    after_ended: [backup]
    restart: no
  backup:
    command: ./backup.sh
    group: build
    priority: -3
    delay: 0
    every: 1h
    overlap: queue
    stop_signal: sigint
    stop_timeout: 1m30s
    max_restarts: 0
    backoff: 1s..2m
    timeout: 10m
    success_codes: [0, 3]
    ready_http: http://localhost:1/x
    ready_cmd: true
    ready_log: ^up ${HOME}$
    ready_notify: true
    ready_timeout: 3s
    ready_interval: 100ms
    health_http: http://localhost:1/h
    health_cmd: |
      a
      b
    health_interval: 1s
    health_timeout: 2s
    health_retries: 7
    on_exit: echo ${X}
    on_failure: echo $$
    leave_children: true
    log_max_size: 10MB
    log_keep: 0
  late: {command: x, at: 15:04, log_max_size: 4096}
  early: {command: x, at: "2030-01-02T03:04:05Z", clear_env: false}
  cron: {command: x, cron: 0 3 * * *, restart: on-failure, log_max_size: none, success_codes: 1}
`, "HOME=/root")
	dir := filepath.Dir(f.Path)
	d := func(s string) *task.Duration {
		v, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(task.Duration(v))
	}
	want := []task.Spec{
		{Name: "shop.db", Command: []string{"postgres", "-D", "data", "5", "true", "1.50"}, Cwd: dir, Restart: "always", Ready: task.Ready{ReadyPort: "5432"}},
		{
			Name: "shop.backup", Command: []string{"sh", "-c", "./backup.sh"}, Cwd: dir, Group: "shop.build", Priority: -3,
			When:       task.When{Delay: new(task.Duration(0)), Every: d("1h"), Overlap: "queue"},
			StopSignal: "INT", StopTimeout: d("90s"), MaxRestarts: new(0), Backoff: task.Backoff{Min: time.Second, Max: 2 * time.Minute}, Timeout: d("10m"), SuccessCodes: []int{0, 3},
			Ready: task.Ready{
				ReadyHTTP: "http://localhost:1/x", ReadyCmd: "true", ReadyLog: "^up /root$", ReadyNotify: true, ReadyTimeout: d("3s"), ReadyInterval: d("100ms"),
			},
			Health:        task.Health{HealthHTTP: "http://localhost:1/h", HealthCmd: "a\nb\n", HealthInterval: d("1s"), HealthTimeout: d("2s"), HealthRetries: new(7)},
			Hooks:         task.Hooks{OnExit: "echo ${X}", OnFailure: "echo $$"},
			LeaveChildren: true, LogMaxSize: new(task.Size(10e6)), LogKeep: new(0),
		},
		{
			Name: "shop.api", Command: []string{"sh", "-c", "./api --port $PORT ${X} $$"}, Cwd: filepath.Join(dir, "api"), Restart: "no",
			Order: task.Order{After: []string{"shop.db"}, AfterEnded: []string{"shop.backup"}},
		},
		{Name: "shop.late", Command: []string{"sh", "-c", "x"}, Cwd: dir, When: task.When{At: "15:04"}, LogMaxSize: new(task.Size(4096))},
		{Name: "shop.early", Command: []string{"sh", "-c", "x"}, Cwd: dir, When: task.When{At: "2030-01-02T03:04:05Z"}},
		{Name: "shop.cron", Command: []string{"sh", "-c", "x"}, Cwd: dir, When: task.When{Cron: "0 3 * * *"}, Restart: "on-failure", LogMaxSize: new(task.Size(0)), SuccessCodes: []int{1}},
	}
	if f.Project != "shop" || !filepath.IsAbs(f.Path) || len(f.Tasks) != len(want) {
		t.Fatalf("project %q, path %q, tasks %v", f.Project, f.Path, names(f))
	}
	for i, s := range f.Tasks {
		w := want[i]
		w.File, w.Env, w.EnvNames = f.Path, s.Env, s.EnvNames
		if !reflect.DeepEqual(s, w) {
			got, _ := json.MarshalIndent(s, "", " ")
			should, _ := json.MarshalIndent(w, "", " ")
			t.Errorf("%s; want %s", got, should)
		}
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	api := f.Tasks[2]
	if got := api.Env.Map(); !maps.Equal(got, map[string]string{"HOME": "/root", "PORT": "8080", "DEBUG": "true"}) || !slices.Equal(api.EnvNames, []string{"DEBUG", "PORT"}) {
		t.Errorf("env %v, of the file %v", got, api.EnvNames)
	}
	groups := []task.Group{
		{Name: "shop.build", Slots: new(2), Hooks: task.Hooks{OnExit: "echo $TASKS_STATE", OnFailure: "echo bad"}},
		{Name: "shop.free"}, {Name: "shop.empty"},
	}
	if !reflect.DeepEqual(f.Groups, groups) {
		t.Errorf("groups %+v", f.Groups)
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	f := load(t, `
tasks:
  api: {command: x, after: [db, web-2, db], instances: 2, env: {TASKS_INSTANCE: mine, A: 1}}
  db: {command: x, restart: always}
  web: {command: x, instances: 3}
  one: {command: x, instances: 1, after_ended: web}
`)
	if got := strings.Join(names(f), " "); got != "db web-1 web-2 web-3 api-1 api-2 one-1" {
		t.Fatal(got)
	}
	api, one := f.Tasks[5], f.Tasks[6]
	if got := api.Env.Map(); !maps.Equal(got, map[string]string{"A": "1", "TASKS_INSTANCE": "2"}) || !slices.Equal(api.After, []string{"db", "web-2"}) {
		t.Errorf("%v, after %v", got, api.After)
	}
	if !slices.Equal(one.AfterEnded, []string{"web-1", "web-2", "web-3"}) || one.After != nil {
		t.Errorf("after %v, after the end of %v", one.After, one.AfterEnded)
	}
	if got := levels(f.Tasks); !reflect.DeepEqual(got, [][]string{{"db", "web-1", "web-2", "web-3"}, {"api-1", "api-2", "one-1"}}) {
		t.Error(got)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"tasks.yaml": `
env_file: [all.env]
env: {TOP: "2", OWN: top, REF: "${HOME}:${DOT}:${NO:-x y}:${EMPTY:-d}:$HOME:$$HOME:$${HOME}:$"}
tasks:
  none: {command: x}
  own: {command: x, env_file: [own.env, sub/own2.env], env: {OWN: "4"}}
  clear: {command: x, clear_env: true, env_file: own.env}
  also: {command: x}
`,
		"all.env":      "TOP=1\nFILE=all\nHOME=file\n",
		"own.env":      "OWN=3\nFILE=own\nTWO=1\n",
		"sub/own2.env": "TWO=2",
		".env":         "DOT=dot\nHOME=dot\n",
	})
	f, err := Load(filepath.Join(dir, "tasks.yaml"), []string{"HOME=/root", "PATH=/bin", "EMPTY=", "BAD=\xff", "nothing", "=x"})
	if err != nil {
		t.Fatal(err)
	}
	ref := "/root:dot:x y:d:/root:$HOME:${HOME}:$"
	for i, want := range []map[string]string{
		{"PATH": "/bin", "EMPTY": "", "HOME": "file", "FILE": "all", "TOP": "2", "OWN": "top", "REF": ref},
		{"PATH": "/bin", "EMPTY": "", "HOME": "file", "FILE": "own", "TOP": "2", "OWN": "4", "TWO": "2", "REF": ref},
		{"HOME": "file", "FILE": "own", "TOP": "2", "OWN": "3", "TWO": "1", "REF": ref},
	} {
		if got := f.Tasks[i].Env.Map(); !maps.Equal(got, want) {
			t.Errorf("%s: %q; want %q", f.Tasks[i].Name, got, want)
		}
	}
	if f.Tasks[0].Env != f.Tasks[3].Env || !slices.Equal(f.Tasks[3].EnvNames, []string{"FILE", "HOME", "OWN", "REF", "TOP"}) {
		t.Errorf("of the file: %v", f.Tasks[3].EnvNames)
	}
}

func TestExpandedValues(t *testing.T) {
	t.Parallel()
	f := load(t, `
project: ${P}
groups: {g: {slots: "${N}"}}
tasks:
  a:
    command: x
    cwd: /srv/${P}
    group: ${G:-g}
    max_restarts: ${N}
    ready_notify: ${YES}
    stop_timeout: ${N}s
    restart: ${R:-no}
    ready_port: ${N}
    log_max_size: ${N}
    success_codes: ["${N}", 0]
    after: ["${B}"]
  b: {command: x}
`, "P=p", "N=3", "YES=true", "B=b")
	a := f.Tasks[1]
	if a.Name != "p.a" || a.Cwd != "/srv/p" || a.Group != "p.g" || *a.MaxRestarts != 3 || !a.ReadyNotify || a.Grace() != 3*time.Second ||
		a.Restart != "no" || a.ReadyPort != "3" || *a.LogMaxSize != 3 || !slices.Equal(a.SuccessCodes, []int{3, 0}) || !slices.Equal(a.After, []string{"p.b"}) || *f.Groups[0].Slots != 3 {
		t.Errorf("%+v", a)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	f := load(t, `
x-base: &base {restart: always, stop_timeout: 1s, env: &env {A: 1}}
x-more: &more {restart: no, priority: 3}
tasks:
  a: {<<: *base, command: &c [x, y], restart: on-failure}
  b:
    <<: [*base, *more]
    command: *c
    env: {<<: *env, B: 2}
`)
	a, b := f.Tasks[0], f.Tasks[1]
	if a.Restart != "on-failure" || a.Grace() != time.Second || b.Restart != "always" || b.Priority != 3 || !slices.Equal(b.Command, []string{"x", "y"}) ||
		!maps.Equal(b.Env.Map(), map[string]string{"A": "1", "B": "2"}) {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestSpellings(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"json":      `{"tasks": {"a": {"command": ["x"]}}}`,
		"crlf":      "tasks:\r\n  a:\r\n    command: [x]\r\n",
		"bom":       "\ufefftasks:\n  a:\n    command: [x]\n",
		"document":  "%YAML 1.2\n---\ntasks: {a: {command: [x]}}\n...\n",
		"quoted":    "'tasks':\n  \"a\": {\"command\": ['x']}\n",
		"question":  "tasks:\n  ? a\n  : {command: [x]}\n",
		"tag":       "tasks: {a: {command: [!!str x]}}",
		"comments":  "# c\ntasks: # c\n  # c\n  a: # c\n    command: # c\n      - x # c\n",
		"multiline": "tasks: {\n  a: {command: [\n    x\n  ]}\n}\n",
	} {
		f := load(t, text)
		if len(f.Tasks) != 1 || f.Tasks[0].Name != "a" || !slices.Equal(f.Tasks[0].Command, []string{"x"}) {
			t.Errorf("%s: %+v", name, f.Tasks)
		}
	}
	if f := load(t, "tasks: {}"); len(f.Tasks) != 0 {
		t.Errorf("%+v", f)
	}
	if f := load(t, "tasks: {1: {command: x}, true: {command: x, after: 1}}"); strings.Join(names(f), " ") != "1 true" {
		t.Errorf("%v", names(f))
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"big.yaml": "tasks: {}\n" + strings.Repeat("#\n", MaxFile/2), "tasks.yaml": "tasks: {a: {command: x, env_file: no}}", "x.yaml": "tasks: {a: {command: x, env: {A: '${A}'}}}", ".env": "A B"})
	for path, want := range map[string]string{
		"no.yaml":    "cannot read D/no.yaml: no such file or directory",
		".":          "D is not a regular file: give the path of one",
		"big.yaml":   "cannot read D/big.yaml: it is larger than 1 MiB",
		"tasks.yaml": "D/tasks.yaml:1:35: env_file: cannot read D/no: no such file or directory",
		"x.yaml":     "D/x.yaml:1:35: D/.env:1:3: not NAME=VALUE: a name has letters, digits, '_', '.', '-', '[' and ']'",
	} {
		_, err := Load(filepath.Join(dir, path), nil)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "D") != want || !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v; want %s", path, err, want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"tasks.yaml": "", "a/Procfile": "", "a/b/c/x": "", "b/tasks.yml": "", "b/Procfile": "", "c/tasks.yaml/x": "", "d/tasks.yaml": "", "d/tasks.yml": "",
	})
	finds := func(in, want string) *Found {
		t.Helper()
		found, err := Find(filepath.Join(dir, in))
		if err != nil || found.Path != filepath.Join(dir, want) {
			t.Fatalf("%s: %v, %v; want %s", in, found, err, want)
		}
		return found
	}
	for in, want := range map[string]string{
		".": "tasks.yaml", "a": "a/Procfile", "a/b/c": "a/Procfile", "b": "b/tasks.yml", "d": "d/tasks.yaml",
	} {
		finds(in, want)
	}
	for _, in := range []string{"c", "c/tasks.yaml"} {
		found := finds(in, "c/tasks.yaml")
		if _, err := found.Load(nil); !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), found.Path+" is not a regular file") {
			t.Errorf("%s: %v", in, err)
		}
	}
	if found, err := Find("/"); err == nil || !errors.Is(err, task.ErrNotFound) {
		t.Skipf("there is a tasks file in /: %v", found)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chown(filepath.Join(dir, "a/Procfile"), 12345, -1), os.Chown(filepath.Join(dir, "d/tasks.yaml"), 12345, -1)); err != nil {
			t.Fatal(err)
		}
		finds("a", "a/Procfile")
		finds("a/b", "tasks.yaml") // not the file of another user
		if err := os.Chown(filepath.Join(dir, "a/b"), 12345, -1); err != nil {
			t.Fatal(err)
		}
		finds("a/b", "a/Procfile") // which the owner of a/b has too
	}
}

// What is found is what is loaded, with the .env that was beside it.
func TestLoadWhatWasFound(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tasks.yaml": "tasks: {a: {command: [$X]}}", ".env": "X=1", "sub/x": "", "new": "tasks: {b: {command: [$X]}}", "new.env": "X=2"})
	at := func(path string) string { return filepath.Join(dir, path) }
	for _, in := range []string{"sub", "."} {
		found, err := Find(at(in))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Rename(at("tasks.yaml"), at("old")), os.Rename(at("new"), at("tasks.yaml")), os.Rename(at(".env"), at("old.env")), os.Rename(at("new.env"), at(".env"))); err != nil {
			t.Fatal(err)
		}
		f, err := found.Load(nil)
		if err != nil || f.Tasks[0].Name != "a" || f.Tasks[0].Command[0] != "1" {
			t.Errorf("in %s: %+v, %v", in, f, err)
		}
		if err := errors.Join(os.Rename(at("tasks.yaml"), at("new")), os.Rename(at("old"), at("tasks.yaml")), os.Rename(at(".env"), at("new.env")), os.Rename(at("old.env"), at(".env"))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadRelativePath(t *testing.T) {
	dir := write(t, map[string]string{"sub/tasks.yaml": "tasks: {a: {command: x}}", "sub/bad.yaml": "x: 1"})
	t.Chdir(dir)
	f, err := Load("sub/tasks.yaml", nil)
	if err != nil || !filepath.IsAbs(f.Path) || f.Tasks[0].Cwd != filepath.Dir(f.Path) || f.Tasks[0].File != f.Path {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := Load("sub/bad.yaml", nil); err == nil || !strings.HasPrefix(err.Error(), "sub/bad.yaml:1:1: ") {
		t.Errorf("the path is not as it was given: %v", err)
	}
	if _, err := Load("nowhere", nil); !errors.Is(err, task.ErrUsage) || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
