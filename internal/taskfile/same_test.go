package taskfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// A file is one by whatever path; one that does not exist any more leaves its
// tasks to what has its project or its names.
func TestOneFile(t *testing.T) {
	t.Parallel()
	const text = "project: shop\ntasks:\n  api: {command: ./api}\n  db: {command: [postgres]}\n"
	dir := write(t, map[string]string{
		"real/tasks.yaml": text, "other/tasks.yaml": text, "eu/tasks.yaml": "project: shop.eu\ntasks: {api: {command: ./api}}",
		"plain/tasks.yaml": "tasks: {web: {command: ./web}, job: {command: ./job}}",
	})
	at := func(path string) string { return filepath.Join(dir, path) }
	for _, err := range []error{
		os.Symlink("real", at("link")), os.Symlink("real/tasks.yaml", at("linked.yaml")),
		os.Mkdir(at("hard"), 0o700), os.Link(at("real/tasks.yaml"), at("hard/tasks.yaml")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) *File {
		t.Helper()
		f, err := Load(at(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	flat := func(f *File, now []task.Info) string {
		names := slices.Concat(down(f, now)...)
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	real := read("real/tasks.yaml")
	now, envs := up(real)
	for _, path := range []string{"link/tasks.yaml", "real/../real/tasks.yaml"} {
		f := read(path)
		todo, err := steps(f, now, envs)
		if err != nil || f.Path != real.Path || told(todo) != "keep shop.api: unchanged\nkeep shop.db: unchanged" || flat(f, now) != "shop.api shop.db" {
			t.Errorf("%s: %s, %v, %s", path, f.Path, err, told(todo))
		}
	}
	for _, path := range []string{"linked.yaml", "hard/tasks.yaml"} { // whose tasks run in other directories
		f := read(path)
		if todo, err := steps(f, now, envs); err != nil || told(todo) != "restart shop.api: cwd changed\nrestart shop.db: cwd changed" || flat(f, now) != "shop.api shop.db" {
			t.Errorf("%s: %v, %s", path, err, told(todo))
		}
	}
	// As an earlier version has recorded it.
	for i := range now {
		now[i].Spec.File, now[i].Spec.Cwd = at("link/tasks.yaml"), at("link")
	}
	if todo, err := steps(real, now, envs); err != nil || told(todo) != "keep shop.api: unchanged\nkeep shop.db: unchanged" {
		t.Errorf("%v, %s", err, told(todo))
	}
	// Another file with the same names is another, though an editor has replaced ours.
	if err := errors.Join(os.WriteFile(at("real/new"), []byte(text), 0o600), os.Rename(at("real/new"), at("real/tasks.yaml"))); err != nil {
		t.Fatal(err)
	}
	if _, err := steps(read("other/tasks.yaml"), now, envs); !errors.Is(err, task.ErrConflict) || flat(read("other/tasks.yaml"), now) != "" {
		t.Errorf("a file takes the tasks of another: %v", err)
	}
	if got := flat(read("link/tasks.yaml"), now); got != "shop.api shop.db" {
		t.Errorf("a file that was written again has %q", got)
	}
	// The directory moves.
	now = append(now, task.Info{Name: "shop.old", State: task.Running, Desired: task.DesiredRunning, Spec: task.Spec{Name: "shop.old", File: at("real/tasks.yaml")}},
		task.Info{Name: "shop.eu.api", State: task.Running, Desired: task.DesiredRunning, Spec: task.Spec{Name: "shop.eu.api", File: at("real/tasks.yaml")}})
	if err := os.Rename(at("real"), at("moved")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"moved/tasks.yaml", "other/tasks.yaml"} {
		f := read(path)
		todo, err := steps(f, now, envs)
		want := "stop shop.old: no longer in the file\nrestart shop.api: cwd changed\nrestart shop.db: cwd changed"
		if err != nil || told(todo) != want || flat(f, now) != "shop.api shop.db shop.old" {
			t.Errorf("%s: %v, %s; down %s", path, err, told(todo), flat(f, now))
		}
		if got := takenOver(f, now); !slices.Equal(got, []string{at("link/tasks.yaml"), at("real/tasks.yaml")}) {
			t.Errorf("%s is in the place of %q", path, got)
		}
	}
	// Without a project it is the names.
	now, envs = up(read("plain/tasks.yaml"))
	now = append(now, task.Info{Name: "rest", State: task.Running, Desired: task.DesiredRunning, Spec: task.Spec{Name: "rest", File: at("plain/tasks.yaml")}})
	if err := os.Rename(at("plain"), at("simple")); err != nil {
		t.Fatal(err)
	}
	f := read("simple/tasks.yaml")
	if todo, err := steps(f, now, envs); err != nil || told(todo) != "restart web: cwd changed\nrestart job: cwd changed" || flat(f, now) != "job web" {
		t.Errorf("%v, %s; down %s", err, told(todo), flat(f, now))
	}
	if got := flat(read("eu/tasks.yaml"), now); got != "" {
		t.Errorf("a project takes %q of another", got)
	}
}
