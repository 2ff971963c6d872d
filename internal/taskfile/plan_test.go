package taskfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tasks/internal/deps"
	"tasks/internal/plan"
	"tasks/pkg/task"
)

// change is what a whole f changes.
func change(f *File) *task.Change {
	return &task.Change{ID: "1", File: f.Path, Project: f.Project, Prune: true, Groups: f.Groups, Tasks: f.Tasks}
}

func shared(now []task.Info) []*task.Info {
	var all []*task.Info
	for i := range now {
		all = append(all, &now[i])
	}
	return all
}

// planOf is the plan for c on this disk.
func planOf(c *task.Change, now []*task.Info, envs func(string) task.Env) (*plan.Plan, error) {
	return plan.Of(c, now, envs, plan.NewDisk(os.Stat).Look(plan.Paths(c, now)))
}

// steps is what an up of f does, where the tasks are now so.
func steps(f *File, now []task.Info, envs func(string) task.Env) ([]plan.Step, error) {
	p, err := planOf(change(f), shared(now), envs)
	if err != nil {
		return nil, err
	}
	return p.Steps, nil
}

// takenOver is the files in whose place f is.
func takenOver(f *File, now []task.Info) []string {
	p, err := planOf(change(f), shared(now), func(string) task.Env { return task.Env{} })
	if err != nil {
		panic(err) // no other has its tasks
	}
	return p.TakenOver
}

// down is the names that a down of f stops, level by level.
func down(f *File, now []task.Info) [][]string {
	c := change(f)
	c.Down = true
	p, err := planOf(c, shared(now), nil)
	if err != nil {
		panic(err) // there is none to have
	}
	return p.Stops
}

const planned = `
tasks:
  db: {command: [postgres], restart: always, env: {A: 1, B: 2}}
  api: {command: ./api, after: db, ready_port: 80}
  job: {command: ./job}
`

// up is what a supervisor says of f's tasks once they run, and their environments.
func up(f *File) ([]task.Info, func(string) task.Env) {
	envs := make(map[string]task.Env)
	var now []task.Info
	for _, s := range f.Tasks {
		envs[s.Name] = s.Env
		now = append(now, task.Info{Name: s.Name, State: task.Running, Desired: task.DesiredRunning, Spec: s.Shown()})
	}
	return now, func(name string) task.Env { return envs[name] }
}

// The steps in short: kind, name and reason.
func told(steps []plan.Step) string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, fmt.Sprintf("%s %s: %s", s.Kind, s.Name, s.Why))
	}
	return strings.Join(lines, "\n")
}

func TestPlanStates(t *testing.T) {
	t.Parallel()
	f := load(t, planned, "HOME=/root")
	p, err := planOf(change(f), nil, nil)
	if err != nil || told(p.Steps) != "start db: new\nstart api: new\nstart job: new" {
		t.Fatalf("%s, %v", told(p.Steps), err)
	}
	if specs, kept := p.Begin(change(f)); !reflect.DeepEqual(specs, f.Tasks) || kept != nil {
		t.Fatalf("%v, %v", specs, kept)
	}
	for _, tt := range []struct {
		name string
		is   task.Info
		want string
	}{
		{"db", task.Info{State: task.Running}, "keep db: unchanged"},
		{"db", task.Info{State: task.Starting}, "keep db: unchanged"},
		{"db", task.Info{State: task.Waiting}, "keep db: unchanged"},
		{"db", task.Info{State: task.Queued}, "keep db: unchanged"},
		{"db", task.Info{State: task.Paused}, "keep db: unchanged"},
		{"db", task.Info{State: task.BackingOff}, "keep db: unchanged"},
		{"db", task.Info{State: task.Stopping, Desired: task.DesiredRunning}, "keep db: unchanged"},
		{"db", task.Info{State: task.Stopping, Desired: task.DesiredStopped}, "restart db: is being stopped"},
		{"db", task.Info{State: task.Stopped, Desired: task.DesiredStopped}, "start db: stopped"},
		{"db", task.Info{State: task.Lost}, "start db: lost"},
		{"db", task.Info{State: task.Failed, ExitCode: new(1)}, "start db: ended: exit code 1"},
		{"db", task.Info{State: task.Failed, Signal: "SIGKILL"}, "start db: ended: SIGKILL"},
		{"db", task.Info{State: task.Failed, ExitCode: new(0), TimedOut: true}, "start db: ended: timed out"},
		{"db", task.Info{State: task.Failed, Reason: "no such program"}, "start db: ended: no such program"},
		{"db", task.Info{State: task.Done, ExitCode: new(0)}, "start db: ended: exit code 0"},
		{"api", task.Info{State: task.Done, ExitCode: new(0)}, "start api: ended: exit code 0"},
		{"job", task.Info{State: task.Done, ExitCode: new(0)}, "keep job: done"},
		{"job", task.Info{State: task.Failed, ExitCode: new(2)}, "start job: ended: exit code 2"},
	} {
		now, envs := up(f)
		i := slices.IndexFunc(now, func(t task.Info) bool { return t.Name == tt.name })
		tt.is.Name, tt.is.Spec = now[i].Name, now[i].Spec
		now[i] = tt.is
		todo, err := steps(f, now, envs)
		if err != nil || told(todo[i:i+1]) != tt.want || len(todo) != 3 {
			t.Errorf("%s %s: %s, %v; want %s", tt.name, tt.is.State, told(todo), err, tt.want)
		}
	}
}

func TestPlanChanges(t *testing.T) {
	t.Parallel()
	const before = `env: {TOP: 1}
tasks:
  a: {command: ./a, env: {A: secret, B: 2}, after_ended: [c, b]}
  b: {command: x, every: 1h}
  c: {command: x}
`
	swap := func(from, to string) string {
		if !strings.Contains(before, from) {
			t.Fatalf("there is no %s", from)
		}
		return strings.Replace(before, from, to, 1)
	}
	for _, tt := range []struct {
		text    string
		environ string
		want    string
	}{
		{before, "HOME=/root", ""},
		{before, "HOME=/else", ""}, // the caller's alone
		{swap("[c, b]", "[b, c, b]"), "HOME=/root", ""},
		{swap("b: {command: x", "b: {command: x, backoff: 1s..1m, stop_signal: TERM, stop_timeout: 10000ms, restart: no, success_codes: [0], overlap: skip, ready_timeout: 30s, ready_interval: 500ms, health_interval: 10s, health_timeout: 5s, health_retries: 3"), "HOME=/root", ""},
		{swap("./a", "./b"), "HOME=/root", "restart a: command changed"},
		{swap("./a", "./a, restart: always, cwd: /, stop_timeout: 1s"), "HOME=/root", "restart a: cwd, stop_timeout and restart changed"},
		{swap("./a", "./a, restart: always, cwd: /, stop_timeout: 1s, priority: 1, leave_children: true"), "HOME=/root", "restart a: cwd, stop_timeout, restart and 2 more changed"},
		{swap("[c, b]", "b"), "HOME=/root", "restart a: after_ended changed"},
		{swap("secret", "other"), "HOME=/root", "restart a: env changed: A"},
		{swap("A: secret, ", ""), "HOME=/root", "restart a: env changed: A"},
		{swap("A: secret, ", ""), "A=secret", ""}, // it is as it was
		{swap("B: 2", "B: 3, C: 4"), "HOME=/root", "restart a: env changed: B and C"},
		{swap("x, every", "y, clear_env: true, every"), "HOME=/root", "restart b: command changed; env changed: the caller's"},
		{swap("TOP: 1", "TOP: 2"), "HOME=/root", "restart c: env changed: TOP\nrestart b: env changed: TOP\nrestart a: env changed: TOP"},
		{swap("./a", "./a, cwd: '${HOME}'"), "HOME=/root", "restart a: cwd changed"},
	} {
		// One path, so that it is one file at two times.
		old, err := parse("f", "/d/tasks.yaml", before, []string{"HOME=/root", "PATH=/bin"})
		if err != nil {
			t.Fatal(err)
		}
		now, envs := up(old)
		next, err := parse("f", "/d/tasks.yaml", tt.text, []string{tt.environ, "PATH=/bin"})
		if err != nil {
			t.Fatal(err)
		}
		todo, err := steps(next, now, envs)
		if err != nil {
			t.Fatal(err)
		}
		todo = slices.DeleteFunc(todo, func(s plan.Step) bool { return s.Kind == plan.Keep })
		if got := told(todo); got != tt.want || strings.Contains(got, "secret") {
			t.Errorf("%s\n got %s\nwant %s", tt.text, got, tt.want)
		}
		for i := range now {
			now[i].State = task.Stopped
		}
		if todo, _ = steps(next, now, envs); slices.ContainsFunc(todo, func(s plan.Step) bool { return s.Kind != plan.Start }) {
			t.Errorf("of ended ones: %s", told(todo))
		}
	}
}

func TestPlanOfOthers(t *testing.T) {
	t.Parallel()
	f := load(t, planned)
	now, envs := up(f)
	other := filepath.Join(t.TempDir(), "tasks.yaml")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := func(name, file string, state task.State, after ...string) task.Info {
		return task.Info{Name: name, State: state, Desired: task.DesiredRunning, Spec: task.Spec{Name: name, File: file, Order: task.Order{After: after}}}
	}
	more := append(slices.Clone(now),
		old("gone", f.Path, task.Running), old("first", f.Path, task.BackingOff, "gone"), old("ended", f.Path, task.Failed), old("shutdown", f.Path, task.Stopped),
		old("other", other, task.Running), old("hand", "", task.Running))
	todo, err := steps(f, more, envs)
	if want := "stop first: no longer in the file\nstop gone: no longer in the file\nstop shutdown: no longer in the file\nkeep db: unchanged\nkeep api: unchanged\nkeep job: unchanged"; err != nil || told(todo) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, told(todo), want)
	}
	if got, want := down(f, more), [][]string{{"api", "first"}, {"db", "job", "gone", "ended", "shutdown"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("down %v; want %v", got, want)
	}
	if got := down(f, more[7:]); len(got) != 0 {
		t.Errorf("down %v", got)
	}
	now[0].Spec.File, now[1].Spec.File = other, ""
	now[1].State = task.Done
	now[2].Spec.File, now[2].State, now[2].Desired = other, task.Stopped, task.DesiredStopped // by hand: the file is up
	todo, err = steps(f, now, envs)
	want := "db belongs to " + other + ": take that down first, or give one of the two a project\napi was started by hand: stop and remove it first: tasks rm --force api\njob belongs to " + other + ": take that down first, or give one of the two a project"
	if todo != nil || !errors.Is(err, task.ErrConflict) || err.Error() != want {
		t.Errorf("%v, %v", todo, err)
	}
}

func levels(specs []task.Spec) [][]string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return deps.GraphOf(specs).Levels(names)
}

func TestLevels(t *testing.T) {
	t.Parallel()
	spec := func(name string, after ...string) task.Spec {
		return task.Spec{Name: name, Order: task.Order{After: after}}
	}
	for _, tt := range []struct {
		specs []task.Spec
		want  [][]string
	}{
		{nil, nil},
		{[]task.Spec{spec("a"), spec("b", "a"), spec("c", "b", "a"), spec("d", "a")}, [][]string{{"a"}, {"b", "d"}, {"c"}}},
		{[]task.Spec{spec("c", "b"), spec("b", "gone"), spec("a")}, [][]string{{"b", "a"}, {"c"}}},
		{[]task.Spec{spec("a", "b"), spec("b", "a")}, [][]string{{"b"}, {"a"}}}, // a cycle that no file has
		{[]task.Spec{spec("a", "a")}, [][]string{{"a"}}},
	} {
		if got := levels(tt.specs); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v; want %v", got, tt.want)
		}
	}
}

func TestPlanGroups(t *testing.T) {
	t.Parallel()
	f := &File{Groups: []task.Group{
		{Name: "same", Slots: new(2)}, {Name: "other", Slots: new(3)}, {Name: "new", Slots: new(0)}, {Name: "none"},
		{Name: "free", Hooks: task.Hooks{OnFailure: "mail me"}}, {Name: "quiet"},
	}}
	now := []task.Group{
		{Name: "same", Slots: new(2), Paused: true, Running: 1}, {Name: "other", Slots: new(2)}, {Name: "alone", Slots: new(1)},
		{Name: "free", Slots: new(1)}, {Name: "quiet", Hooks: task.Hooks{OnExit: "date"}},
	}
	want := []plan.GroupStep{{Name: "other", Why: "slots 3"}, {Name: "new", Why: "slots 0"}, {Name: "free", Why: "slots none; on_failure mail me"}, {Name: "quiet", Why: "no on_exit"}}
	if got := plan.Groups(f.Groups, now); !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}
